// A device that does what it is told and tells what it hears, on Node and in XS: the program under test of
// whole-way.test.ts, failover.test.ts and ../api/interop.test.ts.

export function start({ lib, ports, argument: options, call }) {
  const client = new lib.DeviceClient(options, ports);
  client.commandCallback = ({ command, format, data, timestamp }) =>
    call("command", { command, format, data, timestamp: timestamp.toISOString() });
  client.connectedCallback = () => call("connected");
  client.disconnectedCallback = (reason, retryMs) =>
    call("disconnected", { code: reason?.code, returnCode: reason?.returnCode, message: reason?.message, retryMs });
  client.errorCallback = error => call("failed", `${error.name}: ${error.message}`);

  return {
    connect: () => client.connect(),
    disconnect: () => new Promise(resolve => client.disconnect(resolve)),
    /** Resolves when the event is published. */
    publish: ({ event, data, qos }) =>
      new Promise((resolve, reject) => {
        const done = error => (error ? reject(error) : resolve());
        if (!client.publishEvent(event, "json", data, qos, done)) reject(new Error("outbox full"));
      }),
    counters: () => client.counters,
  };
}
