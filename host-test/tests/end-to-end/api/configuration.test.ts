// Configuration on Node: ini and YAML files, the nested shape, environment variables (docs/protocol.md 5), all to the same
// options. What they cannot say is refused with the texts of the SDKs they come from, and never shows a token.

import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import {
  ConfigurationException,
  DeviceClient,
  parseConfigFile,
  parseConfigYaml,
  parseEnvVars,
  parseNestedConfig,
} from "../../../../dist/node.js";
import { makeFolder, writeFile } from "../../support/folder.ts";
import { IDENTITY, TOKEN } from "../../support/identity.ts";

const folder = makeFolder();

const file = (name: string, text: string) => writeFile(folder, name, text);

function refused(parse: () => unknown, message: string | RegExp): void {
  assert.throws(parse, error => {
    assert.ok(error instanceof ConfigurationException, String(error));
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    return !error.message.includes(TOKEN);
  });
}

// --- ini ---

const INI = `[device]
org=abc123
type=thermo
id=t-01
auth-method=token
auth-token=${TOKEN}
clean-session=False
port=1883
`;

test("parseConfigFile reads the documented ini file", () => {
  const options = parseConfigFile(file("device.cfg", INI));
  assert.deepEqual(options, { ...IDENTITY, "clean-session": false, port: 1883 });
});

test("parseConfigFile reads it with a byte order mark, CRLF and no section, as the C client's", () => {
  const text = `\uFEFF${INI.replace("[device]\n", "").replaceAll("\n", "\r\n")}`;
  assert.deepEqual(parseConfigFile(file("c.cfg", text)), { ...IDENTITY, "clean-session": false, port: 1883 });
});

test("errors of an ini file name file, line and key", () => {
  const path = file("wrong.cfg", INI.replace("1883", "mqtt"));
  refused(() => parseConfigFile(path), `${path}:8: port must be a whole number 1..65535, not mqtt`);
});

test("a file that is not there is named", () => {
  const path = join(folder, "absent.cfg");
  refused(() => parseConfigFile(path), `Error reading device configuration file '${path}' (ENOENT)`);
});

// --- nested and YAML (docs/protocol.md 5.2) ---

const NESTED = {
  identity: { orgId: "abc123", typeId: "thermo", deviceId: "t-01" },
  auth: { token: TOKEN },
} as const;

test("the nested shape means the same options", () => {
  assert.deepEqual(parseNestedConfig(NESTED), IDENTITY);
  const mqtt = { port: 443, transport: "tcp", cleanStart: false, sessionExpiry: 3600, keepAlive: 30 } as const;
  assert.deepEqual(parseNestedConfig({ ...NESTED, options: { domain: "iot.example.com", logLevel: "debug", mqtt } }), {
    ...IDENTITY,
    domain: "iot.example.com",
    port: 443,
    "clean-session": false,
    "keep-alive": 30,
  });
});

test("cleanStart true is clean-session true", () => {
  const options = parseNestedConfig({ ...NESTED, options: { mqtt: { cleanStart: true } } });
  assert.equal(options["clean-session"], true);
});

test("caFile is read; _os_ leaves the system's authorities", () => {
  const caFile = file("ca.pem", "PEM");
  assert.equal(parseNestedConfig({ ...NESTED, options: { mqtt: { caFile } } }).ca, "PEM");
  assert.equal(parseNestedConfig({ ...NESTED, options: { mqtt: { caFile: "_os_" } } }).ca, undefined);
  const absent = join(folder, "absent.pem");
  refused(
    () => parseNestedConfig({ ...NESTED, options: { mqtt: { caFile: absent } } }),
    `options.mqtt.caFile: cannot read '${absent}' (ENOENT)`,
  );
});

test("Quickstart has no auth", () => {
  const identity = { orgId: "quickstart", typeId: "board", deviceId: "demo" };
  assert.deepEqual(parseNestedConfig({ identity }), { org: "quickstart", type: "board", id: "demo" });
  refused(
    () => parseNestedConfig({ identity, auth: { token: TOKEN } }),
    "Quickstart service does not support device authentication",
  );
});

