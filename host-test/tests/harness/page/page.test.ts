// The page's server, without a browser: who is answered, what updates look like on the wire, and what the form may send.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { request } from "node:http";
import { connect, createServer } from "node:net";
import { describe, type TestContext, test } from "node:test";
import { DeviceRecord } from "../../../harness/platform/management/record.ts";
import { parseActionRequest, parseCommandRequest } from "../../../harness/platform/page/command-request.ts";
import { frame, streamUpdates } from "../../../harness/platform/page/event-stream.ts";
import { checkRequest } from "../../../harness/platform/page/guard.ts";
import { managedSummary } from "../../../harness/platform/page/managed-summary.ts";
import { type Page, startPage } from "../../../harness/platform/page/page.ts";
import type { Update } from "../../../harness/platform/page/update.ts";
import * as rig from "../platform/testing.ts";

const OWN = { host: "127.0.0.1:8000" };
const ORIGIN = { origin: "http://127.0.0.1:8000" };
const JSON_TYPE = { "content-type": "application/json" };
const FORM = { ...OWN, ...ORIGIN, ...JSON_TYPE };

describe("who is answered", () => {
  for (const [what, method, url, headers, status] of [
    ["the page itself", "GET", "/", OWN, undefined],
    ["by its other name", "GET", "/", { host: "localhost:8000" }, undefined],
    ["from a link elsewhere", "GET", "/", { ...OWN, "sec-fetch-site": "cross-site" }, undefined],
    ["its script", "GET", "/page.js", { ...OWN, "sec-fetch-site": "same-origin" }, undefined],
    ["typed by hand", "GET", "/live", { ...OWN, "sec-fetch-site": "none" }, undefined],
    ["its form", "POST", "/commands", FORM, undefined],
    ["no Host", "GET", "/", {}, 421],
    ["another name (rebinding)", "GET", "/", { host: "evil.example:8000" }, 421],
    ["another port", "GET", "/", { host: "127.0.0.1:8001" }, 421],
    ["no port", "GET", "/", { host: "127.0.0.1" }, 421],
    ["a script elsewhere", "GET", "/live", { ...OWN, "sec-fetch-site": "cross-site" }, 403],
    ["another port of this machine", "GET", "/live", { ...OWN, "sec-fetch-site": "same-site" }, 403],
    ["another origin reading", "GET", "/live", { ...OWN, origin: "http://evil.example" }, 403],
    ["another origin sending", "POST", "/commands", { ...FORM, origin: "http://evil.example" }, 403],
    ["the origin of a sandbox", "POST", "/commands", { ...FORM, origin: "null" }, 403],
    ["another of its names as origin", "POST", "/commands", { ...FORM, origin: "http://localhost:8000" }, 403],
    ["no origin", "POST", "/commands", { ...OWN, ...JSON_TYPE }, 403],
    ["a plain form", "POST", "/commands", { ...FORM, "content-type": "text/plain" }, 415],
    ["no type", "POST", "/commands", { ...OWN, ...ORIGIN }, 415],
    ["another method", "PUT", "/commands", { ...OWN, ...ORIGIN }, 405],
  ] as const) {
    test(`${what}: ${status ?? "yes"}`, () => {
      const check = () => checkRequest({ method, url, headers }, 8000);
      if (status) assert.throws(check, { status });
      else check();
    });
  }
});

describe("what the form may send", () => {
  const order = { device: "d:abc123:thermo:t-01", command: "print" };

  test("with and without the rest", () => {
    const { payload, ...rest } = parseCommandRequest(JSON.stringify({ ...order, extra: 1 }));
    assert.deepEqual([rest, payload.toString()], [{ ...order, format: "json", qos: 1 }, "{}"]);
    const text = parseCommandRequest(JSON.stringify({ ...order, format: "utf8", payload: "ü", qos: 2 }));
    assert.deepEqual([text.format, text.payload.toString(), text.qos], ["utf8", "ü", 2]);
  });

  for (const [what, text, message] of [
    ["no JSON", "command=print", /^the request is not JSON/],
    ["null", "null", /^the request has no device$/],
    ["a device that is no text", JSON.stringify({ ...order, device: 5 }), /^the request has no device$/],
    ["no command", JSON.stringify({ device: order.device }), /^the command is 1 to 100 characters/],
    ["a wildcard", JSON.stringify({ ...order, command: "a/+" }), /^the command is 1 to 100 characters/],
    ["a long command", JSON.stringify({ ...order, command: "x".repeat(101) }), /^the command is/],
    ["a format with a slash", JSON.stringify({ ...order, format: "a/b" }), /^the format is/],
    ["a payload that is no text", JSON.stringify({ ...order, payload: {} }), /^the payload is not text$/],
    ["a payload that is not JSON", JSON.stringify({ ...order, payload: "{a" }), /^the payload is not JSON: /],
    [
      "a large payload",
      JSON.stringify({ ...order, format: "x", payload: "€".repeat(50_000) }),
      /larger than 131072 bytes$/,
    ],
    ["a QoS", JSON.stringify({ ...order, qos: "1" }), /^QoS is 0, 1 or 2$/],
  ] as const) {
    test(`not ${what}`, () => assert.throws(() => parseCommandRequest(text), { message }));
  }
});

