// `npm run build`: writes dist/. src/ and mqtt-packet become one file for every engine; beside it the adapters for engines,
// the tools for a PC (local platform, its page, command line), type declarations and licence texts.

import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { argv, env } from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import type { Plugin } from "esbuild";
import { bundle } from "./bundle.ts";
import { shortenable } from "./names.ts";
import { privateNames } from "./private-names.ts";
import { bundlePage, bundleTool, type Part } from "./tools.ts";
import { MQTT_PACKET } from "./trim.ts";

export { type BundleOptions, bundle } from "./bundle.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CORE = join(ROOT, "src/bundle.ts");
const PUBLIC = join(ROOT, "src/index.ts");
const HTTP = join(ROOT, "src/device/http.ts");
const HTTP_FORMATS = join(ROOT, "src/device/http-formats.ts");
const BASE64 = join(ROOT, "src/device/base64.ts");
const MANAGED = join(ROOT, "src/device/managed/");
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** An entry file of the package, in dist/ by its own name. */
interface Entry {
  name: string;
  source: string;
  /** No declarations: package.json does not export it. */
  untyped?: boolean;
  external?: string[];
  /** Runs on Node only: readable lines, and node-core.js as bundle. Node prints the line of an uncaught error. */
  node?: boolean;
  /** Import specifier of the bundle, if it is not the file beside it. */
  core?: string;
  /** Entries that it imports instead of bundling them; as in SHARED. */
  shared?: Readonly<Record<string, string>>;
}

const BUNDLE = "iotf-embedded";

const ENTRIES: readonly Entry[] = [
  { name: BUNDLE, source: "src/bundle.ts", untyped: true },
  // The same with readable lines and all names: on XS they would cost instructions wherever there is debug information.
  { name: "node-core", source: "src/bundle.ts", node: true, untyped: true },
  { name: "index", source: "src/index.ts" },
  { name: "index-node", source: "src/index.ts", node: true, untyped: true },
  { name: "http", source: "src/device/http.ts" },
  { name: "managed", source: "src/device/managed/index.ts" },
  { name: "neutral", source: "targets/neutral/index.ts" },
  { name: "http-neutral", source: "targets/neutral/http.ts" },
  { name: "managed-neutral", source: "targets/neutral/managed.ts" },
  { name: "node", source: "targets/node/index.ts", node: true, external: ["node:*"] },
  { name: "http-node", source: "targets/node/http.ts", node: true, external: ["node:*"] },
  { name: "managed-node", source: "targets/node/managed.ts", node: true, external: ["node:*"] },
  { name: "testing", source: "host-test/harness/testing/index.ts", node: true },
  // `iotf-embedded xs`, and the modules that it provides to a device program inside XS.
  { name: "xs", source: "host-test/harness/cli/xs.ts", node: true, external: ["node:*"], untyped: true },
  { name: "cli-errors", source: "host-test/harness/cli/errors.ts", node: true, untyped: true },
  { name: "xs-device", source: "host-test/harness/xs/device/index.ts", untyped: true },
  { name: "xs-timer", source: "host-test/harness/xs/device/timer.ts", untyped: true },
  { name: "xs-time", source: "host-test/harness/xs/device/time.ts", untyped: true },
  { name: "xs-node-test", source: "host-test/harness/xs/device/node-test.ts", untyped: true },
  { name: "xs-node-assert", source: "host-test/harness/xs/device/node-assert.ts", untyped: true },
  {
    name: "moddable",
    source: "targets/moddable/index.ts",
    external: ["embedded:*", "modules", "net", "time", "timer"],
    core: "iotf-embedded/core", // module name in manifest.json
  },
  {
    name: "http-moddable",
    source: "targets/moddable/http.ts",
    core: "iotf-embedded/core",
    shared: { [join(ROOT, "targets/moddable/index.ts")]: "iotf-embedded" },
  },
  {
    name: "managed-moddable",
    source: "targets/moddable/managed.ts",
    core: "iotf-embedded/core",
    shared: { [join(ROOT, "targets/moddable/index.ts")]: "iotf-embedded" },
  },
  {
    name: "update-moddable",
    source: "targets/moddable/update/index.ts",
    external: ["crypt", "curve", "ecdsa", "ecp", "modules", "rsa"],
    core: "iotf-embedded/core",
    shared: { [join(ROOT, "targets/moddable/index.ts")]: "iotf-embedded" },
  },
  // In place of modules of the Moddable SDK: manifest-tls.json.
  {
    name: "tls-certificates",
    source: "targets/moddable/tls/certificates.ts",
    external: ["Resource", "crypt", "curve", "ecdsa", "ecp", "pkcs8", "rsa", "ssl/*"],
    untyped: true,
  },
  {
    name: "tls-handshake",
    source: "targets/moddable/tls/handshake.ts",
    external: ["iotf-embedded/*", "ssl/*"],
    untyped: true,
  },
  { name: "tls-ciphersuites", source: "targets/moddable/tls/ciphersuites.ts", external: ["ssl/*"], untyped: true },
];