const { identity, auth } = NESTED;
const NESTED_REFUSED: [object, string | RegExp][] = [
  [{}, "Missing identity from configuration"],
  [{ identity: null }, "Missing identity from configuration"],
  [{ identity: {} }, "Missing identity.orgId from configuration"],
  [{ identity: { orgId: "abc123" } }, "Missing identity.typeId from configuration"],
  [{ identity: { orgId: "abc123", typeId: "t" } }, "Missing identity.deviceId from configuration"],
  [{ identity }, "Missing auth from configuration"],
  [{ identity, auth: {} }, "Missing auth.token from configuration"],
  [{ identity, auth: { token: "" } }, "auth.token must be a string that is not empty"],
  [{ identity, auth, options: { logLevel: "loud" } }, /^Optional setting options\.logLevel must be one of error, warn/],
  [{ identity, auth, options: { mqtt: { port: "x" } } }, /^options\.mqtt\.port must be a whole number 1\.\.65535/],
  [{ identity, auth, options: { mqtt: { cleanStart: 1 } } }, "options.mqtt.cleanStart must be true or false, not 1"],
  [{ identity, auth, options: { mqtt: { transport: "websockets" } } }, /^options\.mqtt\.transport must be tcp/],
  [{ identity, auth, options: { mqtt: { prot: 1 } } }, "Unknown setting: options.mqtt.prot"],
  [{ identity, auth, options: 7 }, "options must have settings below it"],
  [[], "the configuration must have settings below it"],
];

for (const [config, message] of NESTED_REFUSED) {
  test(`the nested shape refuses what lacks or breaks: ${message}`, () => {
    refused(() => parseNestedConfig(config as never), message);
  });
}

const YAML = `# as the newer SDKs have it
identity:
  orgId: abc123
  typeId: thermo
  deviceId: t-01
auth:
  token: ${TOKEN}
options:
  logLevel: info
  mqtt:
    port: 1883
    cleanStart: false
`;

test("parseConfigFile reads YAML by the name of the file", () => {
  for (const name of ["device.yaml", "device.YML"]) {
    assert.deepEqual(parseConfigFile(file(name, YAML)), { ...IDENTITY, port: 1883, "clean-session": false });
  }
});

test("YAML values stay the text they are: a token of digits keeps its zeros", () => {
  const text = YAML.replace(TOKEN, "007").replace("thermo", "1e3").replace("t-01", "true");
  const options = parseConfigYaml(text);
  assert.deepEqual([options["auth-token"], options.type, options.id], ["007", "1e3", "true"]);
});

test("JSON is YAML", () => assert.deepEqual(parseConfigYaml(JSON.stringify(NESTED)), IDENTITY));

test("broken YAML is told by file and line, without what stands there", () => {
  const path = file("broken.yaml", YAML.replace(`token: ${TOKEN}`, `token: "${TOKEN}`));
  refused(() => parseConfigFile(path), new RegExp(`^${path.replaceAll("/", "\\/")}:\\d+: not YAML \\([A-Z_]+\\)$`));
  refused(() => parseConfigYaml("a: 1\na: 2\n", "x"), "x:2: not YAML (DUPLICATE_KEY)");
  refused(() => parseConfigYaml("", "x"), "x: the configuration must have settings below it");
});

test("YAML whose aliases multiply without end is refused like any other broken file", () => {
  const levels = Array.from(
    { length: 12 },
    (_, i) =>
      `a${i}: &a${i} [${Array(12)
        .fill(i ? `*a${i - 1}` : "x")
        .join()}]`,
  );
  refused(() => parseConfigYaml(levels.join("\n"), "bomb.yaml"), "bomb.yaml: not YAML (too many aliases)");
});

test("without the package yaml the error says what to install; ini files need nothing", async () => {
  for (const name of ["node.js", "node-core.js"])
    cpSync(new URL(`../../../../dist/${name}`, import.meta.url), join(folder, name));
  const alone: typeof import("../../../../dist/node.js") = await import(pathToFileURL(join(folder, "node.js")).href);
  assert.throws(() => alone.parseConfigYaml(YAML), {
    name: "ConfigurationException",
    message: "YAML files need the package yaml: npm install yaml",
  });
  assert.equal(alone.parseConfigFile(file("alone.cfg", INI)).org, "abc123");
});

// --- environment (docs/protocol.md 5.3) ---

const ENV = {
  WIOTP_IDENTITY_ORGID: "abc123",
  WIOTP_IDENTITY_TYPEID: "thermo",
  WIOTP_IDENTITY_DEVICEID: "t-01",
  WIOTP_AUTH_TOKEN: TOKEN,
};

