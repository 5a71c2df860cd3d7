// `npm run build`: src/ and mqtt-packet into dist/, one file for every engine, and beside it the two adapters, the type
// declarations and mqtt-packet's licence.

import { execFile } from "node:child_process";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Plugin } from "esbuild";
import { bundle } from "./bundle.ts";
import { MQTT_PACKET } from "./trim.ts";

export { type BundleOptions, bundle } from "./bundle.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CORE = join(ROOT, "src/index.ts");
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** An entry file of the package, in dist/ by its own name. */
interface Entry {
  name: string;
  source: string;
  external?: string[];
  /** What it calls the bundle, where that is not the file beside it. */
  core?: string;
}

const ENTRIES: readonly Entry[] = [
  { name: "iotf-embedded", source: "src/index.ts" },
  { name: "http", source: "src/http.ts" },
  { name: "node", source: "host-test/node/index.ts", external: ["node:*"] },
  { name: "http-node", source: "host-test/node/http.ts", external: ["node:*"] },
  {
    name: "moddable",
    source: "targets/moddable/index.ts",
    external: ["embedded:*", "modules", "net", "time", "timer"],
    core: "iotf-embedded/core", // its name in manifest.json: there, modules have names of their own, not file names
  },
];

export interface BuildReport {
  /** dist/iotf-embedded.js as it ships. */
  bytes: number;
  /** The same with short local names. */
  minifiedBytes: number;
}

export async function build(dist = join(ROOT, "dist")): Promise<BuildReport> {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  const [core] = await Promise.all([
    ...ENTRIES.map(entry => bundleEntry(entry, dist)),
    writeLicences(dist),
    writeDeclarations(dist),
  ]);
  const minified = await bundle({ entry: CORE, minify: true });
  return { bytes: Buffer.byteLength(core as string), minifiedBytes: Buffer.byteLength(minified) };
}

function bundleEntry(
  { name, source, external = [], core = "./iotf-embedded.js" }: Entry,
  dist: string,
): Promise<string> {
  const entry = join(ROOT, source);
  const plugins = entry === CORE ? [] : [coreStaysOutside(core)];
  return bundle({ entry, outfile: join(dist, `${name}.js`), external, plugins });
}

/** The entries that others import, so that there is one of each; all of src/ is in these and the bundle. */
const SHARED: Readonly<Record<string, string>> = {
  [join(ROOT, "src/http.ts")]: "./http.js",
  [join(ROOT, "host-test/node/index.ts")]: "./node.js",
};

/** The other entries import the one bundle, never parts of src/: else there would be two copies of them. */
const coreStaysOutside = (core: string): Plugin => ({
  name: "core-stays-outside",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
      const file = resolve(resolveDir, path);
      if (kind === "entry-point") return undefined;
      if (file === CORE) return { path: core, external: true };
      if (SHARED[file]) return { path: SHARED[file], external: true };
      if (!file.startsWith(join(ROOT, "src/"))) return undefined;
      return { errors: [{ text: `import src/index.ts, not ${relative(ROOT, file)}: it is in the bundle already` }] };
    });
  },
});

/** mqtt-packet is part of the bundle; its licence asks to come along. */
async function writeLicences(dist: string): Promise<void> {
  const { version } = JSON.parse(await readFile(join(MQTT_PACKET, "package.json"), "utf8"));
  const licence = await readFile(join(MQTT_PACKET, "LICENSE.md"), "utf8");
  await writeFile(
    join(dist, "THIRD-PARTY-LICENSES.txt"),
    `iotf-embedded.js contains parts of mqtt-packet ${version}, changed at build time.\n\n${licence}`,
  );
}

/** dist/types/ mirrors the sources; next to each entry file stands a declaration file that points there. */
async function writeDeclarations(dist: string): Promise<void> {
  const types = join(dist, "types");
  await promisify(execFile)(process.execPath, [
    TSC,
    "-p",
    join(ROOT, "targets/bundle/tsconfig.declarations.json"),
    "--outDir",
    types,
  ]).catch(error => {
    throw new Error(`declarations: ${error.stdout || error.message}`);
  });
  await bringMqttPacketTypes(join(types, "src/wire"));
  for (const { name, source } of ENTRIES) {
    await writeFile(join(dist, `${name}.d.ts`), `export * from "./types/${source.replace(/\.ts$/, ".js")}";\n`);
  }
}

/**
 * Whoever installs the package has no mqtt-packet: packet.d.ts must find its types beside it. That it implements what
 * mqtt-packet writes to is internal, and its declarations are without internals.
 */
async function bringMqttPacketTypes(folder: string): Promise<void> {
  const importer = join(folder, "packet.d.ts");
  const text = await readFile(importer, "utf8");
  await writeFile(
    importer,
    text.replaceAll('"mqtt-packet"', '"./mqtt-packet.js"').replace(" implements PacketStream", ""),
  );
  await copyFile(join(ROOT, "src/wire/mqtt-packet.d.ts"), join(folder, "mqtt-packet.d.ts"));
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const { bytes, minifiedBytes } = await build();
  console.log(`dist/iotf-embedded.js ${bytes} bytes, minified ${minifiedBytes}`);
}
