// config.ts: options to endpoint, client id and credentials; every wrong option refused by its name.

import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, type DeviceOptions } from "../../../src/device/config.ts";
import { IDENTITY, TOKEN } from "../support/identity.ts";

const SIXTEEN = Array.from({ length: 16 }, (_, n) => `h${n}.test`);
const without = (...keys: (keyof DeviceOptions)[]) => {
  const options: DeviceOptions = { ...IDENTITY };
  for (const key of keys) delete options[key];
  return options;
};

test("the documented options become host, client id and credentials (docs/protocol.md 1)", () => {
  assert.deepEqual(configure(IDENTITY, Math.random), {
    org: "abc123",
    type: "thermo",
    id: "t-01",
    quickstart: false,
    mqtt: {
      endpoint: { host: "abc123.messaging.internetofthings.ibmcloud.com", port: 8883, tls: {} },
      clientId: "d:abc123:thermo:t-01",
      username: "use-token-auth",
      password: TOKEN,
      clean: true,
      keepAlive: 60,
    },
  });
});

test("orgId and apikey, as one page spells them, mean the same", () => {
  const { org: _, ...rest } = IDENTITY;
  assert.deepEqual(
    configure({ ...rest, orgId: "abc123", "auth-method": "apikey" }, Math.random),
    configure(IDENTITY, Math.random),
  );
});

test("no options: an unregistered Quickstart device with an id of its own (docs/protocol.md 5.1)", () => {
  let n = 0;
  const { quickstart, mqtt } = configure({}, () => (n++ % 16) / 16);
  assert.equal(quickstart, true);
  assert.deepEqual(mqtt, {
    endpoint: { host: "quickstart.messaging.internetofthings.ibmcloud.com", port: 1883 },
    clientId: "d:quickstart:iotf-embedded:0123456789ab",
    clean: true,
    keepAlive: 60,
  });
});

test("Quickstart sends no credentials though options have them", () => {
  const { mqtt } = configure({ ...IDENTITY, org: "quickstart" }, Math.random);
  assert.deepEqual([mqtt.username, mqtt.password, mqtt.clientId], [undefined, undefined, "d:quickstart:thermo:t-01"]);
});

// Options beside IDENTITY; what they change.
const PLACES: [DeviceOptions, { host?: string; port?: number; tls?: object | undefined }][] = [
  [{ domain: "iot.mas.example.com" }, { host: "abc123.messaging.iot.mas.example.com" }],
  [{ host: "10.0.0.7", domain: "ignored" }, { host: "10.0.0.7" }],
  [{ host: "fe80::1%eth0" }, { host: "fe80::1%eth0" }],
  [{ host: "::1" }, { host: "::1" }],
  [{ host: ["a.test", "::1"] }, { host: ["a.test", "::1"] as never }],
  [{ host: "a.test, 10.0.0.7" }, { host: "a.test, 10.0.0.7" }],
  [{ host: SIXTEEN }, { host: SIXTEEN as never }],
  [{ port: 443 }, { port: 443, tls: {} }],
  [{ port: "443" }, { port: 443, tls: {} }],
  [{ port: 9999 }, { port: 9999, tls: {} }],
  [{ port: 1883 }, { port: 1883, tls: undefined }],
  [{ port: 80 }, { port: 80, tls: undefined }],
  [
    { port: 1883, tls: true },
    { port: 1883, tls: {} },
  ],
  [{ tls: false }, { port: 1883, tls: undefined }],
  [{ tls: "False" }, { port: 1883, tls: undefined }],
  [
    { tls: "true", ca: "CA", cert: "C", key: "K", "key-passphrase": "P", "server-name": "n" },
    { tls: { ca: "CA", cert: "C", key: "K", passphrase: "P", serverName: "n" } },
  ],
];

for (const [options, expected] of PLACES) {
  test(`${JSON.stringify(options)} leads to ${JSON.stringify(expected)}`, () => {
    const { endpoint } = configure({ ...IDENTITY, ...options }, Math.random).mqtt;
    assert.deepEqual(
      { ...endpoint, ...expected },
      { tls: undefined, ...endpoint, ...(expected.tls ? {} : { tls: expected.tls ?? endpoint.tls }) },
    );
  });
}

