// Options of DeviceClient as they reach the wire, and those that are refused (docs/protocol.md 1 and 5.1). Which host and
// port they lead to is in unit/config.test.ts.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceOptions } from "../../../../src/index.ts";
import { DEVICE, device } from "../../support/device.ts";
import { TOKEN } from "../../support/identity.ts";
import { DeviceClient } from "../../support/subject.ts";
import type { ClientPacket } from "../../support/witness.ts";

/** The CONNECT a device with these options sends. */
function connect(options: DeviceOptions = {}): ClientPacket {
  const stage = device(options);
  stage.client.connect();
  stage.link.opens();
  return stage.packets()[0]!;
}

test("CONNECT says who the device is (docs/protocol.md 2.4)", () => {
  const { protocolId, protocolVersion, clientId, username, password, keepalive, clean, will } = connect();
  assert.deepEqual([protocolId, protocolVersion, clientId], ["MQTT", 4, "d:abc123:thermo:t-01"]);
  assert.deepEqual([username, password!.toString()], ["use-token-auth", TOKEN]);
  assert.deepEqual([keepalive, clean, will], [60, true, undefined]);
});

// The polarity other clients got wrong (docs/protocol.md 9.1 no. 8).
const CLEAN: [boolean | string | undefined, boolean][] = [
  [undefined, true],
  [true, true],
  [false, false],
  ["true", true],
  ["false", false],
  ["True", true],
  ["FALSE", false],
];

for (const [value, expected] of CLEAN) {
  test(`clean-session ${JSON.stringify(value)} is ${expected} on the wire`, () => {
    assert.equal(connect(value === undefined ? {} : { "clean-session": value }).clean, expected);
  });
}

test("auth-method apikey is token", () => {
  assert.deepEqual(connect({ "auth-method": "apikey" }).password!.toString(), TOKEN);
});

test("with a client certificate the token may be left out; then no credentials are sent (docs/protocol.md 1.3)", () => {
  const { "auth-method": _, "auth-token": __, ...rest } = DEVICE;
  const stage = device();
  const client = new DeviceClient({ ...rest, tls: true, cert: "CERT", key: "KEY" }, stage.net);
  client.connect();
  stage.link.opens();
  const [{ username, password, clientId }] = stage.packets() as [ClientPacket];
  assert.deepEqual([username, password, clientId], [undefined, undefined, "d:abc123:thermo:t-01"]);
  assert.deepEqual(stage.link.endpoint.tls, { cert: "CERT", key: "KEY" });
});

test("the will is an event of the device, text or bytes", () => {
  const payload = '{"online":false}';
  assert.deepEqual(connect({ will: { event: "state", payload } }).will, {
    topic: "iot-2/evt/state/fmt/json",
    payload: Buffer.from(payload),
    qos: 0,
    retain: false,
  });
  const raw = { event: "state", format: "raw", payload: Uint8Array.of(0, 255), qos: 2, retain: true } as const;
  assert.deepEqual(connect({ will: raw }).will, {
    topic: "iot-2/evt/state/fmt/raw",
    payload: Buffer.of(0, 255),
    qos: 2,
    retain: true,
  });
});

test("timeout is how long CONNACK may take", () => {
  const stage = device({ timeout: 7 });
  stage.client.connect();
  stage.link.opens();
  stage.clock.advance(6999);
  assert.deepEqual(stage.heard(), []);
  stage.clock.advance(1);
  assert.match(stage.heard().join(), /^disconnected timeout, retry in \d+$/);
});

test("options are copied: what the caller changes later does not reach the wire", () => {
  const options: DeviceOptions = { ...DEVICE };
  const stage = device(options);
  options["auth-token"] = "changed";
  options.org = "changed";
  stage.client.connect();
  stage.link.opens();
  assert.equal(stage.packets()[0]!.clientId, "d:abc123:thermo:t-01");
});

