// `iotf-embedded fleet`: runs many copies of a device program against a platform or a broker, and reports how it went.

import { writeFileSync } from "node:fs";
import { DeviceClient, type DeviceOptions, nodePorts } from "../../../targets/node/index.ts";
import { type FleetOptions, runFleet } from "../fleet/fleet.ts";
import { fromCsv, fromPattern, type Identity } from "../fleet/identities.ts";
import { junitXml } from "../fleet/junit.ts";
import type { ObserverOptions } from "../fleet/observer.ts";
import { picture } from "../fleet/picture.ts";
import { servePrometheus } from "../fleet/prometheus.ts";
import { mergeReports, parseReport, type Report } from "../fleet/report.ts";
import { reportText } from "../fleet/report-text.ts";
import { check, parseThreshold, type Threshold } from "../fleet/threshold.ts";
import type { Totals } from "../fleet/totals.ts";
import { printable } from "../platform/printable.ts";
import { buildProgram } from "../xs/program.ts";
import { count } from "../xs/text.ts";
import { addressUrl, parse, positive, settingsOf, whole } from "./args.ts";
import type { Command, Io } from "./command.ts";
import { DEMO_DEVICE } from "./demo-device.ts";
import { configuredDevice, withAddress } from "./device-options.ts";
import { CommandError, UsageError } from "./errors.ts";
import { readText } from "./files.ts";
import { findTarget, LOCAL, whereTo } from "./target.ts";
import { asUsageError } from "./usage-error.ts";

const MAX_DEVICES = 1_000_000;
const DEFAULT_RATE = 100;
const OBSERVER_TIMEOUT_MS = 5000;

const HELP = `Usage: iotf-embedded fleet <program> [key=value …] [options]
       iotf-embedded fleet --merge <report.json> … [--json] [--svg FILE] [--junit FILE] [--threshold CONDITION]

Runs many copies of a device program, each with its own identity, and reports what they did: connects, times to CONNACK
and PUBACK, losses, duplicates, and how busy this PC was. The program exports main(options), as for iotf-embedded/testing.
Ends after --duration, with Ctrl-C, or when no device is connected, will connect, or has a timer.

  [key=value]             values that the program imports from "mc/config", as with mcconfig

  --count N               devices (default 10)
  --start N               number of the first device (default 0), so that several machines share a fleet
  --rate N                devices started per second (default ${DEFAULT_RATE})
  --duration N            end after N seconds; 90s, 10m and 2h are understood too

  --url mqtt://HOST:PORT  where to connect, mqtts:// with TLS (default: host or domain of --config, else
                          ${LOCAL})
  --ca FILE               trusted authorities, PEM
  --config FILE           an ini file with [device]: options of every device but type, id and auth-token
  --org ORG               organization of the devices (default ${DEMO_DEVICE.org})
  --type TYPE, --id ID, --token TOKEN
                          identity of a device; %i is its number (default fleet, device-%i, token-%i)
  --devices FILE          identities from a CSV file: columns type, id, auth-token, and perhaps org; no quotes

  --plain                 the broker is not a platform: its topics do not name the device
  --api-key KEY, --api-token TOKEN
                          credentials of the application that observes the events; also WIOTP_AUTH_KEY and _TOKEN
  --no-observer           do not observe: losses and duplicates are not counted

  --restart COMMAND       run this shell command once, to restart the broker …
  --restart-at N          … N seconds after the start (default: half of --duration)
  --bad-links PERCENT     percent of the devices whose link stalls, and breaks in the middle of packets
  --seed N                makes random numbers of devices and links (default 1)
  --threads N             threads for the devices (default 1; more threads take more CPU for each event)

  --json                  print the report as one JSON object
  --junit FILE            write thresholds and failures as JUnit XML
  --svg FILE              draw the connected devices and the connects of each second
  --threshold CONDITION   fail unless this holds, for example 'puback.p99<500' or 'lost==0'; repeat for more
  --prometheus PORT       serve the figures at http://127.0.0.1:PORT/metrics while the fleet runs
  --merge                 print one report of several, which --json has written to these files
  --help                  show this text

Exit code 1 if a threshold is not met, if a program was stopped by an exception or an endless loop, or if the fleet could not
run; 2 if the command line or a file is wrong. A fleet that does not connect is not a failure by itself: use
--threshold connected==N. Needs the package esbuild in the project.
`;

