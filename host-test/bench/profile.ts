// Where instructions and bytes go: `tsx host-test/bench/profile.ts` prints the tables of docs/cost.md. All are counts, the
// same in every run.

import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { ALWAYS, TRIM } from "../../targets/bundle/patches.ts";
import { mqttPacketPlugin } from "../../targets/bundle/trim.ts";
import { BUNDLE } from "../engines/engines.ts";
import { measureProfile, type Profile } from "./xs-cost.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

function ofEvent(p: Profile): [string, number][] {
  return [
    ["event id and format, found among the last four", p.found],
    ["JSON.stringify and UTF-8, by the engine", p.native],
    ["around them: unwritable data, lone surrogates, size", p.encoded - p.native],
    ["topic and payload copied into the transmit buffer, 2 a byte", p.copied],
    ["the rest of PUBLISH, and the call of the transport", p.written - p.copied],
    ["the session: state, limits, packet id, the message kept until PUBACK", p.event - p.found - p.encoded - p.written],
    ["publishEvent at QoS 1", p.event],
  ];
}

function ofCommand(p: Profile): [string, number][] {
  return [
    ["the frame, checked against its header", p.split],
    ["PUBLISH read, its topic checked UTF-8", p.read],
    ["topic taken apart, JSON, Date, commandCallback", p.handled],
    ["PUBACK, and the call of the transport", p.acknowledged],
    ["the session, and gathering of what is sent", p.command - p.split - p.read - p.handled - p.acknowledged],
    ["a command at QoS 1", p.command],
  ];
}

/** Minified bytes of what the bundle is made of, as esbuild counts them. */
async function sizes(): Promise<[string, number][]> {
  const { metafile } = await build({
    entryPoints: [`${ROOT}/src/index.ts`],
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
  const [, part, name] = file.split("/");
  return `src/${part}${name ? "/" : ""}`;
}

function print(header: string, rows: [string, number][]): void {
  console.log(`| ${header} | |\n|---|--:|`);
  for (const [name, value] of rows) console.log(`| ${name} | ${Math.round(value).toLocaleString("en")} |`);
  console.log("");
}

const profile = await measureProfile(BUNDLE);
print("Instructions of an event", ofEvent(profile));
print("Instructions of a command", ofCommand(profile));
print("Bytes of the bundle, minified", await sizes());
