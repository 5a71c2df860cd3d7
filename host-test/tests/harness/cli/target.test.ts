// Where an application connects and as whom: options before the file before the environment, and no token in any error.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseApplicationFile, parseApplicationYaml } from "../../../harness/cli/application-file.ts";
import { findTarget } from "../../../harness/cli/target.ts";
import { makeFolder, writeFile } from "../../support/folder.ts";
import { assertUsageError } from "./testing.ts";

const folder = makeFolder();

const file = (text: string, name = "app.ini") => writeFile(folder, name, text);

const KEY = "a-org123-k1";
const FILE = `[application]\norg=org123\nid=filed\nauth-method=apikey\nauth-key=${KEY}\nauth-token=SECRET=$(x)\n`;
const ENV = { WIOTP_AUTH_KEY: "a-env456-k2", WIOTP_AUTH_TOKEN: "SECRET2", WIOTP_IDENTITY_APPID: "envapp" };

const OF_ENV = ["a:env456:x", "a-env456-k2", "SECRET2"] as const;
const NOBODY = ["a:abc123:x", undefined, undefined] as const;

const withDomain = (domain: string, port: string) => ({
  ...ENV,
  WIOTP_OPTIONS_DOMAIN: domain,
  WIOTP_OPTIONS_MQTT_PORT: port,
});

type Values = Parameters<typeof findTarget>[0];

/** What it comes to, without what is always the same. */
function target(values: Values, env: NodeJS.ProcessEnv = {}) {
  const { url, mqtt } = findTarget(values, env);
  return [url, mqtt.clientId, mqtt.username, mqtt.password];
}

test("nothing: the local platform, no credentials, a new application id each time", () => {
  const [url, clientId, user] = target({});
  assert.deepEqual([url, user], ["mqtt://127.0.0.1:1883", undefined]);
  assert.match(clientId!, /^a:abc123:iotf-[0-9a-f]{8}$/);
  assert.notEqual(target({})[1], clientId);
  assert.equal(findTarget({}, {}).local, true);
});

describe("sources", () => {
  for (const [what, values, env, expected] of [
    ["a URL", { url: "mqtt://host" }, {}, ["mqtt://host:1883", ...NOBODY]],
    ["with TLS", { url: "mqtts://[::1]:443/" }, {}, ["mqtts://[::1]:443", ...NOBODY]],
    ["an API key", { "api-key": KEY, "api-token": "t" }, {}, ["mqtt://127.0.0.1:1883", "a:org123:x", KEY, "t"]],
    ["the environment", {}, ENV, ["mqtt://127.0.0.1:1883", ...OF_ENV]],
    ["a domain", {}, withDomain("mas.example.com", "443"), ["mqtts://env456.messaging.mas.example.com:443", ...OF_ENV]],
    ["a domain, port 1883", {}, withDomain("d", "1883"), ["mqtt://env456.messaging.d:1883", ...OF_ENV]],
    [
      "a device's environment",
      {},
      { WIOTP_AUTH_TOKEN: "SECRET", WIOTP_OPTIONS_DOMAIN: "d" },
      ["mqtt://127.0.0.1:1883", ...NOBODY],
    ],
    ["a URL before a domain", { url: "mqtt://host:1" }, withDomain("d", "443"), ["mqtt://host:1", ...OF_ENV]],
  ] as const) {
    test(what, () => assert.deepEqual(target({ ...values, "app-id": "x" }, env), expected));
  }

  test("a file before the environment, an option before the file", () => {
    const config = file(FILE);
    assert.deepEqual(target({ config }, ENV), ["mqtt://127.0.0.1:1883", "a:org123:filed", KEY, "SECRET=$(x)"]);
    const options = { config, "api-key": "a-org123-k9", "api-token": "t9", "app-id": "x" };
    assert.deepEqual(target(options, ENV).slice(1), ["a:org123:x", "a-org123-k9", "t9"]);
    const named = file(`${FILE}host=amlen.example.com\n`);
    assert.equal(target({ config: named })[0], "mqtts://amlen.example.com:8883");
    assert.equal(target({ config: file(`${FILE}host=h\nport=1884\ntls=FALSE\n`) })[0], "mqtt://h:1884");
    assert.equal(
      target({ config: file(`${FILE}domain=iot.mas.example.com\n`) })[0],
      "mqtts://org123.messaging.iot.mas.example.com:8883",
    );
  });

  test("authorities from a file, or the system's", () => {
    const ca = file("PEM", "ca.pem");
    const tls = (values: object, env = {}) => findTarget({ url: "mqtts://h", ...values }, env).mqtt.endpoint.tls;
    assert.deepEqual([tls({ ca }), tls({})], [{ ca: "PEM" }, {}]);
    assert.deepEqual(tls({}, { ...ENV, WIOTP_OPTIONS_MQTT_CAFILE: ca }), { ca: "PEM" });
    assert.deepEqual(tls({}, { ...ENV, WIOTP_OPTIONS_MQTT_CAFILE: "_os_" }), {});
  });
});