const REFUSED: [string, object, string | RegExp][] = [
  ["a forgotten org", { org: undefined }, "Missing required property: org"],
  ["org and orgId that differ", { orgId: "xyz789" }, "org and orgId differ"],
  ["an unknown key near a known one", { "auth-tokn": "x" }, "Unknown option: auth-tokn; did you mean auth-token?"],
  ["a key of another spelling", { keep_alive: 1 }, "Unknown option: keep_alive; did you mean keep-alive?"],
  ["a key of another case", { ServerName: "x" }, "Unknown option: ServerName; did you mean server-name?"],
  ["a key far from all", { "log-level": "info" }, "Unknown option: log-level"],
  ["an unknown limit", { limits: { inFlight: 1 } }, "Unknown option: limits.inFlight; did you mean limits.inflight?"],
  ["limits that are no object", { limits: 7 }, "limits must be an object"],
  ["a timeout of 0", { timeout: 0 }, "timeout must be a number of seconds above 0, at most 65535, not 0"],
  ["a key without its certificate", { tls: true, key: "K" }, "key without cert"],
  ["a certificate without its key", { tls: true, cert: "C" }, "cert without key"],
  ["a CA where there is no TLS", { ca: "CA" }, "ca needs tls: true"],
  ["SNI where there is no TLS", { "server-name": "n" }, "server-name needs tls: true"],
  [
    "a CA that is a path object",
    { tls: true, ca: { path: "x" } },
    "ca must be a string or Uint8Array that is not empty",
  ],
  ["an empty key", { tls: true, cert: "C", key: new Uint8Array(0) }, /^key must be a string or Uint8Array/],
  ["a host that is no string", { host: 7 }, "host must be a string that is not empty"],
  ["a will that is no object", { will: "gone" }, "will must be an object"],
  ["a will without event", { will: { payload: "" } }, "will.event is empty"],
  ["a will for a foreign topic", { will: { event: "a/b", payload: "" } }, 'will.event "a/b" has a "/"'],
  ["a will of no format", { will: { event: "a", format: "", payload: "" } }, "will.format is empty"],
  ["a will at QoS 3", { will: { event: "a", payload: "", qos: 3 } }, "will.qos must be 0, 1 or 2, not 3"],
  ["a will whose payload is no payload", { will: { event: "a", payload: {} } }, /^will\.payload/],
  [
    "a will retained by a number",
    { will: { event: "a", payload: "", retain: 1 } },
    "will.retain must be true or false",
  ],
  ["an unknown part of a will", { will: { event: "a", payload: "", topic: "x" } }, "Unknown option: will.topic"],
  ["a will larger than CONNECT", { will: { event: "a", payload: "x".repeat(5000) } }, /limits\.transmitBytes is 1024/],
];

for (const [name, options, message] of REFUSED) {
  test(`refuses ${name}`, () => {
    const stage = device();
    assert.throws(
      () => new DeviceClient({ ...DEVICE, ...options } as DeviceOptions, stage.net),
      error => {
        const { name, message: text } = error as Error;
        assert.equal(name, "ConfigurationException");
        if (typeof message === "string") assert.equal(text, message);
        else assert.match(text, message);
        return !text.includes(TOKEN);
      },
    );
    assert.equal(stage.net.links.length, 0, "nothing was opened");
  });
}

for (const wrong of ["org=abc123", 7, true]) {
  test(`refuses ${JSON.stringify(wrong)} for options`, () => {
    assert.throws(() => new DeviceClient(wrong as never, device().net), { message: "options must be an object" });
  });
}

test("null is as good as nothing, as None was", () => {
  const nothing = { "auth-method": null, "auth-token": null, org: null, id: "demo", type: "board" };
  assert.equal(new DeviceClient(nothing as never, device().net).clientId, "d:quickstart:board:demo");
});

test("a Quickstart will is json at QoS 0", () => {
  for (const will of [
    { event: "a", payload: "", qos: 1 },
    { event: "a", payload: "", format: "raw" },
  ] as const) {
    assert.throws(() => new DeviceClient({ will }, device().net), { message: /Quickstart takes format json at QoS 0/ });
  }
});
