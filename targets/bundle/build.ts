// `npm run build`: src/ and mqtt-packet into dist/, one file for every engine, and beside it the two adapters, the type
// declarations and the licences of what is bundled; and the tools for a PC: local platform, its page, command line.

import { execFile } from "node:child_process";
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Plugin } from "esbuild";
import { bundle } from "./bundle.ts";
import { bundlePage, bundleTool, type Part } from "./tools.ts";
import { MQTT_PACKET } from "./trim.ts";

export { type BundleOptions, bundle } from "./bundle.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CORE = join(ROOT, "src/index.ts");
const HTTP = join(ROOT, "src/http.ts");
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** An entry file of the package, in dist/ by its own name. */
interface Entry {
  name: string;
  source: string;
  /** No declarations: nobody imports it by a name of the package. */
  untyped?: boolean;
  external?: string[];
  /** What it calls the bundle, where that is not the file beside it. */
  core?: string;
  /** Entries it takes from outside, as SHARED has it. */
  shared?: Readonly<Record<string, string>>;
}

const ENTRIES: readonly Entry[] = [
  { name: "iotf-embedded", source: "src/index.ts" },
  { name: "http", source: "src/http.ts" },
  { name: "node", source: "host-test/node/index.ts", external: ["node:*"] },
  { name: "http-node", source: "host-test/node/http.ts", external: ["node:*"] },
  { name: "testing", source: "host-test/testing/index.ts" },
  // `iotf-embedded xs`, and what it lays beside a device program inside XS.
  { name: "xs", source: "host-test/cli/xs.ts", external: ["node:*"], untyped: true },
  { name: "cli-errors", source: "host-test/cli/errors.ts", untyped: true },
  { name: "xs-device", source: "host-test/xs/device/index.ts", untyped: true },
  { name: "xs-timer", source: "host-test/xs/device/timer.ts", untyped: true },
  { name: "xs-time", source: "host-test/xs/device/time.ts", untyped: true },
  { name: "xs-node-test", source: "host-test/xs/device/node-test.ts", untyped: true },
  { name: "xs-node-assert", source: "host-test/xs/device/node-assert.ts", untyped: true },
  {
    name: "moddable",
    source: "targets/moddable/index.ts",
    external: ["embedded:*", "modules", "net", "time", "timer"],
    core: "iotf-embedded/core", // its name in manifest.json: there, modules have names of their own, not file names
  },
  {
    name: "http-moddable",
    source: "targets/moddable/http.ts",
    core: "iotf-embedded/core",
    shared: { [join(ROOT, "targets/moddable/index.ts")]: "iotf-embedded" },
  },
];

/** Files that run on Node only and bring the packages they need with them. */
const TOOLS: readonly { name: string; source: string; shebang?: boolean; types?: boolean }[] = [
  { name: "platform", source: "host-test/platform/index.ts", types: true },
  { name: "cli", source: "host-test/cli/main.ts", shebang: true },
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
  const tools = Promise.all([
    ...TOOLS.map(async ({ name, source, shebang = false }) => {
      const outfile = join(dist, `${name}.js`);
      const plugins = [coreStaysOutside({ ...SHARED, [CORE]: "./iotf-embedded.js" })];
      return { file: `${name}.js`, parts: await bundleTool({ root: ROOT, source, outfile, plugins, shebang }) };
    }),
    bundlePage(ROOT, "host-test/page/browser", join(dist, "page")).then(parts => ({ file: "page/", parts })),
  ]);
  const [core] = await Promise.all([
    ...ENTRIES.map(entry => bundleEntry(entry, dist)),
    tools.then(built => writeLicences(dist, built)),
    copyXsRuntime(join(dist, "xs")),
    writeDeclarations(dist),
  ]);
  const minified = await bundle({ entry: CORE, minify: true });
  return { bytes: Buffer.byteLength(core as string), minifiedBytes: Buffer.byteLength(minified) };
}

