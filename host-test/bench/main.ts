// `npm run bench`: cost of this client beside other clients and bare sockets.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "../harness/cli/args.ts";
import { UsageError } from "../harness/cli/errors.ts";
import { BUNDLE } from "../tests/engines/engines.ts";
import { ROOT, withFolder } from "../tests/support/folder.ts";
import { committedFigures, FIGURES_FILE, type Figures, figuresTable } from "./figures.ts";
import { managedFigures } from "./managed.ts";
import { measureDevices, measureNode, measurePayloads, type NodeFigures } from "./node-cost.ts";
import { bundlePublished } from "./published-bundle.ts";
import { heapChart } from "./svg.ts";
import { INSTALL, worker32 } from "./worker32.ts";
import { type HeapFigures, measureCost, measureHeap, type XsFigures } from "./xs-cost.ts";

const ENTRY = join(ROOT, "src/index.ts");

interface Variant {
  cost: XsFigures;
  heap: HeapFigures;
  minifiedBytes: number;
}

async function variant(file: string, minified: string, binary: string | undefined): Promise<Variant> {
  return {
    cost: await measureCost(file),
    heap: await measureHeap(file, binary),
    minifiedBytes: Buffer.byteLength(minified),
  };
}

function published(binary: string | undefined): Promise<Variant> {
  return withFolder(async folder => {
    const outfile = join(folder, "published.js");
    await bundlePublished(ENTRY, outfile);
    return variant(outfile, await bundlePublished(ENTRY), binary);
  });
}

function table(title: string, header: string[], rows: (string | number)[][]): void {
  const cells = [header, ...rows.map(row => row.map(cell => (typeof cell === "number" ? shown(cell) : cell)))];
  const widths = header.map((_, column) => Math.max(...cells.map(row => row[column]!.length)));
  const line = (row: string[]) =>
    row.map((cell, n) => (n ? cell.padStart(widths[n]!) : cell.padEnd(widths[n]!))).join("  ");
  console.log(`\n${title}\n${cells.map(line).join("\n")}`);
}

function shown(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: Math.abs(value) < 100 ? 1 : 0 });
}

function print(figures: Parameters<typeof figuresTable>[0], node: Record<string, NodeFigures>): void {
  console.log(`\n${figuresTable(figures)}`);
  if (figures.ours.connectedBytes === undefined) console.log(INSTALL);
  table(
    "Node: CPU microseconds per message, and messages per second",
    [
      "",
      "ours",
      "MQTT.js",
      "ibmiotf",
      "floor",
      "ours/MQTT.js",
      "floor/MQTT.js",
      "ours /s",
      "MQTT.js /s",
      "ours RSS KB",
      "MQTT.js RSS KB",
    ],
    Object.entries(node).map(([qos, { ours, mqttjs, ibmiotf, floor, ratio, perSecond, maxRssKb }]) => [
      qos,
      ours,
      mqttjs,
      ibmiotf,
      floor,
      ratio.toFixed(2),
      (floor / mqttjs).toFixed(2),
      perSecond.ours,
      perSecond.mqttjs,
      maxRssKb.ours,
      maxRssKb.mqttjs,
    ]),
  );
}

function figuresOf({ cost, heap, minifiedBytes }: Variant): Figures {
  const exact = heap.pointerBytes === 4;
  return {
    ...cost,
    connectedBytes: exact ? heap.connected.bytes : undefined,
    connectedSlots: exact ? heap.connected.slots : undefined,
    outboxBytes: exact ? heap.outboxBytes : undefined,
    growthBytes: heap.growth.at(-1)!.bytes,
    minifiedBytes,
  };
}

const HELP = `npm run bench -- [options]

Measures the client beside other clients and bare sockets, and prints tables.

  --json    one JSON object on standard output and nothing else
  --quick   fewer and shorter runs on Node; XS figures are counts, which do not change
  --update  write the XS figures to figures.json, docs/cost.md and docs/heap.svg
  --help    this text
`;

const OPTIONS = {
  json: { type: "boolean" },
  quick: { type: "boolean" },
  update: { type: "boolean" },
  help: { type: "boolean" },
} as const;

async function main(): Promise<void> {
  const { values } = parse(process.argv.slice(2), OPTIONS);
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const binary = worker32();
  const ours = await variant(BUNDLE, readFileSync(BUNDLE, "utf8"), binary);
  const unpatched = await published(binary);
  const managed = binary && (await managedFigures(binary));
  const figures = { ours: figuresOf(ours), published: figuresOf(unpatched), managed: managed || undefined };
  if (values.update) return update(figures, ours, unpatched);
  const node = await measureNode(values.quick ? 20_000 : 60_000, values.quick ? 1 : 3);
  if (values.json) return printJson(figures, node);
  print(figures, node);
  const sizes = values.quick ? [16, 16384] : [16, 256, 4096, 16384, 65536, 131072];
  const rows = (await measurePayloads(sizes)).map(row => [shown(row.bytes), row.cpuUs, row.perSecond]);
  table("Node: QoS 1 as payloads grow", ["bytes", "CPU µs", "per second"], rows);
  const counts = values.quick ? [1, 100] : [1, 10, 100, 1000];
  table(
    "Node: QoS 1 as devices in one process grow",
    ["devices", "CPU µs", "per second", "RSS KB"],
    (await measureDevices(counts)).map(row => [shown(row.devices), row.cpuUs, row.perSecond, row.maxRssKb]),
  );
}

function printJson({ ours, managed }: Parameters<typeof figuresTable>[0], node: Record<string, NodeFigures>): void {
  const { connectedBytes, connectedSlots, outboxBytes, growthBytes, minifiedBytes, ...costs } = ours;
  const xs = {
    ...costs,
    connected: { bytes32: connectedBytes, slots32: connectedSlots },
    outbox: { bytes32: outboxBytes },
    growth: { bytes32: growthBytes },
    managed: { connected: { bytes32: managed?.connectedBytes, slots32: managed?.connectedSlots } },
  };
  console.log(JSON.stringify({ xs, bundle: { minifiedBytes }, node }));
}

/** Writes the measured figures to figures.json, the table of docs/cost.md and the chart. */
function update(figures: Parameters<typeof figuresTable>[0], ours: Variant, unpatched: Variant): void {
  if (figures.ours.connectedBytes === undefined) throw new Error(INSTALL);
  const before = figuresTable(committedFigures());
  writeFileSync(FIGURES_FILE, `${JSON.stringify(figures, null, 2)}\n`);
  const page = join(ROOT, "docs/cost.md");
  const text = readFileSync(page, "utf8");
  if (!text.includes(before)) throw new Error("docs/cost.md does not have the table of figures.json");
  writeFileSync(page, text.replace(before, figuresTable(figures)));
  writeChart(ours, unpatched);
}

function writeChart(ours: Variant, unpatched: Variant): void {
  const chart = heapChart([
    { name: "iotf-embedded", colour: "#0a6", points: ours.heap.growth },
    { name: "with mqtt-packet as published", colour: "#c33", points: unpatched.heap.growth },
  ]);
  writeFileSync(join(ROOT, "docs/heap.svg"), chart);
}

// EPIPE: the reader of the output has ended, for example `| head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});
try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`npm run bench: ${error.message}\n`);
  process.exitCode = 2;
}