/** Files that run on Node only, with the packages they need bundled. */
const TOOLS: readonly { name: string; source: string; shebang?: boolean; types?: boolean }[] = [
  { name: "platform", source: "host-test/harness/platform/index.ts", types: true },
  { name: "cli", source: "host-test/harness/cli/main.ts", shebang: true },
  // A thread of `iotf-embedded fleet`.
  { name: "fleet-worker", source: "host-test/harness/fleet/worker.ts" },
];

export async function build(dist = join(ROOT, "dist")): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  const tools = Promise.all([
    ...TOOLS.map(async ({ name, source, shebang = false }) => {
      const outfile = join(dist, `${name}.js`);
      const plugins = [coreStaysOutside(NODE_CORE, SHARED_ON_NODE)];
      const parts = await bundleTool({ root: ROOT, source, outfile, plugins, shebang });
      if (shebang) await chmod(outfile, 0o755);
      return { file: `${name}.js`, parts };
    }),
    bundlePage(ROOT, "host-test/harness/platform/page/browser", join(dist, "page")).then(parts => ({
      file: "page/",
      parts,
    })),
  ]);
  await Promise.all([
    bundleDeviceEntries(dist),
    ...ENTRIES.filter(({ node }) => node).map(entry => bundleEntry(entry, dist)),
    tools.then(built => writeLicences(dist, built)),
    // What "#mqtt-packet" is where src/ runs as it stands, in the unit tests. Not part of the package.
    bundle({ entry: join(MQTT_PACKET, "mqtt.js"), outfile: join(dist, "mqtt-packet.js") }),
    copyXsRuntime(join(dist, "xs")),
    writeDeclarations(dist),
  ]);
}

/**
 * The bundle shortens the names of properties that no other file uses. Other files of src/ use its internals, so they come
 * first; the adapters use what src/ exports to applications.
 */
async function bundleDeviceEntries(dist: string): Promise<void> {
  const entries = ENTRIES.filter(({ node, name }) => !node && name !== BUNDLE);
  const ofSrc = entries.filter(({ source }) => source.startsWith("src/"));
  const adapters = entries.filter(entry => !ofSrc.includes(entry));
  const bundled = (some: readonly Entry[]) => Promise.all(some.map(entry => bundleEntry(entry, dist)));
  const [users] = await Promise.all([bundled(ofSrc), bundled(adapters)]);
  const interfaces = ofSrc.map(({ source }) => source);
  const shorten = (text: string) => shortenable(text, ["src"], interfaces, users);
  const plugins = [privateNames(join(ROOT, "tsconfig.json"), join(ROOT, "src/"))];
  await bundle({ entry: CORE, outfile: join(dist, `${BUNDLE}.js`), minify: true, plugins, shorten });
}

function bundleEntry(
  { name, source, external = [], node = false, core = node ? NODE_CORE : "./iotf-embedded.js", shared }: Entry,
  dist: string,
): Promise<string> {
  const entry = join(ROOT, source);
  const plugins = entry === CORE ? [] : [coreStaysOutside(core, shared ?? (node ? SHARED_ON_NODE : SHARED))];
  return bundle({ entry, outfile: join(dist, `${name}.js`), external, plugins, lines: node, minify: !node });
}

