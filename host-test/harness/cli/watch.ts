// `iotf-embedded watch`: prints events, commands, connects and disconnects of devices.

import type { MqttMessage } from "../../../targets/node/index.ts";
import { deviceClientId } from "../platform/identity.ts";
import { formatJson, formatLine, type LogEntry, type LoggedMessage, messageEntry } from "../platform/log-entry.ts";
import { Application } from "./application.ts";
import { parse, whole } from "./args.ts";
import { entryColours } from "./colour.ts";
import type { Command } from "./command.ts";
import { deviceName } from "./device-name.ts";
import { CommandError } from "./errors.ts";
import { parseMonitorMessage } from "./monitor.ts";
import { findTarget, TARGET_HELP, TARGET_OPTIONS, type Target } from "./target.ts";

const HELP = `Usage: iotf-embedded watch [device] [options]

Prints the events and commands of devices, and their connects and disconnects, until Ctrl-C. First it prints the last
connect or disconnect of each device.

  [device]                TYPE:ID; + is any type or id (default +:+)

  --count N               end after N events and commands
  --timeout SECONDS       to connect; with --count: end with exit code 1 when no event or command arrives for this long
                          (default 30)
  --json                  print one JSON object per line
  --help                  show this text

${TARGET_HELP}`;

const OPTIONS = {
  ...TARGET_OPTIONS,
  count: { type: "string" },
  timeout: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const watch: Command = {
  name: "watch",
  summary: "show events and commands of devices",
  help: HELP,
  options: OPTIONS,
  async run(args, io) {
    const { values, words } = parse(args, OPTIONS, ["[device]"]);
    const target = findTarget(values, io.env);
    const { type, id } = deviceName(words[0] ?? "+:+", target.org, true);
    const count = whole("--count", values.count, 1, 1_000_000);
    const timeoutMs = 1000 * (whole("--timeout", values.timeout, 1, 65_535) ?? 30);
    const application = await Application.connect(target, io.signal, timeoutMs);
    const colour = entryColours(io);
    const print = (entry: LogEntry) => {
      io.stdout.write(`${values.json ? formatJson(entry) : formatLine(entry, new Date(), colour)}\n`);
    };
    const topics = ["evt/+/fmt/+", "cmd/+/fmt/+", "mon"].map(rest => `iot-2/type/${type}/id/${id}/${rest}`);
    const counter = new Counter(count, timeoutMs);
    const hint = setTimeout(() => io.stderr.write(`${silenceHint(target)}\n`), SILENCE_MS);
    try {
      application.onMessage(message => {
        clearTimeout(hint);
        const entry = entryOf(message, target.org);
        if (!entry) return;
        if (counter.reached) return;
        print(entry);
        if (entry.kind === "event" || entry.kind === "command") counter.add();
      });
      await application.subscribe(topics);
      application.persist();
      application.lostCallback = reason => io.stderr.write(`connection lost: ${reason}; the client retries\n`);
      application.reconnectedCallback = () => io.stderr.write("reconnected\n");
      await Promise.race([counter.done, application.failed()]);
    } catch (error) {
      // Ctrl-C is an error only before the end of --count.
      if (!io.signal.aborted || count !== undefined) throw error;
    } finally {
      clearTimeout(hint);
      counter.stop();
      await application.close();
    }
    return 0;
  },
};

/** Time without any message after which watch prints what it has subscribed to. */
const SILENCE_MS = 5000;

/** A platform sends at least the last state of each device, a broker that is not a platform nothing. */
function silenceHint({ url }: Target): string {
  return `no message for ${SILENCE_MS / 1000} s: no device has connected to ${url}, or it is a broker that is not a platform. There, devices publish on iot-2/evt/…, and watch does not see them: it subscribes to iot-2/type/<type>/id/<id>/….`;
}

/** Resolves `done` at the given count; rejects it when the next message does not arrive in time. */
class Counter {
  readonly done: Promise<void>;
  reached = false;
  readonly #count: number | undefined;
  readonly #timeoutMs: number;
  #timer: NodeJS.Timeout | undefined;
  #seen = 0;
  #resolve!: () => void;
  #reject!: (error: CommandError) => void;

  constructor(count: number | undefined, timeoutMs: number) {
    this.#count = count;
    this.#timeoutMs = timeoutMs;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.done.catch(() => {}); // no unhandled rejection before watch waits for it
    this.#wait();
  }

  add(): void {
    this.#seen++;
    this.reached = this.#seen === this.#count;
    if (this.reached) this.#resolve();
    else this.#wait();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #wait(): void {
    if (this.#count === undefined) return;
    clearTimeout(this.#timer);
    const text = `no message for ${this.#timeoutMs / 1000} s; received ${this.#seen} of ${this.#count}`;
    this.#timer = setTimeout(() => this.#reject(new CommandError(text)), this.#timeoutMs);
  }
}

const TOPIC = /^iot-2\/type\/([^/]+)\/id\/([^/]+)\/(?:(evt|cmd)\/([^/]+)\/fmt\/([^/]+)|mon)$/;

function entryOf({ topic, payload, qos, retain }: MqttMessage, org: string): LogEntry | undefined {
  const [, type, id, kind, name, format] = TOPIC.exec(topic) ?? [];
  if (type === undefined) return undefined;
  const client = deviceClientId({ org, type, id: id! });
  const bytes = Buffer.from(payload);
  if (kind === undefined) return monitorEntry(client, bytes, retain);
  const message: LoggedMessage = { name: name!, format: format!, payload: bytes, qos };
  return messageEntry(kind === "evt" ? "event" : "command", client, message);
}

/** A connect or disconnect of a device. */
function monitorEntry(client: string, payload: Buffer, retained: boolean): LogEntry | undefined {
  const entry = parseMonitorMessage(payload);
  if (!entry) return undefined;
  const { kind, closeCode, reason, time } = entry;
  const cause = kind === "connect" ? "" : `${closeCode}: ${reason}`;
  const since = retained ? `since ${time}` : "";
  return {
    kind,
    client,
    text: [cause, since].filter(Boolean).join("  "),
    details: {
      ...(kind === "connect" ? {} : { reason: closeCode, text: reason }),
      ...(retained ? { since: time } : {}),
    },
  };
}
