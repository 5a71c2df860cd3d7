// What a connected device holds, measured in the SDK's simulator by its own instrumentation, beside Moddable's MQTT client
// in the same program. `MODDABLE=… npx tsx host-test/tests/engines/moddable/measure.ts [--update] [events]` prints the
// table of docs/moddable.md; with --update it writes it there, with the SDK's version and the date.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import mqtt from "mqtt";
import { makeChain } from "../../contract/certificates.ts";
import { Mosquitto } from "../../end-to-end/broker/mosquitto.ts";
import { ROOT, withFolder } from "../../support/folder.ts";
import { openTlsFront } from "../../support/tls-front.ts";
import { copyOf, mcconfig, Simulator, sdkVersion, withoutModdable } from "./simulator.ts";

const COMMAND_BYTES = 16384;
/** The simulator's slots are twice those of a 32-bit chip. */
const SIMULATOR_SLOT_BYTES = 32;
const CHIP_SLOT_BYTES = 16;

const CLIENTS = ["ours", "ours, TLS", "peer"] as const;

export interface Figure {
  client: (typeof CLIENTS)[number];
  what: "connected" | "events" | "command" | "after command";
  slots: number;
  /** Bytes. On a chip they are fewer: pointers in them are half as long. */
  chunks: number;
}

/** Runs measure/main.js against Mosquitto. */
export function measure(events: number): Promise<Figure[]> {
  return withFolder(async work => {
    const chain = makeChain();
    const broker = await Mosquitto.start({ quiet: true });
    const front = await openTlsFront(broker.port, chain);
    const application = await mqtt.connectAsync(broker.url);
    try {
      const folder = copyOf(join(ROOT, "host-test/tests/engines/moddable/measure"), work, {
        "ca/ca.pem": chain.authority,
      });
      const settings = { host: "127.0.0.1", port: broker.port, securePort: front.port, events };
      const lines: string[] = [];
      await Simulator.run(await mcconfig(folder, settings), async simulator => {
        const timeoutMs = 60_000 + events * 10;
        for (const client of CLIENTS) {
          await simulator.says(new RegExp(`"${client}","what":"events"`), { timeoutMs });
          const text = JSON.stringify("y".repeat(COMMAND_BYTES - 2));
          await application.publishAsync("iot-2/cmd/print/fmt/json", text, { qos: 1 });
          await simulator.says(new RegExp(`"${client}","what":"after command"`));
        }
        lines.push(...simulator.console.lines);
      });
      return lines.filter(line => line.startsWith("measured ")).map(parsed);
    } finally {
      await application.endAsync(true);
      front.close();
      await broker.close();
    }
  });
}

function parsed(line: string): Figure {
  const figure = JSON.parse(line.slice("measured ".length));
  return { ...figure, slots: figure.slots / SIMULATOR_SLOT_BYTES };
}

const ROWS: readonly [Figure["what"], string][] = [
  ["connected", "connected and subscribed"],
  ["events", "after the events"],
  ["command", "while a command of 16 KiB is handled"],
  ["after command", "after it"],
];

export function table(figures: Figure[], events: number): string {
  const cells = (what: Figure["what"]) =>
    CLIENTS.flatMap(name => {
      const figure = figures.find(({ client, what: of }) => client === name && of === what)!;
      return [`${figure.slots} (${figure.slots * CHIP_SLOT_BYTES})`, String(figure.chunks)];
    });
  const heads = CLIENTS.flatMap(name => [`${name}: slots (bytes)`, "chunks"]);
  return aligned([
    [`Moddable SDK ${sdkVersion()}`, ...heads],
    ...ROWS.map(([what, name]) => [name.replace("the events", `${events} events`), ...cells(what)]),
  ]);
}

/** Markdown; the first row is the head, the first column flush left. */
function aligned([head, ...rows]: string[][]): string {
  const widths = head!.map((_, at) => Math.max(...[head!, ...rows].map(row => row[at]!.length)));
  const line = (row: string[]) =>
    `| ${row.map((cell, at) => (at ? cell.padStart(widths[at]!) : cell.padEnd(widths[0]!))).join(" | ")} |`;
  const rule = widths.map((width, at) => (at ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
  return [line(head!), line(rule), ...rows.map(line)].join("\n");
}

const DOCUMENT = join(ROOT, "docs/moddable.md");
const BEGIN = "<!-- measure.ts writes from here -->";
const END = "<!-- to here -->";

function update(text: string): void {
  const document = readFileSync(DOCUMENT, "utf8");
  const [before, rest] = document.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error(`${DOCUMENT} has no place for the table`);
  const day = new Date().toISOString().slice(0, 10);
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n\nMeasured on ${day}.\n\n${text}\n\n${END}${after}`);
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const skip = withoutModdable();
  if (skip) throw new Error(skip);
  const events = Number(argv.slice(2).find(text => /^[0-9]+$/.test(text)) ?? 20_000);
  const text = table(await measure(events), events);
  console.log(text);
  if (argv.includes("--update")) update(text);
}