const NODE_CORE = "./node-core.js";

/** Entries that other entries import, so that each exists once. http.js belongs to the bundle for devices. */
const SHARED: Readonly<Record<string, string>> = { [HTTP]: "./http.js" };
const SHARED_ON_NODE: Readonly<Record<string, string>> = {
  [join(ROOT, "targets/node/index.ts")]: "./node.js",
  [join(ROOT, "host-test/harness/platform/index.ts")]: "./platform.js",
  [join(ROOT, "host-test/harness/cli/errors.ts")]: "./cli-errors.js",
  [join(ROOT, "host-test/harness/cli/xs.ts")]: "./xs.js",
};

/**
 * The other entries import the one bundle, never parts of src/: otherwise there would be two copies of them. src/index.ts
 * is the list of public exports: each entry that exports them has the list, so that it exports nothing else.
 */
const coreStaysOutside = (core: string, outside: Readonly<Record<string, string>>): Plugin => ({
  name: "core-stays-outside",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir, kind }) => {
      const file = resolve(resolveDir, path);
      if (kind === "entry-point" || file === PUBLIC) return undefined;
      if (outside[file]) return { path: outside[file], external: true };
      // What is not in the bundle: an entry that does not share it brings it along.
      const apart = file === HTTP || file === HTTP_FORMATS || file === BASE64 || file.startsWith(MANAGED);
      return file.startsWith(join(ROOT, "src/")) && !apart ? { path: core, external: true } : undefined;
    });
  },
});

/** These files are loaded into XS unchanged. */
async function copyXsRuntime(folder: string): Promise<void> {
  await mkdir(folder);
  for (const file of ["runtime.js", "wire.js"]) {
    await copyFile(join(ROOT, "host-test/harness/xs", file), join(folder, file));
  }
}

/** The licences of bundled packages require that their texts are shipped. */
async function writeLicences(dist: string, tools: readonly { file: string; parts: readonly Part[] }[]): Promise<void> {
  const { version } = JSON.parse(await readFile(join(MQTT_PACKET, "package.json"), "utf8"));
  const licence = await readFile(join(MQTT_PACKET, "LICENSE.md"), "utf8");
  const texts = [
    `iotf-embedded.js and node-core.js contain parts of mqtt-packet ${version}, changed at build time.\n\n${licence.trim()}`,
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
  await bringMqttPacketTypes(join(types, "src/mqtt/wire"));
  const entries = [...ENTRIES.filter(({ untyped }) => !untyped), ...TOOLS.filter(({ types }) => types)];
  for (const { name, source } of entries) {
    await writeFile(join(dist, `${name}.d.ts`), `export * from "./types/${source.replace(/\.ts$/, ".js")}";\n`);
  }
  await dropUnreached(
    types,
    entries.map(({ source }) => join(types, source.replace(/\.ts$/, ".d.ts"))),
  );
}

/** Removes declarations that no entry imports: they may name packages that are not installed with this one. */
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
 * "#mqtt-packet" is not part of the published package: the declarations must find its types beside them. That SendBuffer
 * implements PacketStream is internal, and declarations are without internals.
 */
async function bringMqttPacketTypes(folder: string): Promise<void> {
  for (const name of ["decoder.d.ts", "encoder.d.ts", "send-buffer.d.ts"]) {
    const file = join(folder, name);
    const text = await readFile(file, "utf8");
    const changed = text.replaceAll('"#mqtt-packet"', '"./mqtt-packet.js"').replace(" implements PacketStream", "");
    await writeFile(file, changed);
  }
  await copyFile(join(ROOT, "src/mqtt/wire/mqtt-packet.d.ts"), join(folder, "mqtt-packet.d.ts"));
}

if (import.meta.url === pathToFileURL(argv[1] ?? "").href) {
  await build();
  // Scripts that build first run this with --silent: their own output follows.
  const silent = env.npm_config_loglevel === "silent";
  if (!silent) console.log(`dist/${BUNDLE}.js ${(await stat(join(ROOT, "dist", `${BUNDLE}.js`))).size} bytes`);
}
