// The device program, after the samples of the Python client: publishes `status` once a second, handles the commands
// `setInterval` and `print`. Written as a user would; it runs unchanged on Node and in XS (see engines/engines.ts).
//
// In: options and QoS, figures from the host. Out: reports of what happens.

/** Seconds between events, until told otherwise. */
const FIRST_INTERVAL = 1;

export function start({ lib, ports, argument: { options, qos }, call }) {
  const client = new lib.DeviceClient(options, ports);
  const timer = ports.clock.timer(publish);
  const report = (what, details) => call("report", [what, details]);
  let interval = FIRST_INTERVAL;

  function publish() {
    const { cpu, mem } = call("figures");
    const data = { name: "foo", cpu, mem };
    const accepted = client.publishEvent("status", "json", data, qos, error => {
      if (error) report("failed", { event: "status", reason: error.message });
    });
    report(accepted ? "event" : "full", { event: "status", format: "json", data, qos });
    timer.set(interval * 1000);
  }

  function handle({ command, format, data }) {
    report("command", { command, format, data });
    if (command === "setInterval") {
      if (typeof data?.interval !== "number" || !(data.interval > 0)) return complain(command, "interval");
      interval = data.interval;
      timer.set(interval * 1000);
      report("handled", { command, text: `one event every ${interval} s` });
    } else if (command === "print") {
      if (data?.message === undefined) return complain(command, "message");
      report("handled", { command, text: String(data.message) });
    } else report("complaint", { command, text: "unknown command" });
  }

  function complain(command, key) {
    report("complaint", { command, text: `Error - command is missing required information: '${key}'` });
  }

  client.commandCallback = handle;
  client.connectedCallback = () => report("connected", { clientId: client.clientId });
  client.disconnectedCallback = (reason, willRetry) => {
    if (reason && !willRetry) timer.clear();
    report("disconnected", { reason: reason?.message, willRetry });
  };
  client.errorCallback = error => report("error", { reason: error.message });
  client.connect();
  publish();

  return {
    /** Sends what was accepted, then disconnects; resolves when the connection is gone. */
    stop() {
      timer.clear();
      return new Promise(resolve => client.disconnect(resolve));
    },
  };
}