test("parseEnvVars reads the four variables, and WIOTP_API_TOKEN for the token", () => {
  assert.deepEqual(parseEnvVars(ENV), IDENTITY);
  const { WIOTP_AUTH_TOKEN: token, ...rest } = ENV;
  assert.deepEqual(parseEnvVars({ ...rest, WIOTP_API_TOKEN: token }), IDENTITY);
});

test("parseEnvVars reads those of options", () => {
  const options = parseEnvVars({
    ...ENV,
    WIOTP_OPTIONS_DOMAIN: "iot.example.com",
    WIOTP_OPTIONS_LOGLEVEL: "error",
    WIOTP_OPTIONS_MQTT_PORT: "443",
    WIOTP_OPTIONS_MQTT_TRANSPORT: "tcp",
    WIOTP_OPTIONS_MQTT_CAFILE: file("env.pem", "PEM"),
    WIOTP_OPTIONS_MQTT_CLEANSTART: "False",
    WIOTP_OPTIONS_MQTT_SESSIONEXPIRY: "3600",
    WIOTP_OPTIONS_MQTT_KEEPALIVE: "120",
  });
  const meant = { domain: "iot.example.com", port: 443, ca: "PEM", "clean-session": false, "keep-alive": 120 };
  assert.deepEqual(options, { ...IDENTITY, ...meant });
});

for (const text of ["True", "true", "1"]) {
  test(`WIOTP_OPTIONS_MQTT_CLEANSTART=${text} is a clean session`, () => {
    assert.equal(parseEnvVars({ ...ENV, WIOTP_OPTIONS_MQTT_CLEANSTART: text })["clean-session"], true);
  });
}

test("parseEnvVars without arguments reads this process's own", () => {
  Object.assign(process.env, ENV);
  try {
    assert.deepEqual(parseEnvVars(), IDENTITY);
  } finally {
    for (const name of Object.keys(ENV)) delete process.env[name];
  }
});

const ENV_REFUSED: [Record<string, string>, string][] = [
  [{ WIOTP_IDENTITY_ORGID: "" }, "Missing WIOTP_IDENTITY_ORGID environment variable"],
  [{ WIOTP_IDENTITY_TYPEID: "" }, "Missing WIOTP_IDENTITY_TYPEID environment variable"],
  [{ WIOTP_IDENTITY_DEVICEID: "" }, "Missing WIOTP_IDENTITY_DEVICEID environment variable"],
  [{ WIOTP_AUTH_TOKEN: "" }, "Missing WIOTP_AUTH_TOKEN environment variable"],
  [{ WIOTP_OPTIONS_MQTT_PORT: "mqtt" }, "WIOTP_OPTIONS_MQTT_PORT must be a number"],
  [{ WIOTP_OPTIONS_MQTT_SESSIONEXPIRY: "1h" }, "WIOTP_OPTIONS_MQTT_SESSIONEXPIRY must be a number"],
  [{ WIOTP_OPTIONS_MQTT_KEEPALIVE: "-1" }, "WIOTP_OPTIONS_MQTT_KEEPALIVE must be a number"],
  [{ WIOTP_OPTIONS_LOGLEVEL: "loud" }, "WIOTP_OPTIONS_LOGLEVEL must be one of error, warning, info, debug"],
  [{ WIOTP_OPTIONS_MQTT_CLEANSTART: "yes" }, "WIOTP_OPTIONS_MQTT_CLEANSTART must be true or false"],
  [{ WIOTP_OPTIONS_MQTT_PORT: "65536" }, "WIOTP_OPTIONS_MQTT_PORT must be a whole number 1..65535, not 65536"],
];

for (const [change, message] of ENV_REFUSED) {
  test(`parseEnvVars refuses: ${message}`, () => refused(() => parseEnvVars({ ...ENV, ...change }), message));
}

// --- Quickstart ---

test("Quickstart devices without id have one that stays the same within the process, here and over HTTP", async () => {
  const { clientId } = new DeviceClient();
  assert.match(clientId, /^d:quickstart:iotf-embedded:[0-9a-f]{12}$/);
  assert.equal(new DeviceClient({ org: "quickstart" }).clientId, clientId);
  assert.equal(new DeviceClient({ type: "board" }).clientId, clientId.replace("iotf-embedded", "board"));
  const { nodeHttpPorts } = await import("../../../../dist/http-node.js");
  assert.equal(nodeHttpPorts.serial, clientId.split(":")[3]);
});