describe("what the buttons may send", () => {
  const order = { device: "d:abc123:thermo:t-01", action: "firmware/download" };

  test("with and without an image", () => {
    assert.deepEqual(parseActionRequest(JSON.stringify(order)), { ...order, parameters: [] });
    const { parameters } = parseActionRequest(JSON.stringify({ ...order, uri: "https://a/b", version: "" }));
    assert.deepEqual(parameters, [{ name: "uri", value: "https://a/b" }]);
  });

  for (const [what, text, message] of [
    ["no JSON", "reboot", /^the request is not JSON/],
    ["no device", '{"action":"device/reboot"}', /^the request has no device$/],
    ["another action", JSON.stringify({ ...order, action: "device/factoryReset" }), /^the action is one of/],
    ["a URI that is no text", JSON.stringify({ ...order, uri: 5 }), /^the uri is not text$/],
  ] as const) {
    test(`not ${what}`, () => assert.throws(() => parseActionRequest(text), { message }));
  }
});

describe("what is shown of device management", () => {
  test("nothing of a device that has not used it", () => {
    assert.equal(managedSummary(new DeviceRecord().snapshot(0)), undefined);
  });

  test("short and printable texts, and the last entries only", () => {
    const record = new DeviceRecord();
    const supports = { deviceActions: true, firmwareActions: true, bundles: [] };
    const deviceInfo = { fwVersion: "\u202e1.2".padEnd(500, "x") };
    record.manage({ kind: "manage", lifetime: 3600, supports, deviceInfo, metadata: { firmwareProgress: 40 } }, 0);
    record.firmware = { state: 1, updateStatus: 0 };
    for (let errorCode = 0; errorCode < 20; errorCode++) record.keep({ kind: "addErrorCode", errorCode });
    for (let i = 0; i < 9; i++) {
      record.keep({ kind: "addLog", entry: { message: `\u001b${i}`, timestamp: "2017-03-14T01:02:03Z", severity: 2 } });
    }
    const summary = managedSummary(record.snapshot(0))!;
    assert.deepEqual([summary.state, summary.progress], ["managed", 40]);
    assert.deepEqual([summary.fwVersion.length, summary.fwVersion[0]], [121, "·"]);
    assert.equal(summary.firmware, "downloading, updateStatus 0: success");
    assert.equal(summary.errorCodes, "10, 11, 12, 13, 14, 15, 16, 17, 18, 19");
    assert.deepEqual([summary.log.length, summary.log[0]], [5, "2017-03-14T01:02:03Z error: ·8"]);
    const later = managedSummary(record.snapshot(3_600_000))!;
    assert.deepEqual([later.state, later.deviceActions, later.firmwareActions], ["dormant", false, false]);
    record.unmanage();
    record.metadata = { firmwareProgress: 101 };
    const { state, progress } = managedSummary(record.snapshot(0))!;
    assert.deepEqual([state, progress], ["not managed", undefined]);
  });
});

test("a server-sent event is one line, whatever is in it", () => {
  const text = frame({ text: "a\nb\r\n\ndata: c\u2028" });
  assert.deepEqual([text.endsWith("\n\n"), text.slice(0, -2).split(/[\r\n]/).length], [true, 1]);
  assert.deepEqual(JSON.parse(text.slice("data: ".length)), { text: "a\nb\r\n\ndata: c\u2028" });
});

