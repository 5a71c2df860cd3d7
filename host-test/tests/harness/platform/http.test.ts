// Do devices that speak HTTP get what docs/protocol.md 6 promises them, on the very port that speaks MQTT?

import assert from "node:assert/strict";
import { createConnection } from "node:net";
import { test } from "node:test";
import type { Platform } from "../../../harness/platform/platform.ts";
import * as rig from "./testing.ts";

const DEVICE_PATH = "/api/v0002/device/types/thermo/devices/t-01";
const EVENT = `${DEVICE_PATH}/events/status`;
const ANY_COMMAND = `${DEVICE_PATH}/commands/+/request`;
const USER = "use-token-auth";
const AUTHORIZATION = rig.basic(USER, rig.DEVICE.token);
/** Without it, a device that shows no credentials would be taken for one of Quickstart. */
const HERE = "abc123.messaging.example.com";
const JSON_TYPE = "application/json";

const ask = (
  platform: Platform,
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
  method = "POST",
) =>
  rig.sendHttp(platform, method, path, { authorization: AUTHORIZATION, "content-type": JSON_TYPE, ...headers }, body);

/** A request for any command that is on its way and waits. */
async function waiting(platform: Platform): Promise<{ answer: Promise<rig.HttpAnswer> }> {
  const waits = rig.next(platform, "waiting");
  const answer = ask(platform, ANY_COMMAND, '{"waitTimeSecs":3600}');
  assert.equal((await waits).clientId, rig.CLIENT_ID);
  return { answer };
}

for (const [contentType, format] of [
  ["application/json", "json"],
  ["text/plain", "text"],
  ["Text/Plain; charset=utf-8", "text"],
  ["application/xml", "xml"],
  ["application/octet-stream", "bin"],
]) {
  test(`an event with ${contentType} arrives in format ${format}`, async t => {
    const platform = await rig.startTestPlatform(t);
    const application = await rig.watchOrganization(t, platform);
    const reported = rig.next(platform, "event");
    const { status, text } = await ask(platform, EVENT, "{}", { "content-type": contentType! });
    assert.deepEqual([status, text], [200, ""]);
    const { topic, text: payload, qos } = await application.next();
    assert.deepEqual([topic, payload, qos], [`${rig.ON_APP}/evt/status/fmt/${format}`, "{}", 0]);
    const { clientId, event } = await reported;
    assert.deepEqual([clientId, event], [rig.CLIENT_ID, "status"]);
  });
}

const wait = (body: string) => ({ path: ANY_COMMAND, body });
const REFUSED: [
  string,
  number,
  { path?: string; body?: string | Buffer; headers?: Record<string, string>; method?: string },
][] = [
  ["another path", 404, { path: "/api/v0002/device/types/thermo" }],
  ["a device id that is none", 404, { path: EVENT.replace("t-01", "t:01") }],
  ["an event id with a slash", 404, { path: EVENT.replace("status", "a%2Fb") }],
  ["an event id that is not UTF-8", 404, { path: EVENT.replace("status", "%ff") }],
  ["a wildcard within a command id", 404, { path: ANY_COMMAND.replace("+", "a+") }],
  ["another method", 405, { method: "GET" }],
  ["a wrong token", 403, { headers: { authorization: rig.basic(USER, "wrong") } }],
  ["another user", 403, { headers: { authorization: rig.basic("me", rig.DEVICE.token) } }],
  ["no credentials", 403, { headers: { authorization: "", host: HERE } }],
  ["another scheme", 403, { headers: { authorization: "Bearer x", host: HERE } }],
  ["another device", 403, { path: EVENT.replace("t-01", "t-02") }],
  ["another organization", 403, { headers: { host: "xyz789.messaging.example.com" } }],
  ["an empty body", 400, { body: "" }],
  ["no content type", 415, { headers: { "content-type": "" } }],
  ["an unknown content type", 415, { headers: { "content-type": "image/png" } }],
  ["a payload one byte too large", 413, { body: Buffer.alloc(131_073) }],
  ["a wait that is not JSON", 400, wait("{")],
  ["a wait below 0", 400, wait('{"waitTimeSecs":-1}')],
  ["a wait above an hour", 400, wait('{"waitTimeSecs":3601}')],
  ["half a second", 400, wait('{"waitTimeSecs":0.5}')],
  ["another key", 400, wait('{"waitTimeSecs":1,"x":1}')],
];

for (const [name, expected, { path = EVENT, body = "{}", headers, method }] of REFUSED) {
  test(`${name}: ${expected}, and the connection ends`, async t => {
    const platform = await rig.startTestPlatform(t, { devices: [rig.DEVICE], orgs: ["xyz789"] });
    const { status, headers: answered } = await ask(platform, path, body, headers, method);
    assert.deepEqual([status, answered.connection], [expected, "close"]);
  });
}

test("a payload of exactly the limit passes", async t => {
  const platform = await rig.startTestPlatform(t);
  assert.equal((await ask(platform, EVENT, Buffer.alloc(131_072))).status, 200);
});

test("out of service: 503", async t => {
  const platform = await rig.startTestPlatform(t);
  platform.available = false;
  assert.equal((await ask(platform, EVENT, "{}")).status, 503);
});

test("the host name tells the organization of two devices alike", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [{ ...rig.DEVICE, org: "xyz789" }, rig.DEVICE] });
  const reported = rig.next(platform, "event");
  await ask(platform, EVENT, "{}", { host: `abc123.messaging.example.com:${platform.port}` });
  assert.equal((await reported).org, "abc123");
});

