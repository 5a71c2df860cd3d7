// Which file may import which, what the clients and the package show at run time, and how long a file may be.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ManagedDeviceClient } from "../../../src/device/managed/client.ts";
import { DeviceClient, MqttClient } from "../../../src/index.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const MOST_LINES = 350;

/** Files below a folder of the repository whose names end so, as paths from its root. */
function filesIn(folder: string, ...endings: string[]): string[] {
  const found = readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });
  return found
    .filter(entry => entry.isFile() && endings.some(ending => entry.name.endsWith(ending)))
    .map(entry => relative(ROOT, join(entry.parentPath, entry.name)))
    .filter(path => !path.includes("node_modules"))
    .sort();
}

function textOf(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

// Static and dynamic imports and exports from, type imports included; `new URL("…", import.meta.url)`, too.
const IMPORT = /(?:\bfrom|\bimport)\s*\(?\s*"([\w@#:./-]+)"|new URL\("([^"]+)"/g;

/** What a file imports: paths from the root of the repository, and names of packages as they are. */
function importsOf(path: string): string[] {
  return [...textOf(path).matchAll(IMPORT)].map(([, imported, url]) => {
    const name = imported ?? url!;
    return name.startsWith(".") ? relative(ROOT, resolve(ROOT, dirname(path), name)) : name;
  });
}

const SRC = filesIn("src", ".ts");
const TARGETS = filesIn("targets", ".ts", ".js");

/** Every import of `paths` that is wrong, as "file -> imported". */
function wrongImports(paths: readonly string[], wrong: (imported: string, path: string) => boolean): string[] {
  return paths.flatMap(path =>
    importsOf(path)
      .filter(imported => wrong(imported, path))
      .map(imported => `${path} -> ${imported}`),
  );
}

test("the files are found, and their imports", () => {
  assert.ok(SRC.length > 30 && TARGETS.length > 30, `${SRC.length} in src, ${TARGETS.length} in targets`);
  assert.ok(importsOf("src/device/client.ts").includes("src/mqtt/base-client.ts"));
  assert.ok(importsOf("src/mqtt/session/publisher.ts").includes("src/mqtt/callbacks.ts"), "type imports");
  assert.ok(importsOf("src/mqtt/wire/encoder.ts").includes("#mqtt-packet"));
});

test("src imports nothing but src and, in src/mqtt/wire, mqtt-packet", () => {
  const wrong = wrongImports(SRC, (imported, path) => {
    if (imported === "#mqtt-packet") return !path.startsWith("src/mqtt/wire/");
    return !SRC.includes(imported);
  });
  assert.deepEqual(wrong, []);
});

test("src/mqtt imports nothing from src/device", () => {
  const mqtt = SRC.filter(path => path.startsWith("src/mqtt/"));
  assert.deepEqual(
    wrongImports(mqtt, imported => imported.startsWith("src/device/")),
    [],
  );
});

test("src/device reaches src/mqtt through its top level, and the packet it is given", () => {
  const device = SRC.filter(path => path.startsWith("src/device/"));
  const inner = wrongImports(device, imported => /^src\/mqtt\/\w+\//.test(imported));
  const types = /^import type /;
  for (const line of inner) {
    const [path, imported] = line.split(" -> ");
    const statement = textOf(path!)
      .split("\n")
      .find(one => one.includes(imported!.slice(imported!.lastIndexOf("/"))));
    assert.match(statement!, types, `${line}: types only`);
  }
});

test("adapters use of src what it exports to applications, and functions that keep nothing", () => {
  // The build shortens names of properties that only files of src/ share: an adapter would not find them.
  const allowed =
    /^src\/(?:index|ports|errors|utf8|device\/(?:http|managed\/(?:index|types)|characters|option-values))\.ts$/;
  const adapters = TARGETS.filter(path => /^targets\/(?:moddable|neutral|node)\//.test(path));
  const inner = wrongImports(adapters, imported => imported.startsWith("src/") && !allowed.test(imported));
  assert.deepEqual(inner, []);
});

test("only src/mqtt/wire and its build touch mqtt-packet", () => {
  const wrong = wrongImports(TARGETS, (imported, path) => {
    return imported.includes("mqtt-packet") && !path.startsWith("targets/bundle/");
  });
  assert.deepEqual(wrong, []);
});

test("src has no import circle, type imports included", () => {
  const state = new Map<string, "open" | "closed">();
  const circles: string[] = [];
  const visit = (path: string, way: readonly string[]): void => {
    if (state.get(path) === "closed") return;
    if (state.get(path) === "open") return void circles.push([...way.slice(way.indexOf(path)), path].join(" -> "));
    state.set(path, "open");
    for (const imported of importsOf(path)) if (SRC.includes(imported)) visit(imported, [...way, path]);
    state.set(path, "closed");
  };
  for (const path of SRC) visit(path, []);
  assert.deepEqual(circles, []);
});

test("nothing in src imports host-test, and nothing of targets that ships or runs on a device", () => {
  // What builds the package may name the files of host-test that go into it.
  const shipped = [...SRC, ...TARGETS.filter(path => !path.startsWith("targets/bundle/"))];
  assert.deepEqual(
    wrongImports(shipped, imported => imported.startsWith("host-test/")),
    [],
  );
  const build = TARGETS.filter(path => path.startsWith("targets/bundle/"));
  assert.deepEqual(
    wrongImports(build, imported => imported.startsWith("host-test/tests/")),
    [],
  );
});

test("what ships of host-test/harness imports no test", () => {
  const harness = filesIn("host-test/harness", ".ts", ".js");
  assert.deepEqual(
    wrongImports(harness, imported => imported.startsWith("host-test/tests") || imported.startsWith("host-test/bench")),
    [],
  );
});

test(`no file of src has more than ${MOST_LINES} lines`, () => {
  const long = SRC.map(path => [path, textOf(path).split("\n").length - 1] as const).filter(
    ([, lines]) => lines > MOST_LINES,
  );
  assert.deepEqual(long, []);
});

const CLIENT_MEMBERS = ["active", "clientId", "connect", "connected", "counters", "disconnect", "stateName"];
const DEVICE_MEMBERS = [...CLIENT_MEMBERS, "commandCallback", "publishEvent", "setMessageEncoderModule"];
const MANAGED_MEMBERS = [
  "addErrorCode",
  "addLog",
  "clearErrorCodes",
  "clearLog",
  "firmware",
  "manage",
  "managed",
  "setDeviceInfo",
  "setLocation",
  "setMetadata",
  "unmanage",
];
/** The documented members of prototypes. Callbacks are fields of each object. */
const MEMBERS: [{ name: string; prototype: object }, string[]][] = [
  [DeviceClient, [...DEVICE_MEMBERS].sort()],
  [ManagedDeviceClient, [...DEVICE_MEMBERS, ...MANAGED_MEMBERS].sort()],
  [MqttClient, [...CLIENT_MEMBERS, "publish", "subscribe", "unsubscribe"].sort()],
];

for (const [client, members] of MEMBERS) {
  test(`the prototypes of ${client.name} have the documented members and no others`, () => {
    const found: string[] = [];
    for (let one = client.prototype; one !== Object.prototype; one = Object.getPrototypeOf(one)) {
      found.push(...Object.getOwnPropertyNames(one));
    }
    assert.deepEqual([...new Set(found)].filter(member => member !== "constructor").sort(), members);
  });
}

const CORE_EXPORTS = [
  "ConfigurationException",
  "ConnectionException",
  "DEFAULT_DOMAIN",
  "DEFAULT_LIMITS",
  "DeviceClient",
  "InvalidEventException",
  "MAX_PAYLOAD_BYTES",
  "MissingMessageDecoderException",
  "MissingMessageEncoderException",
  "MqttClient",
  "UnsupportedAuthenticationMethod",
  "parseConfig",
];
/** What an entry of the package exports at run time. */
const EXPORTS: Record<string, string[]> = {
  "index.js": CORE_EXPORTS,
  "node.js": [
    ...CORE_EXPORTS,
    "fileStore",
    "makePorts",
    "memoryStore",
    "nodePorts",
    "parseConfigFile",
    "parseConfigYaml",
    "parseEnvVars",
    "parseNestedConfig",
    // Internal: with these two, the harness gives the programs it tests other ports.
    "overridePorts",
    "portOverride",
  ],
};

for (const [entry, names] of Object.entries(EXPORTS)) {
  test(`dist/${entry} exports the documented names and no others`, async () => {
    const entryModule = await import(new URL(`../../../dist/${entry}`, import.meta.url).href);
    assert.deepEqual(Object.keys(entryModule).sort(), [...names].sort());
  });
}
