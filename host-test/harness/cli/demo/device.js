// The demo device, after the samples of the Python client: publishes `status` once a second, handles the commands
// `setInterval` and `print`. Written as a user's program; it runs unchanged on Node and in XS (see xs/engines.ts).
//
// With `managed` it is a managed device, which an operator may restart and update.
//
// In: options and QoS, figures of the machine. Out: reports.

import { beManaged, DemoInstaller, managedOptions } from "./managed.js";

/** Seconds between events before the first `setInterval`. */
const FIRST_INTERVAL = 1;
/** Legal intervals, seconds. Timers of Node and XS overflow above 2^31 - 1 ms, and then expire at once. */
const MIN_INTERVAL = 0.01;
const MAX_INTERVAL = 86_400;

export function start({ lib, ports, argument: { options, qos, managed }, call }) {
  const timer = ports.clock.timer(publish);
  const report = (what, details) => call("report", [what, details]);
  const installer = managed && new DemoInstaller(ports.clock, report, restart);
  let client;
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
      if (typeof data?.interval !== "number") return complain(command, "interval");
      if (!(data.interval >= MIN_INTERVAL && data.interval <= MAX_INTERVAL)) {
        const text = `Error - interval must be ${MIN_INTERVAL} to ${MAX_INTERVAL} seconds, not ${data.interval}`;
        return report("complaint", { command, text });
      }
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

  function begin() {
    client = installer
      ? new lib.ManagedDeviceClient({ ...options, managed: managedOptions(installer) }, ports)
      : new lib.DeviceClient(options, ports);
    client.commandCallback = handle;
    client.connectedCallback = () => report("connected", { clientId: client.clientId });
    client.disconnectedCallback = (reason, retryMs) => {
      if (reason && retryMs < 0) timer.clear();
      report("disconnected", { reason: reason?.message, retryMs });
    };
    client.errorCallback = error => report("error", { reason: error.message });
    client.connect();
    if (installer) beManaged(client, report, restart);
    publish();
  }

  /** As if the board was restarted. */
  function restart() {
    timer.clear();
    client.disconnect(begin);
  }

  begin();

  return {
    /** Sends what was accepted, then disconnects; resolves when the connection is gone. */
    stop() {
      timer.clear();
      return new Promise(resolve => client.disconnect(resolve));
    },
  };
}