function bundleEntry(
  { name, source, external = [], core = "./iotf-embedded.js", shared = SHARED }: Entry,
  dist: string,
): Promise<string> {
  const entry = join(ROOT, source);
  const plugins = entry === CORE ? [] : [coreStaysOutside({ ...shared, [CORE]: core })];
  return bundle({ entry, outfile: join(dist, `${name}.js`), external, plugins });
}

/** The entries that others import, so that there is one of each; all of src/ is in these and the bundle. */
const SHARED: Readonly<Record<string, string>> = {
  [HTTP]: "./http.js",
  [join(ROOT, "host-test/node/index.ts")]: "./node.js",
  [join(ROOT, "host-test/platform/index.ts")]: "./platform.js",
  [join(ROOT, "host-test/cli/errors.ts")]: "./cli-errors.js",
  [join(ROOT, "host-test/cli/xs.ts")]: "./xs.js",
};

/** The other entries import the one bundle, never parts of src/: else there would be two copies of them. */
const coreStaysOutside = (outside: Readonly<Record<string, string>>): Plugin => ({
  name: "core-stays-outside",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
      const file = resolve(resolveDir, path);
      if (kind === "entry-point") return undefined;
      if (outside[file]) return { path: outside[file], external: true };
      // Whoever does not share src/http.ts brings it along.
      if (!file.startsWith(join(ROOT, "src/")) || file === HTTP) return undefined;
      return { errors: [{ text: `import src/index.ts, not ${relative(ROOT, file)}: it is in the bundle already` }] };
    });
  },
});

/** It is loaded into XS as it stands. */
async function copyXsRuntime(folder: string): Promise<void> {
  await mkdir(folder);
  for (const file of ["runtime.js", "wire.js"]) {
    await copyFile(join(ROOT, "host-test/xs", file), join(folder, file));
  }
}

/** Packages that are part of a built file ask for their licences to come along. */
async function writeLicences(dist: string, tools: readonly { file: string; parts: readonly Part[] }[]): Promise<void> {
  const { version } = JSON.parse(await readFile(join(MQTT_PACKET, "package.json"), "utf8"));
  const licence = await readFile(join(MQTT_PACKET, "LICENSE.md"), "utf8");
  const texts = [
    `iotf-embedded.js contains parts of mqtt-packet ${version}, changed at build time.\n\n${licence.trim()}`,
  ];
  const parts = tools.flatMap(({ parts }) => parts).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const part of new Map(parts.map(part => [`${part.name} ${part.version}`, part])).values()) {
    const files = tools.filter(tool => tool.parts.some(({ name }) => name === part.name)).map(({ file }) => file);
    texts.push(
      `${files.join(" and ")} contain${files.length > 1 ? "" : "s"} ${part.name} ${part.version}.\n\n${part.licence}`,
    );
  }
  await writeFile(join(dist, "THIRD-PARTY-LICENSES.txt"), `${texts.join(`\n\n${"-".repeat(80)}\n\n`)}\n`);
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
  const entries = [...ENTRIES.filter(({ untyped }) => !untyped), ...TOOLS.filter(({ types }) => types)];
  for (const { name, source } of entries) {
    await writeFile(join(dist, `${name}.d.ts`), `export * from "./types/${source.replace(/\.ts$/, ".js")}";\n`);
  }
  await dropUnreached(
    types,
    entries.map(({ source }) => join(types, source.replace(/\.ts$/, ".d.ts"))),
  );
}

/** Declarations that no entry leads to are of no use, and may name packages that are not installed with this one. */
async function dropUnreached(types: string, entries: readonly string[]): Promise<void> {
  const reached = new Set<string>();
  const reach = async (file: string): Promise<void> => {
    if (reached.has(file)) return;
    reached.add(file);
    const text = await readFile(file, "utf8");
    const imports = text.matchAll(/(?:from|import\() ?"(\.[^"]+)\.[jt]s"/g);
    await Promise.all([...imports].map(([, path]) => reach(`${resolve(dirname(file), path!)}.d.ts`)));
  };
  await Promise.all(entries.map(reach));
  for (const entry of await readdir(types, { recursive: true })) {
    const file = join(types, entry);
    if (file.endsWith(".d.ts") && !reached.has(file)) await rm(file);
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
