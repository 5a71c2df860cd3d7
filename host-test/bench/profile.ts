// Instructions and bytes by part: `npx tsx host-test/bench/profile.ts` prints the tables of docs/cost.md. All figures are
// counts, the same in every run.

import { dirname, join, relative } from "node:path";
import { build } from "esbuild";
import { ALWAYS, TRIM } from "../../targets/bundle/patches.ts";
import { mqttPacketPlugin } from "../../targets/bundle/trim.ts";
import { ROOT } from "../tests/support/folder.ts";
import { withNamedBundle } from "../tests/support/named-bundle.ts";
import { measureProfile, type Profile } from "./xs-cost.ts";

function ofEvent(p: Profile): [string, number][] {
  return [
    ["event id and format, found among the last four", p.lookup],
    ["JSON.stringify and UTF-8, by the engine", p.native],
    ["checks of data, lone surrogates and size", p.encode - p.native],
    ["topic and payload copied into the transmit buffer, 2 a byte", p.copy],
    ["the rest of mqtt-packet's PUBLISH, and the call of the transport", p.frame - p.copy],
    [
      "the session: state, limits, packet identifier, the message kept until PUBACK",
      p.event - p.lookup - p.encode - p.frame,
    ],
    ["publishEvent at QoS 1", p.event],
  ];
}

function ofCommand(p: Profile): [string, number][] {
  return [
    ["the frame: its length and what mqtt-packet does not check", p.decode - p.parse],
    ["PUBLISH parsed by mqtt-packet, its topic as text", p.parse],
    ["payload as text, JSON, Date, commandCallback", p.receive],
    ["PUBACK by mqtt-packet", p.acknowledge],
    ["the session, and one write for all acknowledgements", p.command - p.decode - p.receive - p.acknowledge],
    ["a command at QoS 1", p.command],
  ];
}

/** Minified bytes of the bundle by folder of src, as esbuild counts them, with all names of properties. */
async function sizes(): Promise<[string, number][]> {
  const { metafile } = await build({
    entryPoints: [join(ROOT, "src/index.ts")],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2020",
    minify: true,
    metafile: true,
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    plugins: [mqttPacketPlugin([...ALWAYS, ...TRIM])],
  });
  const groups = new Map<string, number>();
  for (const [file, { bytesInOutput }] of Object.entries(Object.values(metafile.outputs)[0]!.inputs)) {
    const name = groupOf(relative(ROOT, file));
    groups.set(name, (groups.get(name) ?? 0) + bytesInOutput);
  }
  const rows = [...groups].sort((a, b) => b[1] - a[1]);
  return [...rows, ["all", rows.reduce((sum, row) => sum + row[1], 0)]];
}

function groupOf(file: string): string {
  if (file.startsWith("node_modules") || file.includes("standins")) return "mqtt-packet and its stand-ins";
  return `${dirname(file)}/`;
}

function print(header: string, rows: [string, number][]): void {
  console.log(`| ${header} | |\n|---|--:|`);
  for (const [name, value] of rows) console.log(`| ${name} | ${Math.round(value).toLocaleString("en")} |`);
  console.log("");
}

const profile = await withNamedBundle(measureProfile);
print("Instructions of an event", ofEvent(profile));
print("Instructions of a command", ofCommand(profile));
print("Bytes of the bundle, minified", await sizes());