const VALUES: [DeviceOptions, object][] = [
  [{ "clean-session": false }, { clean: false }],
  [{ "clean-session": "FALSE" }, { clean: false }],
  [{ "clean-session": "true" }, { clean: true }],
  [{ "keep-alive": 0 }, { keepAlive: 0 }],
  [{ "keep-alive": "65535" }, { keepAlive: 65535 }],
  [{ timeout: 0.25 }, { timeout: 0.25 }],
  [{ timeout: "7" }, { timeout: 7 }],
  [{ timeout: "0.5" }, { timeout: 0.5 }],
  [{ timeout: 65535 }, { timeout: 65535 }],
  [{ "ack-timeout": "0.5" }, { ackTimeout: 0.5 }],
  [{ "reconnect-delay": 2 }, { reconnectDelay: 2 }],
  [{ "reconnect-delay": "2.5" }, { reconnectDelay: 2.5 }],
  [{ "reconnect-delay": "120" }, { reconnectDelay: 120 }],
  [{ limits: { inflight: 3 } }, { limits: { inflight: 3 } }],
];

for (const [options, expected] of VALUES) {
  test(`${JSON.stringify(options)} means ${JSON.stringify(expected)}`, () => {
    const { mqtt } = configure({ ...IDENTITY, ...options }, Math.random);
    assert.deepEqual({ ...mqtt, ...expected }, mqtt);
  });
}

type Refusal = readonly [name: string, options: object, message: string | RegExp];

const INCOMPLETE: Refusal[] = [
  ["a missing type", without("type"), "Missing required property: type"],
  ["a missing id", without("id"), "Missing required property: id"],
  ["a missing auth-method", without("auth-method"), "Missing required property: auth-method"],
  ["a missing token", without("auth-token"), "Missing required property for token based authentication: auth-token"],
  ["type before id before auth-method", { org: "abc123" }, "Missing required property: type"],
  ["a durable Quickstart session", { "clean-session": false }, "Quickstart needs clean-session: true"],
];

