// `iotf-embedded device`: runs the demo device until Ctrl-C.

import { DeviceClient, type DeviceOptions, nodePorts } from "../../../targets/node/index.ts";
import { printableJson } from "../platform/printable.ts";
import { parse, qualityOfService, whole } from "./args.ts";
import type { Command, Io } from "./command.ts";
import { Console } from "./console.ts";
import { start } from "./demo/device.js";
import { machineFigures } from "./demo/figures.ts";
import { DEMO_DEVICE, demoDeviceOptions, organization } from "./demo-device.ts";
import { configuredDevice, withAddress } from "./device-options.ts";
import { type Report, reportLine } from "./device-report.ts";
import { CommandError, UsageError } from "./errors.ts";
import { LOCAL } from "./target.ts";
import { asUsageError } from "./usage-error.ts";

const HELP = `Usage: iotf-embedded device [options]

Runs a device that publishes CPU and memory of this machine as event 'status' once a second, and handles the commands
'print' {"message": …} and 'setInterval' {"interval": seconds}. Ends with Ctrl-C.

  --config FILE           the device: an ini file with [device] org, type, id, auth-method, auth-token, …, or YAML
  --url mqtt://HOST:PORT  where to connect, mqtts:// with TLS (default: host or domain of the configuration, else
                          ${LOCAL})
  --qos 0|1|2             QoS of the events (default 1; 0 for org quickstart)
  --events N              end after N events
  --json                  print one JSON object per line
  --help                  show this text

Without --config, the device is that of the environment (WIOTP_IDENTITY_ORGID, _TYPEID, _DEVICEID, WIOTP_AUTH_TOKEN, …),
else thermo:t-01 of org abc123, which 'iotf-embedded platform' registers.
`;

const OPTIONS = {
  config: { type: "string" },
  url: { type: "string" },
  qos: { type: "string" },
  events: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const device: Command = {
  name: "device",
  summary: "run the demo device",
  help: HELP,
  options: OPTIONS,
  async run(args, io) {
    const { values } = parse(args, OPTIONS);
    const { type, id } = DEMO_DEVICE;
    // A Quickstart device may have no type and id; applications subscribe by them.
    const configured = { type, id, ...(configuredDevice(values.config, io.env) ?? demoDeviceOptions()) };
    const options = withAddress(configured, values.url);
    const quickstart = organization(options) === "quickstart";
    const qos = qualityOfService(values.qos) ?? (quickstart ? 0 : 1);
    if (quickstart && qos > 0) throw new UsageError("--qos: org quickstart takes QoS 0 only");
    const events = whole("--events", values.events, 1, 1_000_000) ?? Number.POSITIVE_INFINITY;
    await runDevice({ options, qos }, events, printer(values.json, io), io.signal);
    return 0;
  },
};

interface Settings {
  readonly options: DeviceOptions;
  readonly qos: 0 | 1 | 2;
}

/** Resolves after `events` events or when the signal aborts. @throws CommandError if the device cannot go on */
async function runDevice(argument: Settings, events: number, print: (report: Report) => void, signal: AbortSignal) {
  let left = events;
  let failure: string | undefined;
  let end = (): void => {};
  const ended = new Promise<void>(resolve => {
    end = resolve;
  });
  const report = ([what, details]: [string, Record<string, unknown>]) => {
    print({ what, details });
    const gone = what === "disconnected" && details.reason !== undefined && Number(details.retryMs) < 0;
    if (what === "failed" || gone) failure = String(details.reason);
    if (what === "event") left--;
    if (gone || left === 0) end();
  };
  const figures = machineFigures();
  const call = (name: string, value?: unknown) => (name === "figures" ? figures() : report(value as never));
  const program = asUsageError(() => start({ lib: { DeviceClient }, ports: nodePorts, argument, call }));
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  await ended;
  await program.stop();
  if (failure !== undefined && !signal.aborted) throw new CommandError(failure);
}

function printer(json: boolean, io: Io): (report: Report) => void {
  if (!json) {
    const console = new Console(io);
    return report => console.print(reportLine(report));
  }
  return ({ what, details }) => {
    io.stdout.write(`${printableJson({ time: new Date().toISOString(), what, ...details })}\n`);
  };
}