describe("mistakes", () => {
  for (const [what, values, message, env = {}] of [
    ["a key without token", { "api-key": KEY }, /^an API key without its token$/],
    ["a token without key", { "api-token": "SECRET" }, /^a token without its API key$/],
    ["a key of no organization", { "api-key": "key", "api-token": "SECRET" }, /^an API key looks like a-ORG-…/],
    [
      "two organizations",
      { org: "org999", "api-key": KEY, "api-token": "SECRET" },
      /^the API key is of organization org123, not org999$/,
    ],
    ["an organization", { org: "a:b" }, /^a:b is not an organization id$/],
    [
      "a port",
      {},
      /^WIOTP_OPTIONS_MQTT_PORT must be a whole number 1\.\.65535, not 'x'$/,
      { ...ENV, WIOTP_OPTIONS_MQTT_PORT: "x" },
    ],
    ["no authorities", { ca: "/nowhere/ca.pem" }, /^cannot read the authorities in '\/nowhere\/ca\.pem' \(ENOENT\)$/],
    [
      "no file",
      { config: "/nowhere/app.ini" },
      /^Error reading application configuration file '\/nowhere\/app\.ini' \(ENOENT\)$/,
    ],
  ] as [string, Values, RegExp, NodeJS.ProcessEnv?][]) {
    test(what, () => assertUsageError(() => target(values, env), message));
  }

  for (const [what, text, message] of [
    ["a device's file", "[device]\norg=x\nauth-token=SECRET\n", /^f: no settings in section \[application\]$/],
    ["an unknown key", "[application]\nauth-token: SECRET=x\n", /^f:2: expected key=value with one of org, /],
    ["an empty value", "[application]\nauth-key=\n", /^f:2: auth-key is empty$/],
    ["a key twice", "[application]\nauth-token=SECRET\nauth-token=SECRET\n", /^f:3: auth-token is set twice$/],
    ["a method", "[application]\nauth-method=token\n", /^f: auth-method of an application is apikey, not token$/],
    ["a port in a file", "[application]\nport=0\n", /^f: port must be a whole number 1\.\.65535, not '0'$/],
    ["tls in a file", "[application]\ntls=yes\n", /^f: tls must be true or false, not 'yes'$/],
  ] as const) {
    test(what, () => assertUsageError(() => parseApplicationFile(text, "f"), message));
  }
});

test("YAML, as the newer SDKs have it", () => {
  const yaml = `identity:
  appId: yamled
auth:
  key: ${KEY}
  token: 007
options:
  domain: iot.mas.example.com
  logLevel: info
  mqtt:
    port: 443
    cleanStart: true
`;
  assert.deepEqual(target({ config: file(yaml, "app.yaml") }, ENV), [
    "mqtts://org123.messaging.iot.mas.example.com:443",
    "a:org123:yamled",
    KEY,
    "007",
  ]);
  for (const [text, message] of [
    [yaml.replace("key:", "kee:"), /^f: Missing auth\.key from configuration$/],
    [yaml.replace("port: 443", "port: x"), /^f: options\.mqtt\.port must be a whole number/],
    [yaml.replace("token: 007", "token: [SECRET"), /^f: not YAML \([A-Z_]+\)$/],
    [yaml.replace("token: 007", "token: [SECRET]"), /^f: auth\.token must be a text$/],
    ["SECRET", /^f: Missing auth\.key from configuration$/],
    ["", /^f: Missing auth\.key from configuration$/],
  ] as const) {
    assert.throws(() => parseApplicationYaml(text, "f"), { name: "Error", message });
  }
});

test("a file may have comments, other sections, a byte order mark and CRLF", () => {
  const text = `\uFEFF# comment\r\n[device]\r\norg=other\r\n[application]\r\n; comment\r\nauth-key = ${KEY}\r\nauth-token = a=b \r\nclean-session=true\r\n`;
  const { key, token, org } = parseApplicationFile(text, "f");
  assert.deepEqual([key, token, org], [KEY, "a=b", undefined]);
});
