// `iotf-embedded watch`: what devices publish, which commands they get, and when they come and go.

import type { MqttMessage } from "../node/index.ts";
import { type Carried, carried, type Happening, toJson, toLine } from "../platform/happening.ts";
import { Application } from "./application.ts";
import { parse, whole } from "./args.ts";
import type { Command } from "./command.ts";
import { deviceName } from "./device-name.ts";
import { CommandError } from "./errors.ts";
import { paintWhat } from "./paint-what.ts";
import { findTarget, TARGET_HELP, TARGET_OPTIONS } from "./target.ts";

const HELP = `Usage: iotf-embedded watch [device] [options]

Shows the events of devices, the commands for them, and their connections, until Ctrl-C. A platform tells the last
connect or disconnect of each device at once.

  [device]                TYPE:ID; + stands for any (default +:+)

  --count N               end after N events and commands
  --timeout SECONDS       with --count: give up when none of them comes for so long (default 30); also to connect
  --json                  one JSON object per line
  --help                  show this

${TARGET_HELP}`;

const OPTIONS = {
  ...TARGET_OPTIONS,
  count: { type: "string" },
  timeout: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const watch: Command = {
  name: "watch",
  summary: "show what devices publish and get",
  help: HELP,
  async run(args, io) {
    const { values, words } = parse(args, OPTIONS, ["[device]"]);
    const target = findTarget(values, io.env);
    const { type, id } = deviceName(words[0] ?? "+:+", target.org, true);
    const count = whole("--count", values.count, 1, 1_000_000);
    const patienceMs = 1000 * (whole("--timeout", values.timeout, 1, 86_400) ?? 30);
    const application = await Application.connect(target, io.signal, patienceMs);
    const paint = paintWhat(io);
    const print = (happening: Happening) => {
      io.stdout.write(`${values.json ? toJson(happening) : toLine(happening, new Date(), paint)}\n`);
    };
    const topics = ["evt/+/fmt/+", "cmd/+/fmt/+", "mon"].map(rest => `iot-2/type/${type}/id/${id}/${rest}`);
    try {
      const enough = new Counter(count, patienceMs);
      application.onMessage(message => {
        const happening = happeningOf(message, target.org);
        if (!happening) return;
        if (enough.reached) return;
        print(happening);
        if (happening.what === "event" || happening.what === "command") enough.add();
      });
      await application.subscribe(topics);
      application.persist();
      application.lost = reason => io.stderr.write(`connection lost: ${reason}; trying again\n`);
      application.back = () => io.stderr.write("connected again\n");
      await Promise.race([enough.done, application.forever()]).finally(() => enough.stop());
    } catch (error) {
      // Ctrl-C is how it ends, unless it had something to wait for.
      if (!io.signal.aborted || count !== undefined) throw error;
    } finally {
      await application.close();
    }
    return 0;
  },
};

/** Counts to a number, which has to go on within a time. */
class Counter {
  readonly done: Promise<void>;
  reached = false;
  readonly #count: number | undefined;
  readonly #patienceMs: number;
  #timer: NodeJS.Timeout | undefined;
  #seen = 0;
  #resolve!: () => void;
  #reject!: (error: CommandError) => void;

  constructor(count: number | undefined, patienceMs: number) {
    this.#count = count;
    this.#patienceMs = patienceMs;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
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
    const text = `nothing for ${this.#patienceMs / 1000} s; saw ${this.#seen} of ${this.#count}`;
    this.#timer = setTimeout(() => this.#reject(new CommandError(text)), this.#patienceMs);
  }
}

const TOPIC = /^iot-2\/type\/([^/]+)\/id\/([^/]+)\/(?:(evt|cmd)\/([^/]+)\/fmt\/([^/]+)|mon)$/;

function happeningOf({ topic, payload, qos, retain }: MqttMessage, org: string): Happening | undefined {
  const [, type, id, kind, name, format] = TOPIC.exec(topic) ?? [];
  if (type === undefined) return undefined;
  const client = `d:${org}:${type}:${id}`;
  const bytes = Buffer.from(payload);
  if (kind === undefined) return connection(client, bytes, retain);
  const message: Carried = { name: name!, format: format!, payload: bytes, qos };
  return carried(kind === "evt" ? "event" : "command", client, message);
}

const ACTIONS = { Connect: "connect", Disconnect: "disconnect", FailedConnect: "refused" } as const;

/** What the platform tells on `…/mon` (protocol sheet 2.4). */
function connection(client: string, payload: Buffer, retained: boolean): Happening | undefined {
  let told: Record<string, unknown>;
  try {
    told = Object(JSON.parse(payload.toString()));
  } catch {
    return undefined;
  }
  const what = Object.hasOwn(ACTIONS, String(told.Action)) ? ACTIONS[told.Action as keyof typeof ACTIONS] : undefined;
  if (what === undefined) return undefined;
  const why = what === "connect" ? "" : `${told.CloseCode}: ${told.Reason}`;
  const since = retained ? `since ${told.Time}` : "";
  return {
    what,
    client,
    text: [why, since].filter(Boolean).join("  "),
    details: {
      ...(what === "connect" ? {} : { reason: told.CloseCode, text: told.Reason }),
      ...(retained ? { since: told.Time } : {}),
    },
  };
}
