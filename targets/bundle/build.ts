// `npm run build`: src/ and mqtt-packet into dist/, one file for every engine, and beside it the two adapters, the type
// declarations and mqtt-packet's licence.

import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
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
}

const ENTRIES: readonly Entry[] = [
  { name: "iotf-embedded", source: "src/index.ts" },
  { name: "node", source: "host-test/node/index.ts", external: ["node:*"] },
  {
    name: "moddable",
    source: "targets/moddable/index.ts",
    external: ["embedded:*", "mc/*", "pins/*", "device", "instrumentation", "time", "timer"],
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

function bundleEntry({ name, source, external = [] }: Entry, dist: string): Promise<string> {
  const entry = join(ROOT, source);
  const plugins = entry === CORE ? [] : [coreStaysOutside];
  return bundle({ entry, outfile: join(dist, `${name}.js`), external, plugins });
}

/** An adapter imports the one bundle, never parts of src/: else there would be two copies of them. */
const coreStaysOutside: Plugin = {
  name: "core-stays-outside",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
      const file = resolve(resolveDir, path);
      if (kind === "entry-point" || !file.startsWith(join(ROOT, "src/"))) return undefined;
      if (file === CORE) return { path: "./iotf-embedded.js", external: true };
      return { errors: [{ text: `import src/index.ts, not ${relative(ROOT, file)}: it is in the bundle already` }] };
    });
  },
};

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
  for (const { name, source } of ENTRIES) {
    await writeFile(join(dist, `${name}.d.ts`), `export * from "./types/${source.replace(/\.ts$/, ".js")}";\n`);
  }
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  const { bytes, minifiedBytes } = await build();
  console.log(`dist/iotf-embedded.js ${bytes} bytes, minified ${minifiedBytes}`);
}
