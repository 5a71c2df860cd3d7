// `npm run bench`: ours beside the peers and the floor. Tables for people; --json gives one object and nothing else.
// --quick takes fewer and shorter runs on Node; the XS figures are counts and the same either way. --update accepts those.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundle } from "../../targets/bundle/bundle.ts";
import { BUNDLE } from "../engines/engines.ts";
import { committedFigures, FIGURES_FILE, type Figures, figuresTable } from "./figures.ts";
import { measureDevices, measureNode, measurePayloads, type NodeFigures } from "./node-cost.ts";
import { heapChart } from "./svg.ts";
import { bundleUntrimmed } from "./untrimmed.ts";
import { INSTALL, worker32 } from "./worker32.ts";
import { type HeapFigures, measureCost, measureHeap, type XsFigures } from "./xs-cost.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
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

async function untrimmed(binary: string | undefined): Promise<Variant> {
  const folder = mkdtempSync(join(tmpdir(), "iotf-bench-"));
  try {
    const outfile = join(folder, "untrimmed.js");
    await bundleUntrimmed(ENTRY, outfile);
    return await variant(outfile, await bundleUntrimmed(ENTRY), binary);
  } finally {
    rmSync(folder, { recursive: true });
  }
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

function print(figures: Record<"ours" | "untrimmed", Figures>, node: Record<string, NodeFigures>): void {
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

function held({ cost, heap, minifiedBytes }: Variant): Figures {
  return {
    ...cost,
    connectedBytes: heap.pointerBytes === 4 ? heap.connected.bytes : undefined,
    growthBytes: heap.growth.at(-1)!.bytes,
    minifiedBytes,
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { json: { type: "boolean" }, quick: { type: "boolean" }, update: { type: "boolean" } },
  });
  const binary = worker32();
  const lean = await variant(BUNDLE, await bundle({ entry: ENTRY, minify: true }), binary);
  const fat = await untrimmed(binary);
  const figures = { ours: held(lean), untrimmed: held(fat) };
  if (values.update) return update(figures, lean, fat);
  const node = await measureNode(values.quick ? 20_000 : 60_000, values.quick ? 1 : 3);
  if (values.json) return printJson(figures.ours, node);
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

function printJson(ours: Figures, node: Record<string, NodeFigures>): void {
  const { publish, confirm, command, json, connectedBytes, growthBytes, minifiedBytes } = ours;
  const xs = {
    publish,
    confirm,
    command,
    json,
    connected: { bytes32: connectedBytes },
    growth: { bytes32: growthBytes },
  };
  console.log(JSON.stringify({ xs, bundle: { minifiedBytes }, node }));
}

/** Accepts what is measured: figures.json, the README's table and the chart. */
function update(figures: Record<"ours" | "untrimmed", Figures>, lean: Variant, fat: Variant): void {
  if (figures.ours.connectedBytes === undefined) throw new Error(INSTALL);
  const before = figuresTable(committedFigures());
  writeFileSync(FIGURES_FILE, `${JSON.stringify(figures, null, 2)}\n`);
  const readme = join(ROOT, "README.md");
  const text = readFileSync(readme, "utf8");
  if (!text.includes(before)) throw new Error("README.md does not have the table of figures.json");
  writeFileSync(readme, text.replace(before, figuresTable(figures)));
  writeChart(lean, fat);
}

function writeChart(lean: Variant, fat: Variant): void {
  const chart = heapChart([
    { name: "iotf-embedded", colour: "#0a6", points: lean.heap.growth },
    { name: "the same with mqtt-packet as published", colour: "#c33", points: fat.heap.growth },
  ]);
  mkdirSync(join(ROOT, "docs"), { recursive: true });
  writeFileSync(join(ROOT, "docs/heap.svg"), chart);
}

await main();