const OPTIONS = {
  count: { type: "string" },
  start: { type: "string" },
  rate: { type: "string" },
  duration: { type: "string" },
  url: { type: "string" },
  ca: { type: "string" },
  config: { type: "string" },
  org: { type: "string" },
  type: { type: "string" },
  id: { type: "string" },
  token: { type: "string" },
  devices: { type: "string" },
  plain: { type: "boolean", default: false },
  "api-key": { type: "string" },
  "api-token": { type: "string" },
  "no-observer": { type: "boolean", default: false },
  restart: { type: "string" },
  "restart-at": { type: "string" },
  "bad-links": { type: "string" },
  seed: { type: "string" },
  threads: { type: "string" },
  json: { type: "boolean", default: false },
  junit: { type: "string" },
  svg: { type: "string" },
  threshold: { type: "string", multiple: true, default: [] as string[] },
  prometheus: { type: "string" },
  merge: { type: "boolean", default: false },
} as const;

type Values = ReturnType<typeof parse<typeof OPTIONS>>["values"];

export const fleet: Command = {
  name: "fleet",
  summary: "run many copies of a device program",
  help: HELP,
  options: OPTIONS,
  async run(args, io) {
    const { values, words } = parse(args, OPTIONS, "any");
    const thresholds = values.threshold.map(parseThreshold);
    if (values.merge) {
      if (words.length === 0) throw new UsageError("--merge needs reports of 'fleet --json'");
      return finish(mergeReports(words.map(readReport)), thresholds, values, io);
    }
    const [file, ...settings] = words;
    if (file === undefined) throw new UsageError("fleet needs a program");
    const options = fleetOptions(values, io.env);
    const port = whole("--prometheus", values.prometheus, 0, 65_535);
    const program = await buildProgram({ file, target: "node", config: settingsOf(settings) });
    try {
      const report = await run({ ...options, program: program.path }, port, io);
      return finish(report, thresholds, values, io);
    } catch (error) {
      throw error instanceof CommandError ? new CommandError(`${file}: ${error.message}`) : error;
    } finally {
      await program.remove();
    }
  },
};

async function run(options: FleetOptions, port: number | undefined, io: Io): Promise<Report> {
  let totals: Totals | undefined;
  const metrics = port === undefined ? undefined : await servePrometheus(port, () => totals);
  if (metrics) io.stderr.write(`figures at http://127.0.0.1:${metrics.port}/metrics\n`);
  const line = progressLine(io);
  try {
    return await runFleet(options, io.signal, current => {
      totals = current;
      line.show(current);
    });
  } finally {
    line.end();
    metrics?.close();
  }
}

function finish(report: Report, thresholds: readonly Threshold[], values: Values, io: Io): number {
  const results = thresholds.map(threshold => check(threshold, report));
  if (values.json) io.stdout.write(`${JSON.stringify({ ...report, thresholds: results })}\n`);
  else {
    io.stdout.write(reportText(report).split("\n").map(printable).join("\n"));
    for (const { text, value, met } of results) {
      io.stdout.write(`${met ? "met" : "NOT MET"}: ${text} (${value ?? "no such figure"})\n`);
    }
  }
  // After the report: these may fail.
  if (values.junit !== undefined) write("--junit", values.junit, junitXml(report, results));
  if (values.svg !== undefined) write("--svg", values.svg, picture(report));
  return results.every(({ met }) => met) && report.stopped === 0 ? 0 : 1;
}

function fleetOptions(values: Values, env: NodeJS.ProcessEnv): Omit<FleetOptions, "program"> {
  const configured = values.config === undefined ? {} : (configuredDevice(values.config, env) ?? {});
  const ca = values.ca === undefined ? {} : { ca: readText("the authorities in", values.ca) };
  const device = { ...withAddress(configured, values.url), ...ca };
  const identities = identitiesOf(values, device);
  const seconds = duration(values.duration);
  const { org, type, id, token } = identities[0]!;
  // All devices have the same options but their identity.
  asUsageError(
    () => new DeviceClient({ ...device, org, type, id, "auth-method": "token", "auth-token": token }, nodePorts),
  );
  return {
    identities,
    device,
    rate: positive("--rate", values.rate, 100_000) ?? DEFAULT_RATE,
    threads: whole("--threads", values.threads, 1, 256) ?? 1,
    seed: whole("--seed", values.seed, 0, 2 ** 32 - 1) ?? 1,
    badLinks: whole("--bad-links", values["bad-links"], 0, 100) ?? 0,
    seconds,
    observer: values["no-observer"] ? undefined : observerOptions(values, device, org, env),
    restart: restartOf(values, seconds),
  };
}

