// What a connected device holds, measured in the SDK's simulator by its own instrumentation, beside Moddable's MQTT
// client in the same program. `tsx host-test/moddable/measure.ts [events]` prints the table of docs/moddable.md.

import { join } from "node:path";
import { argv } from "node:process";
import { pathToFileURL } from "node:url";
import mqtt from "mqtt";
import { Mosquitto } from "../broker/mosquitto.ts";
import { mcconfig, ROOT, Simulator, sdkVersion, withoutModdable } from "./simulator.ts";

const COMMAND_BYTES = 16384;
/** The simulator's slots are twice those of a 32-bit chip. */
const SIMULATOR_SLOT_BYTES = 32;
const CHIP_SLOT_BYTES = 16;

export interface Figure {
  client: "ours" | "peer";
  what: "connected" | "events" | "command" | "after command";
  slots: number;
  /** Bytes. On a chip they are fewer: pointers in them are half as long. */
  chunks: number;
}

/** Runs measure/main.js against Mosquitto. */
export async function measure(events: number): Promise<Figure[]> {
  const broker = await Mosquitto.start({ quiet: true });
  const application = await mqtt.connectAsync(broker.url);
  const program = await mcconfig(join(ROOT, "host-test/moddable/measure"), {
    host: "127.0.0.1",
    port: broker.port,
    events,
  });
  const simulator = await Simulator.start(program);
  try {
    const timeoutMs = 60_000 + events * 10;
    for (const client of ["ours", "peer"]) {
      await simulator.says(new RegExp(`"${client}","what":"events"`), { timeoutMs });
      const text = JSON.stringify("y".repeat(COMMAND_BYTES - 2));
      await application.publishAsync("iot-2/cmd/print/fmt/json", text, { qos: 1 });
      await simulator.says(new RegExp(`"${client}","what":"after command"`));
    }
    return simulator.console.lines.filter(line => line.startsWith("measured ")).map(parsed);
  } finally {
    await simulator.close();
    await application.endAsync(true);
    await broker.close();
  }
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
    (["ours", "peer"] as const).flatMap(name => {
      const figure = figures.find(({ client, what: of }) => client === name && of === what)!;
      return [`${figure.slots} (${figure.slots * CHIP_SLOT_BYTES})`, String(figure.chunks)];
    });
  const lines = ROWS.map(
    ([what, name]) => `| ${name.replace("the events", `${events} events`)} | ${cells(what).join(" | ")} |`,
  );
  return [
    `| Moddable SDK ${sdkVersion()} | ours, slots (bytes) | ours, chunks | peer, slots (bytes) | peer, chunks |`,
    "|---|---:|---:|---:|---:|",
    ...lines,
  ].join("\n");
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const skip = withoutModdable();
  if (skip) throw new Error(skip);
  const events = Number(argv[2] ?? 20_000);
  console.log(table(await measure(events), events));
}