// Options beside IDENTITY, and why they are refused.
const WRONG: Refusal[] = [
  ["an unknown key", { orgid: "x" }, /^Unknown option: orgid; did you mean (org|orgId)\?$/],
  ["a key with an underscore", { auth_token: "x" }, "Unknown option: auth_token; did you mean auth-token?"],
  ["a key like no other", { certificateStore: "x" }, "Unknown option: certificateStore"],
  ["a type with a colon", { type: "a:b" }, /^type must be 1 to 36/],
  ["an id of 37 characters", { id: "i".repeat(37) }, /^id must be 1 to 36/],
  ["an id with a slash", { id: "a/b" }, /^id must be 1 to 36/],
  ["an org with a slash", { org: "a/b" }, /^org must be 1 to 36/],
  ["an org with a colon", { org: "a:b" }, /^org must be 1 to 36/],
  ["an empty org", { org: "" }, "org must be a string that is not empty"],
  ["a token that is a number", { "auth-token": 7 }, "auth-token must be a string that is not empty"],
  ["port 0", { port: 0 }, /^port must be a whole number 1\.\.65535, not 0$/],
  ["port 65536", { port: "65536" }, /^port must be/],
  ["half a port", { port: 1.5 }, /^port must be/],
  ["a port that is no number", { port: "mqtt" }, /^port must be/],
  ["a port with a sign", { port: "+1" }, /^port must be/],
  ["a port in hexadecimal", { port: "0x10" }, /^port must be/],
  ["an empty port", { port: "" }, /^port must be/],
  [
    "a host with scheme and port",
    { host: "mqtt://localhost:1883" },
    'host must be a host name or address alone, not "mqtt://localhost:1883"; use the options port and tls',
  ],
  ["a host with a port", { host: "localhost:1883" }, /^host must be .* alone, not "localhost:1883"/],
  ["a host with a path", { host: "localhost/mqtt" }, /^host must be/],
  ["an address in brackets", { host: "[::1]" }, /^host must be/],
  ["a domain with a port", { domain: "iot.example.com:443" }, /^domain must be/],
  [
    "a host with a password, without showing it",
    { host: `mqtt://u:${TOKEN}@localhost` },
    'host must be a host name or address alone, not "localhost"; use the options port and tls',
  ],
  [
    "a scheme in a list of hosts",
    { host: ["a.test", "mqtt://x"] },
    'host[1] must be a host name or address alone, not "mqtt://x"; use the options port and tls',
  ],
  ["a port in a list of hosts", { host: ["x:1883", "b.test"] }, /^host\[0\] must be .* not "x:1883"/],
  ["a port in a text of hosts", { host: "a.test, b.test, x:1883" }, /^host\[2\] must be .* not "x:1883"/],
  ["a list in a list of one", { host: ["a.test,b.test"] }, /^host must be .* not "a\.test,b\.test"/],
  ["an empty entry", { host: ["a.test", ""] }, "host[1] must be a string that is not empty"],
  ["an empty entry in a text", { host: "a.test, ,b.test" }, "host[1] must be a string that is not empty"],
  ["an entry that is no text", { host: [1, "a.test"] }, "host[0] must be a string that is not empty"],
  ["a host that is no text", { host: 7 }, "host must be a string that is not empty"],
  ["a list in a list", { host: [["a.test"], "b.test"] }, "host[0] must be a string that is not empty"],
  ["no host", { host: [] }, "host.length must be a whole number 1..16, not 0"],
  ["17 hosts", { host: [...SIXTEEN, "x.test"] }, "host.length must be a whole number 1..16, not 17"],
  ["17 hosts in a text", { host: `${SIXTEEN},x.test` }, "host.length must be a whole number 1..16, not 17"],
  ["two domains", { domain: "a.test,b.test" }, /^domain must be .* not "a\.test,b\.test"/],
  ["a list of domains", { domain: ["a.test"] }, "domain must be a string that is not empty"],
  [
    "a host with a password that has a comma, without showing it",
    { host: `mqtt://u:1,${TOKEN}@localhost,b.test` },
    'host must be a host name or address alone, not "localhost,b.test"; use the options port and tls',
  ],
  [
    "a reconnect-delay below 2 s",
    { "reconnect-delay": 1.9 },
    "reconnect-delay must be a number of seconds 2..120, not 1.9",
  ],
  ["a reconnect-delay above 120 s", { "reconnect-delay": "121" }, /^reconnect-delay must be .*, not 121$/],
  ["a reconnect-delay with a unit", { "reconnect-delay": "60s" }, /^reconnect-delay must be .*, not 60s$/],
  ["a reconnect-delay that is NaN", { "reconnect-delay": Number.NaN }, /^reconnect-delay must be/],
  ["a reconnect-delay of 0", { "reconnect-delay": 0 }, /^reconnect-delay must be/],
  ["a negative timeout", { timeout: -1 }, /^timeout must be a number of seconds above 0, at most 65535, not -1$/],
  ["a timeout above 65535 s", { timeout: "65536" }, /^timeout must be/],
  ["a timeout with two points", { timeout: "1.2.3" }, /^timeout must be .*, not 1\.2\.3$/],
  ["a timeout with a unit", { timeout: "5s" }, /^timeout must be/],
  ["a timeout that is NaN", { timeout: Number.NaN }, /^timeout must be/],
  ["an id with a letter beyond ASCII", { id: "té" }, /^id must be 1 to 36/],
  ["a keep-alive below 0", { "keep-alive": -1 }, /^keep-alive must be/],
  ["a keep-alive that is NaN", { "keep-alive": Number.NaN }, /^keep-alive must be/],
  ["clean-session of another kind", { "clean-session": "yes" }, "clean-session must be true or false, not yes"],
  ["tls of another kind", { tls: 1 }, "tls must be true or false, not 1"],
];

const REFUSED = [
  ...INCOMPLETE,
  ...WRONG.map(([name, options, message]): Refusal => [name, { ...IDENTITY, ...options }, message]),
];

for (const [name, options, message] of REFUSED) {
  test(`refuses ${name}`, () => {
    assert.throws(() => configure(options, Math.random), {
      name: "ConfigurationException",
      code: "configuration",
      message,
    });
  });
}

test("refuses another auth-method by its own exception", () => {
  assert.throws(() => configure({ ...IDENTITY, "auth-method": "cert" as "token" }, Math.random), {
    name: "UnsupportedAuthenticationMethod",
    message: "Unsupported authentication method: cert",
  });
});

test("no refusal shows the token", () => {
  for (const [name, options] of REFUSED) {
    assert.throws(
      () => configure(options, Math.random),
      error => !String(error).includes(TOKEN),
      name,
    );
  }
});

test("a certificate alone is an identity; beside a token or a method it is not: both have to be complete", () => {
  const certificate = { org: "o", type: "t", id: "i", tls: true, cert: "C", key: "K" };
  const { username, password } = configure(certificate, Math.random).mqtt;
  assert.deepEqual([username, password], [undefined, undefined]);
  assert.throws(() => configure({ ...certificate, "auth-token": "x" }, Math.random), { message: /auth-method/ });
  assert.throws(() => configure({ ...certificate, "auth-method": "token" }, Math.random), { message: /auth-token/ });
});