test("a Quickstart device needs no credentials, and sends json only", async t => {
  const platform = await rig.startTestPlatform(t);
  const reported = rig.next(platform, "event");
  const anyone = { authorization: "" };
  assert.equal((await ask(platform, EVENT, "{}", anyone)).status, 200);
  assert.equal((await reported).clientId, "d:quickstart:thermo:t-01");
  assert.equal((await ask(platform, EVENT, "{}", { ...anyone, "content-type": "text/plain" })).status, 415);
  assert.equal((await ask(platform, ANY_COMMAND, "", anyone)).status, 404);
});

test("a request for a command gets the one that comes while it waits", async t => {
  const platform = await rig.startTestPlatform(t);
  const { answer } = await waiting(platform);
  await platform.sendToDevice(rig.CLIENT_ID, "iot-2/cmd/print/fmt/json", '{"message":"hi"}');
  const { status, headers, text } = await answer;
  assert.deepEqual([status, text], [200, '{"message":"hi"}']);
  assert.deepEqual([headers["content-type"], headers["x-commandid"]], ["application/json", "print"]);
});

test("commands that came between two requests are kept, each for the request that names it", async t => {
  const platform = await rig.startTestPlatform(t);
  assert.equal((await ask(platform, ANY_COMMAND, "")).status, 204);
  for (const id of ["first", "second"]) await platform.sendToDevice(rig.CLIENT_ID, `iot-2/cmd/${id}/fmt/text`, id);
  const second = await ask(platform, ANY_COMMAND.replace("+", "second"), "");
  assert.deepEqual([second.text, second.headers["x-commandid"]], ["second", undefined]);
  assert.equal(second.headers["content-type"], "text/plain;charset=utf-8");
  assert.equal((await ask(platform, ANY_COMMAND, "")).text, "first");
  assert.equal((await ask(platform, ANY_COMMAND, "")).status, 204);
});

test("whoever takes over the client id ends the wait: 204", async t => {
  const platform = await rig.startTestPlatform(t);
  const first = await waiting(platform);
  const second = await waiting(platform);
  assert.equal((await first.answer).status, 204);
  await rig.connectDevice(t, platform);
  assert.equal((await second.answer).status, 204);
});

for (const [what, bytes] of [
  ["a request line without an end", "POST /api"],
  ["headers without an end", `POST ${EVENT} HTTP/1.1\r\nHost: 127.0.0.1\r\n`],
  ["a body that does not come", `POST ${EVENT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{`],
] as const) {
  const connectAndSend = async (platform: Platform): Promise<{ closed: Promise<unknown> }> => {
    const socket = createConnection(platform.port, "127.0.0.1");
    const closed = new Promise(resolve => socket.on("error", () => {}).on("close", resolve));
    await new Promise(resolve => socket.once("connect", resolve));
    await new Promise(resolve => socket.write(bytes, resolve));
    // A later request is answered: the platform has read the bytes.
    await ask(platform, EVENT, "{}");
    return { closed };
  };

  test(`${what} does not keep the platform from closing`, async t => {
    const platform = await rig.startTestPlatform(t);
    const { closed } = await connectAndSend(platform);
    await platform.close();
    await closed;
  });

  test(`${what}: the connection ends after 30 s`, async t => {
    const platform = await rig.startTestPlatform(t);
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const { closed } = await connectAndSend(platform);
    t.mock.timers.tick(29_999);
    assert.equal((await Promise.race([closed.then(() => "closed"), ask(platform, EVENT, "{}")])) === "closed", false);
    t.mock.timers.tick(1);
    await closed;
  });
}

test("a request that waits for a command longer than 30 s gets it", async t => {
  const platform = await rig.startTestPlatform(t);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { answer } = await waiting(platform);
  t.mock.timers.tick(3_599_000);
  await platform.sendCommand(rig.CLIENT_ID, "print", {});
  assert.equal((await answer).status, 200);
});

for (const [what, headers, expected] of [
  ["a web page of another origin", { origin: "http://evil.example" }, 403],
  ["a web page, whatever its origin", { origin: "http://127.0.0.1" }, 403],
  ["a browser", { "sec-fetch-site": "same-origin" }, 403],
  ["DNS rebinding", { host: "evil.example:1883" }, 421],
  ["localhost", { host: "localhost:1883" }, 200],
  ["an IPv6 address", { host: "[::1]:1883" }, 200],
  ["the host name of the organization", { host: "abc123.messaging.example.com" }, 200],
] as const) {
  test(`a request from ${what}: ${expected}`, async t => {
    const platform = await rig.startTestPlatform(t);
    assert.equal((await ask(platform, EVENT, "{}", headers)).status, expected);
  });
}

test("on an address of the network, devices use any name of this machine", async t => {
  const platform = await rig.startTestPlatform(t, { host: "0.0.0.0" });
  assert.equal((await ask(platform, EVENT, "{}", { host: "my-pc.local" })).status, 200);
});

test("a connection that never says a word does not keep the platform from closing", async t => {
  const platform = await rig.startTestPlatform(t);
  const socket = createConnection(platform.port, "127.0.0.1");
  const closed = new Promise(resolve => socket.on("error", () => {}).on("close", resolve));
  await new Promise(resolve => socket.once("connect", resolve));
  await platform.close();
  await closed;
});