function identitiesOf(values: Values, { org = DEMO_DEVICE.org }: DeviceOptions): Identity[] {
  const devices = whole("--count", values.count, 1, MAX_DEVICES);
  const start = whole("--start", values.start, 0, MAX_DEVICES) ?? 0;
  const { type = "fleet", id = "device-%i", token = "token-%i" } = values;
  const pattern = { org: values.org ?? org, type, id, token };
  if (values.devices === undefined) return fromPattern(pattern, start, devices ?? 10);
  const unused = (["type", "id", "token"] as const).find(name => values[name] !== undefined);
  if (unused) throw new UsageError(`--${unused} is not for --devices, whose file names the devices`);
  return fromCsv(values.devices, pattern.org, start, devices);
}

/** The observer connects where the devices do; of several hosts, to the first. */
function observerOptions(values: Values, device: DeviceOptions, org: string, env: NodeJS.ProcessEnv): ObserverOptions {
  const [host] = typeof device.host === "string" ? device.host.split(",") : (device.host ?? []);
  const { domain, port, tls, "server-name": serverName } = device;
  const where = whereTo(
    {
      host,
      domain,
      port: port === undefined ? undefined : Number(port),
      tls: tls === undefined ? undefined : String(tls).toLowerCase() === "true",
    },
    org,
  );
  const { mqtt } = findTarget({ ...values, url: addressUrl(where), org, config: undefined }, env);
  if (serverName !== undefined && mqtt.endpoint.tls) mqtt.endpoint.tls.serverName = serverName;
  return { mqtt, plain: values.plain, timeoutMs: OBSERVER_TIMEOUT_MS };
}

function restartOf(values: Values, seconds: number | undefined): FleetOptions["restart"] {
  const command = values.restart;
  const at = positive("--restart-at", values["restart-at"], 1_000_000);
  if (command === undefined) {
    if (at !== undefined) throw new UsageError("--restart-at needs --restart");
    return undefined;
  }
  const atSeconds = at ?? (seconds === undefined ? undefined : seconds / 2);
  if (command.trim() === "") throw new UsageError("--restart needs a command");
  if (atSeconds === undefined) throw new UsageError("--restart needs --restart-at or --duration");
  if (seconds !== undefined && atSeconds >= seconds) throw new UsageError("--restart-at must be less than --duration");
  return { command, atSeconds };
}

const UNITS: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600 };

function duration(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, number, unit] = /^(\d+(?:\.\d+)?)([smh]?)$/.exec(text) ?? [];
  const seconds = Number(number) * UNITS[unit ?? ""]!;
  if (seconds > 0 && seconds <= 1_000_000) return seconds;
  throw new UsageError(`--duration must be a time like 90, 90s, 10m or 2h, at most 1000000 s, not '${text}'`);
}

function readReport(path: string): Report {
  return parseReport(readText("the report", path), path);
}

function write(option: string, path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new CommandError(`${option}: cannot write '${path}' (${(error as NodeJS.ErrnoException).code ?? error})`);
  }
}

/** One line on a terminal that shows where the run is; nothing elsewhere. */
function progressLine({ stderr }: Io): { show(totals: Totals): void; end(): void } {
  if (!stderr.isTTY) return { show: () => {}, end: () => {} };
  return {
    show: totals => {
      const { p99 } = totals.puback.summary;
      const acknowledged = p99 === null ? "" : `, PUBACK p99 ${Math.round(p99)} ms`;
      const stopped = totals.stopped ? `, ${count(totals.stopped)} stopped` : "";
      stderr.write(
        `\r\x1b[K${count(totals.connected)} of ${count(totals.devices)} connected, ${count(totals.messagesPublished)} published, ${count(totals.messagesConfirmed)} confirmed${acknowledged}${stopped}`,
      );
    },
    end: () => void stderr.write("\r\x1b[K"),
  };
}