test("updates come at once, then not before the pause is over, and not after the end", t => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const written: string[] = [];
  const write = (text: string) => written.push(text);
  const response = Object.assign(new EventEmitter(), { write, writableLength: 0, destroyed: 0 });
  const watchers = new Set<() => void>();
  let count = 0;
  streamUpdates(response as never, { listeners: watchers } as never, { next: () => ++count } as never);
  const change = () => {
    for (const watcher of watchers) watcher();
  };
  assert.deepEqual(written, ["retry: 1000\n\n", "data: 1\n\n"]);
  for (let n = 0; n < 100; n++) change();
  assert.equal(written.length, 2);
  t.mock.timers.tick(100);
  assert.deepEqual(written.at(-1), "data: 2\n\n");
  t.mock.timers.tick(1000);
  assert.equal(written.length, 3, "nothing new, nothing sent");
  change();
  assert.equal(written.length, 4, "rested: at once");
  change();
  response.emit("close");
  t.mock.timers.tick(1000);
  assert.deepEqual([written.length, watchers.size], [4, 0]);
});

test("a reader that does not read is given up", () => {
  let destroyed = false;
  const destroy = () => {
    destroyed = true;
    response.emit("close");
  };
  const response = Object.assign(new EventEmitter(), { write: () => false, writableLength: 5_000_000, destroy });
  const watchers = new Set<() => void>();
  streamUpdates(response as never, { listeners: watchers } as never, { next: () => 1 } as never);
  assert.deepEqual([destroyed, watchers.size], [true, 0]);
});

async function startTestPage(t: TestContext) {
  const platform = await rig.startTestPlatform(t);
  const page = await startPage(platform);
  t.after(() => page.close());
  return { platform, page };
}

const COMMAND = { device: rig.CLIENT_ID, command: "print", payload: '{"message":"hi"}' };

function post(
  page: Page,
  body: string,
  headers: Record<string, string> = {},
  path: "commands" | "actions" = "commands",
): Promise<Response> {
  const own = { origin: page.url.slice(0, -1), "content-type": "application/json" };
  return fetch(page.url + path, { method: "POST", headers: { ...own, ...headers }, body });
}

/** The updates of one page, in order. */
async function* updates(page: Page, device?: string): AsyncGenerator<Update> {
  const response = await fetch(`${page.url}live${device ? `?device=${encodeURIComponent(device)}` : ""}`);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  let text = "";
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
      const [field, value] = [text.slice(0, text.indexOf(":")), text.slice(text.indexOf(":") + 2, end)];
      text = text.slice(end + 2);
      if (field === "data") yield JSON.parse(value);
    }
  }
}

