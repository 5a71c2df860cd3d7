// A device that is led from outside, on any engine (see engines/engines.ts). It tells call("heard", …) what it hears:
// ["connected"], ["disconnected", code], ["command", {…}], ["error", text].

export function start({ lib, ports, argument, call }) {
  const client = new lib.DeviceClient(argument, ports);
  client.connectedCallback = () => call("heard", ["connected"]);
  client.disconnectedCallback = reason => call("heard", ["disconnected", reason ? reason.code : null]);
  client.errorCallback = error => call("heard", ["error", error.message]);
  client.commandCallback = ({ command, format, data, timestamp }) =>
    call("heard", ["command", { command, format, data, timestamp: timestamp.toISOString() }]);

  return {
    connect: () => client.connect(),
    clientId: () => client.clientId,
    connected: () => client.connected,
    counters: () => client.counters,
    /** Resolves when confirmed (QoS 1, 2) or handed to the socket (0). */
    publish: ([event, format, data, qos]) =>
      new Promise((resolve, reject) => {
        const accepted = client.publishEvent(event, format, data, qos, error => (error ? reject(error) : resolve()));
        if (!accepted) reject(new Error("the outbox is full"));
      }),
    stop: () => new Promise(resolve => client.disconnect(() => resolve())),
  };
}