test("every answer, also a refusal, carries the protection", async t => {
  const { page } = await startTestPage(t);
  for (const [path, status] of [
    ["", 200],
    ["page.js", 200],
    ["page.css", 200],
    ["icon.svg", 200],
    ["../../../package.json", 404],
    ["constructor", 404],
    ["//", 404],
  ] as const) {
    const response = await fetch(page.url + path);
    assert.equal(response.status, status, path);
    const policy = response.headers.get("content-security-policy")!;
    assert.match(policy, /default-src 'none'; script-src 'self'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff");
    assert.equal(response.headers.get("access-control-allow-origin"), null);
  }
});

test("it listens on loopback only", async t => {
  const { page } = await startTestPage(t);
  const elsewhere = createServer().listen(page.port, "127.0.0.2"); // free, unless somebody has all addresses
  const failed = await new Promise<NodeJS.ErrnoException | undefined>(resolve => {
    elsewhere.once("listening", () => resolve(undefined)).once("error", resolve);
  });
  assert.notEqual(failed?.code, "EADDRINUSE");
  elsewhere.close();
});

test("updates over HTTP, of all devices and of one", async t => {
  const { platform, page } = await startTestPage(t);
  const live = updates(page, rig.CLIENT_ID);
  assert.deepEqual((await live.next()).value!.devices, []);
  const device = await rig.connectDevice(t, platform);
  await device.publish("iot-2/evt/status/fmt/json", '{"cpu":60}', 1);
  const values: unknown[] = [];
  for await (const { device } of live) {
    for (const { points } of device?.fields ?? []) values.push(...points.map(([, value]) => value));
    if (values.length) break;
  }
  assert.deepEqual(values, [60]);
  const value: Update = (await updates(page).next()).value;
  const shown = value.devices.map(({ clientId }) => clientId);
  assert.deepEqual(shown, [rig.CLIENT_ID]);
  assert.equal(value.device, undefined);
});

test("a command reaches the device; what is wrong is told, and nothing is sent", async t => {
  const { platform, page } = await startTestPage(t);
  const unknown = await post(page, JSON.stringify(COMMAND));
  assert.deepEqual(
    [unknown.status, await unknown.text()],
    [404, `the platform has never seen device ${rig.CLIENT_ID}`],
  );
  const device = await rig.connectDevice(t, platform);
  await device.subscribe("iot-2/cmd/+/fmt/+", 1);
  const wrong = await post(page, JSON.stringify({ ...COMMAND, command: "#" }));
  assert.equal(wrong.status, 400);
  const foreign = await post(page, JSON.stringify(COMMAND), { origin: "http://evil.example" });
  assert.equal(foreign.status, 403);
  assert.equal((await post(page, " ".repeat(1_000_000))).status, 413);
  const sent = await post(page, JSON.stringify(COMMAND));
  assert.deepEqual([sent.status, await sent.text()], [202, "sent"]);
  const { topic, text } = await device.next();
  assert.deepEqual([topic, text], ["iot-2/cmd/print/fmt/json", COMMAND.payload]);
  await device.end();
  await platform.awaitDisconnected(rig.CLIENT_ID);
  assert.match(await (await post(page, JSON.stringify(COMMAND))).text(), /is not connected/);
});

test("the buttons reach a managed device; its state is in the updates, also on a page that was opened later", async t => {
  const { platform, page } = await startTestPage(t);
  const act = async (request: object, headers = {}) => {
    const response = await post(page, JSON.stringify({ device: rig.CLIENT_ID, ...request }), headers, "actions");
    return [response.status, await response.text()];
  };
  const reboot = { action: "device/reboot" };
  assert.deepEqual(await act(reboot), [404, `the platform has never seen device ${rig.CLIENT_ID}`]);
  const client = await rig.connectDevice(t, platform);
  await client.subscribe("iotdm-1/#", 1);
  assert.deepEqual(await act(reboot), [409, `device/reboot: ${rig.CLIENT_ID} is not managed`]);
  const device = await new rig.ManagedTestDevice(client).manage({ deviceInfo: { fwVersion: "1.2.0" } });
  assert.equal((await act({ action: "x" }))[0], 400);
  assert.equal((await act(reboot, { origin: "http://evil.example" }))[0], 403);
  assert.equal((await post(page, " ".repeat(1_000_000), {}, "actions")).status, 413);
  assert.deepEqual(await act(reboot), [202, "sent"]);
  await device.answer("mgmt/initiate/device/reboot", 501);
  assert.deepEqual(await act({ action: "firmware/download", uri: "https://example.com/fw" }), [202, "sent"]);
  const first = await device.answer("observe", 200);
  assert.deepEqual(first.d, { fields: [{ field: "metadata" }] });
  await device.answer("device/update", 400);
  const { value } = await updates(page, rig.CLIENT_ID).next();
  assert.equal(value.device!.managed!.fwVersion, "1.2.0");
  const other = await startPage(platform);
  t.after(() => other.close());
  const opened = (await updates(other, rig.CLIENT_ID).next()).value as Update;
  assert.equal(opened.device!.managed!.state, "managed");
});

test("a page that goes away in the middle of a request harms nobody", async t => {
  const { page } = await startTestPage(t);
  const own = { origin: page.url.slice(0, -1), "content-type": "application/json" };
  const sending = request(`${page.url}commands`, { method: "POST", headers: { ...own, "content-length": "100" } });
  sending.on("error", () => {});
  sending.write("{");
  await new Promise(resolve => sending.once("socket", socket => socket.once("connect", resolve)));
  sending.destroy();
  const raw = connect(page.port, "127.0.0.1").on("error", () => {});
  await new Promise(resolve => raw.end("nonsense\r\n\r\n").resume().once("close", resolve));
  assert.equal((await fetch(page.url)).status, 200);
});

test("no more than sixteen pages watch at the same time", async t => {
  const { page } = await startTestPage(t);
  const open = await Promise.all(Array.from({ length: 16 }, () => fetch(`${page.url}live`)));
  assert.deepEqual(new Set(open.map(({ status }) => status)), new Set([200]));
  assert.equal((await fetch(`${page.url}live`)).status, 503);
});
