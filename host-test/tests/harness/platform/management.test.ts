// Device management over real sockets: a device that a test speaks for, the operator's promises, the events and the log,
// and the REST API of applications.

import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { formatJson, type LogEntry, listenForEntries } from "../../../harness/platform/log-entry.ts";
import { plan } from "../../../harness/platform/management/actions.ts";
import { Management } from "../../../harness/platform/management.ts";
import type { Platform } from "../../../harness/platform/platform.ts";
import * as rig from "./testing.ts";

const LOCATION = { longitude: 127.02, latitude: 37.5 };

test("manage: the platform knows what the device told, and it is dormant after its lifetime", async t => {
  const platform = await rig.startTestPlatform(t);
  const management = platform.management(rig.DEVICE);
  assert.deepEqual([management.state.managed, management.state.dormant], [false, false]);
  const managed = platform.awaitManaged(rig.CLIENT_ID);
  const device = await rig.connectManaged(t, platform, { deviceInfo: { fwVersion: "1.2.0" } });
  await managed;
  await platform.awaitManaged(rig.CLIENT_ID);
  assert.deepEqual(management.state.supports, { deviceActions: true, firmwareActions: true, bundles: ["acme-v1"] });
  assert.deepEqual(management.state.deviceInfo, { fwVersion: "1.2.0" });
  assert.equal((await device.tell("device/update/location", LOCATION)).rc, 200);
  assert.equal((await device.tell("add/diag/errorCodes", { errorCode: 17 })).rc, 200);
  assert.deepEqual([management.state.location, management.state.errorCodes], [LOCATION, [17]]);
  await assert.rejects(platform.awaitManaged("d:abc123:thermo:t-02", 1), /^Error: no managed of d:abc123:thermo:t-02/);
  assert.throws(() => platform.management("a:abc123:app"), TypeError);
});

test("a reboot: the promise, the event, the log", async t => {
  const { platform, device } = await rig.startWithManaged(t);
  const entries: LogEntry[] = [];
  listenForEntries(platform, entry => entries.push(entry));
  const ended = rig.next(platform, "action");
  const outcome = platform.management(rig.DEVICE).reboot();
  await device.answer("mgmt/initiate/device/reboot", 202);
  await device.manage();
  const expected = {
    action: "device/reboot",
    status: "done",
    rc: 202,
    text: "the device accepted it and has sent manage",
  };
  assert.deepEqual(await outcome, expected);
  assert.deepEqual(await ended, { clientId: rig.CLIENT_ID, ...expected });
  const entry = entries.find(({ kind }) => kind === "action")!;
  assert.equal(entry.text, "device/reboot done: the device accepted it and has sent manage");
  const { what, client, action, status } = JSON.parse(formatJson(entry));
  assert.deepEqual([what, client, action, status], ["action", rig.CLIENT_ID, "device/reboot", "done"]);
});

test("every function of the operator", async t => {
  const { platform, device } = await rig.startWithManaged(t);
  const management = platform.management(rig.DEVICE);
  const offer = { version: "1.3.0", uri: "https://example.com/fw.bin", verifier: "9f86d081" };
  const firmware = (value: object) => device.notify("mgmt.firmware", value);
  const values = (value: object) => ({ d: { fields: [{ field: "mgmt.firmware", value }] } });
  // Without reqId: the next message is a request, not an answer.
  const lastNotify = (value: object) => device.client.publish("iotdevice-1/notify", JSON.stringify(values(value)), 1);

  const reset = management.factoryReset();
  await device.answer("mgmt/initiate/device/factory_reset", 501);
  assert.deepEqual([(await reset).status, (await reset).rc], ["failed", 501]);

  const observed = management.observe(["location", "metadata"]);
  await device.answer("observe", 200, { d: { fields: [{ field: "metadata", value: { a: 1 } }] } });
  assert.deepEqual((await observed).fields, { metadata: { a: 1 } });
  assert.equal((await device.notify("metadata.firmwareProgress", 40)).rc, 200);
  assert.deepEqual(management.state.metadata, { a: 1, firmwareProgress: 40 });
  const cancelled = management.cancel(["location"]);
  await device.answer("cancel", 200);
  assert.equal((await cancelled).status, "done");

  const changed = management.setAttribute("location", LOCATION);
  await device.answer("device/update", 204);
  assert.equal((await changed).status, "done");
  const quiet = await management.setAttribute("deviceInfo", { model: "M" }, { unanswered: true });
  assert.equal(quiet.status, "done");
  assert.deepEqual(JSON.parse((await device.client.next()).text), {
    d: { fields: [{ field: "deviceInfo", value: { model: "M" } }] },
  });

  const blink = management.customAction("acme-v1", "blink", { times: 3 });
  assert.deepEqual((await device.answer("mgmt/custom/acme-v1/blink", 200)).d, {
    fields: [{ field: "times", value: 3 }],
  });
  assert.equal((await blink).status, "done");

  const download = management.downloadFirmware(offer);
  await device.answer("device/update", 204);
  await device.answer("observe", 200, values({ state: 0, updateStatus: 0 }));
  await device.answer("mgmt/initiate/firmware/download", 202);
  await firmware({ state: 1 });
  await lastNotify({ state: 2 });
  await device.answer("cancel", 200);
  assert.equal((await download).text, "downloaded");
  const update = management.updateFirmware();
  await device.answer("observe", 200, values({ state: 2, updateStatus: 0 }));
  await device.answer("mgmt/initiate/firmware/update", 202);
  await firmware({ updateStatus: 1 });
  await device.manage({ deviceInfo: { fwVersion: "1.3.0" } });
  await lastNotify({ state: 0, updateStatus: 0 });
  await device.answer("cancel", 200);
  assert.equal((await update).text, "installed");
  assert.equal(management.state.deviceInfo.fwVersion, "1.3.0");
});

test("refusals reject: not managed, not claimed, no such name", async t => {
  const platform = await rig.startTestPlatform(t);
  const management = platform.management(rig.DEVICE);
  const refusal = (message: RegExp) => ({ name: "ManagementRefusal", message });
  await assert.rejects(management.reboot(), refusal(/^device\/reboot: d:abc123:thermo:t-01 is not managed$/));
  await rig.connectManaged(t, platform, { supports: {} });
  await assert.rejects(management.reboot(), refusal(/does not claim deviceActions/));
  await assert.rejects(management.customAction("acme-v1", "blink"), refusal(/does not claim acme-v1/));
  await assert.rejects(management.run("nonsense"), { name: "TypeError", message: /^an action is/ });
});

test("no answer in time, also because the platform closes", async t => {
  const platform = await rig.startTestPlatform(t);
  await rig.connectManaged(t, platform);
  const management = platform.management(rig.DEVICE);
  const outcome = await management.reboot({ answerMs: 1 });
  assert.deepEqual([outcome.status, outcome.text], ["timeout", "no answer within 1 ms"]);
  const waiting = management.reboot();
  await platform.close();
  assert.deepEqual([(await waiting).status, (await waiting).text], ["failed", "the platform closed"]);
});

test("violations: the connection stays open, events and log say which rule", async t => {
  const { platform, device } = await rig.startWithManaged(t);
  const entries: LogEntry[] = [];
  listenForEntries(platform, entry => entries.push(entry));
  const violated = rig.next(platform, "violation");
  assert.equal((await device.notify("location", LOCATION)).rc, 409);
  const detail = "iotdevice-1/notify: a notify of location, which is not observed";
  assert.deepEqual(await violated, { clientId: rig.CLIENT_ID, detail });
  const entry = entries.find(({ kind }) => kind === "violation")!;
  assert.equal(entry.text, detail);
  assert.deepEqual(JSON.parse(formatJson(entry)).text, detail);
  const malformed = rig.next(platform, "violation");
  await device.client.publish("iotdevice-1/response", Buffer.of(0xff), 1);
  assert.match((await malformed).detail, /not UTF-8$/);
  assert.equal((await device.tell("mgmt/unmanage")).rc, 200);
});

test("a repeated PUBLISH (DUP) of an answer is no second answer", async t => {
  const platform = await rig.startTestPlatform(t);
  await rig.connectManaged(t, platform);
  const violations: string[] = [];
  platform.on("violation", ({ detail }) => violations.push(detail));
  const raw = await rig.connectRaw(t, platform, { clean: true });
  raw.send(rig.subscribePacket(1, { "iotdm-1/#": 1 }));
  await raw.next();
  const outcome = platform.management(rig.DEVICE).customAction("acme-v1", "blink");
  const body = (await raw.next()).body.toString();
  const answer = JSON.stringify({ rc: 200, reqId: JSON.parse(body.slice(body.indexOf("{"))).reqId });
  const packet = Buffer.from(rig.publishPacket("iotdevice-1/response", answer, 1, 7));
  const repeated = Buffer.from(packet);
  repeated[0]! |= 8;
  raw.send(packet, repeated);
  assert.equal((await outcome).status, "done");
  for (const _ of [packet, repeated]) assert.equal((await raw.next()).type, rig.TYPE.puback);
  assert.deepEqual(violations, []);
  const violated = rig.next(platform, "violation");
  raw.send(rig.publishPacket("iotdevice-1/response", answer, 1, 8));
  assert.match((await violated).detail, /a second answer to mgmt\/custom\/acme-v1\/blink/);
  assert.equal(violations.length, 1);
});

test("a request sent by hand: its answer is no violation", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  await device.subscribe("iotdm-1/#", 1);
  const violations: string[] = [];
  platform.on("violation", ({ detail }) => violations.push(detail));
  await platform.sendToDevice(rig.CLIENT_ID, "iotdm-1/mgmt/initiate/device/reboot", '{"reqId":"h1"}', 1);
  await device.next();
  const answered = rig.next(platform, "managed");
  await device.publish("iotdevice-1/response", '{"rc":501,"reqId":"h1"}', 1);
  await answered;
  assert.deepEqual(violations, []);
});

test("one device cannot speak for another, applications and Quickstart not at all", async t => {
  const other = { ...rig.DEVICE, id: "t-02" };
  const platform = await rig.startTestPlatform(t, { devices: [rig.DEVICE, other] });
  await rig.connectManaged(t, platform);
  assert.equal(platform.management(other).state.managed, false);
  for (const topic of [
    "iotdevice-1/type/thermo/id/t-02/mgmt/manage",
    "iotdevice-1/abc123/type/thermo/id/t-02/mgmt/manage",
  ]) {
    const raw = await rig.connectRaw(t, platform, { clientId: "d:abc123:thermo:t-02" });
    assert.equal((await rig.breakRule(platform, raw, rig.publishPacket(topic, '{"reqId":"1"}', 1))).reason, 276);
  }
  for (const packet of [
    rig.publishPacket("iotdm-1/mgmt/initiate/device/reboot", "{}", 1),
    rig.publishPacket("iotdevice-1/mgmt/manage", "{}", 1),
    rig.publishPacket("iotdm-1/type/thermo/id/t-01/mgmt/initiate/device/reboot", "{}", 1),
    rig.subscribePacket(1, { "iotdm-1/type/thermo/id/t-01/#": 0 }),
  ]) {
    const raw = await rig.connectRaw(t, platform, { clientId: "a:abc123:app", user: null, password: null });
    assert.equal((await rig.breakRule(platform, raw, packet)).reason, 276);
  }
});

describe("the records of devices", () => {
  /** What a Management calls, noted in two lists. */
  function backend(connected: (clientId: string) => boolean) {
    const violations: string[] = [];
    const changes: string[] = [];
    return {
      violations,
      changes,
      send() {},
      violation: (clientId: string, text: string) => violations.push(`${clientId} ${text}`),
      changed: (clientId: string) => changes.push(clientId),
      ended() {},
      connected,
    };
  }

  test("one more replaces the oldest that is not connected and has nothing under way", t => {
    const connected = new Set<string>();
    const told = backend(clientId => connected.has(clientId));
    const all = new Management(told, 2);
    t.after(() => all.close());
    const manage = (id: string) =>
      all.receive(id, "iotdevice-1/mgmt/manage", `{"d":{"supports":{"deviceActions":true}}}`, false);
    for (const id of ["d:o:t:1", "d:o:t:2"]) manage(id);
    void all.start("d:o:t:1", plan("device/reboot"));
    manage("d:o:t:3");
    const managed = ["1", "2", "3"].map(id => all.state(`d:o:t:${id}`).managed);
    assert.deepEqual(managed, [true, false, true]);
    connected.add("d:o:t:3");
    manage("d:o:t:4");
    assert.deepEqual(told.violations, ["d:o:t:4 more than 2 devices use device management"]);
  });

  test("the end of a lifetime is reported, also after more than a timer of Node can wait", t => {
    t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
    const told = backend(() => true);
    const { changes } = told;
    const all = new Management(told);
    all.receive("d:o:t:1", "iotdevice-1/mgmt/manage", '{"d":{"lifetime":3000000}}', false);
    assert.equal(changes.length, 1);
    t.mock.timers.tick(2 ** 31 - 1);
    t.mock.timers.tick(3_000_000_000 - 2 ** 31);
    assert.deepEqual([changes.length, all.state("d:o:t:1").managed], [1, true]);
    t.mock.timers.tick(1);
    assert.deepEqual([changes.length, all.state("d:o:t:1").dormant], [2, true]);
  });
});

describe("the REST API", () => {
  const REQUESTS = "/api/v0002/mgmt/requests";
  const STATE = "/api/v0002/device/types/thermo/devices/t-01/mgmt";
  const KEY = { org: "abc123", key: "k1", token: "SECRET$(1)" };
  const AUTHORIZATION = rig.basic("a-abc123-k1", KEY.token);
  const DEVICES = [{ typeId: "thermo", deviceId: "t-01" }];
  const REBOOT = { action: "device/reboot", devices: DEVICES };

  async function ask(platform: Platform, method: string, path: string, body?: unknown, headers: object = {}) {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const answer = await rig.sendHttp(platform, method, path, { authorization: AUTHORIZATION, ...headers }, text);
    const json = answer.headers["content-type"] === "application/json";
    return { ...answer, body: json ? JSON.parse(answer.text) : undefined };
  }

  const guarded = (t: TestContext) => rig.startTestPlatform(t, { applications: [KEY] });

  test("a reboot from the request to its end", async t => {
    const platform = await guarded(t);
    const device = await rig.connectManaged(t, platform);
    const { status, body } = await ask(platform, "POST", REQUESTS, REBOOT);
    assert.equal(status, 202);
    const path = `${REQUESTS}/${body.reqId}`;
    const pending = await ask(platform, "GET", `${path}/deviceStatus`);
    assert.deepEqual(pending.body.results, [{ ...DEVICES[0], complete: false, status: "pending", message: "" }]);
    assert.equal((await ask(platform, "GET", path)).body.complete, false);
    const ended = rig.next(platform, "action");
    await device.answer("mgmt/initiate/device/reboot", 202);
    await device.manage();
    await ended;
    const { action, complete, deviceCount } = (await ask(platform, "GET", path)).body;
    assert.deepEqual([action, complete, deviceCount], ["device/reboot", true, 1]);
    const message = "the device accepted it and has sent manage";
    assert.deepEqual((await ask(platform, "GET", `${path}/deviceStatus`)).body.results, [
      { ...DEVICES[0], complete: true, status: "done", rc: 202, message },
    ]);
    assert.equal((await ask(platform, "DELETE", path)).status, 204);
    assert.equal((await ask(platform, "GET", path)).status, 404);
  });

  test("several devices: each has a status of its own", async t => {
    const platform = await guarded(t);
    const device = await rig.connectManaged(t, platform);
    const devices = [...DEVICES, { typeId: "thermo", deviceId: "t-02" }];
    const ended = rig.next(platform, "action");
    const { body } = await ask(platform, "POST", REQUESTS, { action: "device/reboot", devices, answerSecs: 0.001 });
    await device.client.next();
    await ended;
    const { results } = (await ask(platform, "GET", `${REQUESTS}/${body.reqId}/deviceStatus`)).body;
    assert.deepEqual(
      results.map((one: { status: string; message: string }) => [one.status, one.message]),
      [
        ["timeout", "no answer within 1 ms"],
        ["refused", "device/reboot: d:abc123:thermo:t-02 is not managed"],
      ],
    );
    const other = await ask(platform, "POST", REQUESTS, { action: "device/reboot", devices });
    const { complete } = (await ask(platform, "GET", `${REQUESTS}/${other.body.reqId}`)).body;
    assert.equal(complete, false, "one is refused, one has not answered");
  });

  test("observe, with values", async t => {
    const platform = await guarded(t);
    const device = await rig.connectManaged(t, platform);
    const parameters = [{ name: "location" }];
    const { body } = await ask(platform, "POST", REQUESTS, { action: "device/observe", parameters, devices: DEVICES });
    const ended = rig.next(platform, "action");
    await device.answer("observe", 200, { d: { fields: [{ field: "location", value: LOCATION }] } });
    await ended;
    const { results } = (await ask(platform, "GET", `${REQUESTS}/${body.reqId}/deviceStatus`)).body;
    assert.deepEqual(results[0].fields, { location: LOCATION });
  });

  test("the state of a device", async t => {
    const platform = await guarded(t);
    assert.equal((await ask(platform, "GET", STATE)).body.managed, false);
    await rig.connectManaged(t, platform);
    const { managed, dormantDateTime, supports } = (await ask(platform, "GET", STATE)).body;
    assert.deepEqual([managed, supports.bundles], [true, ["acme-v1"]]);
    assert.ok(Date.parse(dormantDateTime) > Date.now());
    assert.equal((await ask(platform, "GET", STATE.replace("t-01", "t:01"))).status, 404);
  });

  const UNKNOWN = `${REQUESTS}/00000000-0000-0000-0000-000000000000`;
  const post = (change: object) => ({ body: { ...REBOOT, ...change } });
  const REFUSED: [string, number, { method?: string; path?: string; body?: unknown; headers?: object }][] = [
    ["no credentials", 403, { headers: { authorization: "" } }],
    ["a device's credentials", 403, { headers: { authorization: rig.basic("use-token-auth", rig.DEVICE.token) } }],
    ["a wrong token", 403, { headers: { authorization: rig.basic("a-abc123-k1", "x") } }],
    ["a wrong token for the state", 403, { method: "GET", path: STATE, headers: { authorization: "" } }],
    ["another organization", 403, { headers: { host: "xyz789.messaging.example.com" } }],
    ["Quickstart", 403, { headers: { host: "quickstart.messaging.example.com" } }],
    ["a web page", 403, { headers: { origin: "http://evil.example" } }],
    ["a foreign Host", 421, { headers: { host: "evil.example" } }],
    ["another method", 405, { method: "GET" }],
    ["DELETE of a status", 405, { method: "DELETE", path: `${UNKNOWN}/deviceStatus` }],
    ["another path", 404, { method: "GET", path: `${REQUESTS}/1` }],
    ["an unknown request", 404, { method: "GET", path: UNKNOWN }],
    ["a body that is not JSON", 400, { body: "{" }],
    ["a body that is no object", 400, { body: "[]" }],
    ["no action", 400, { body: { devices: DEVICES } }],
    ["an unknown action", 400, post({ action: "reboot" })],
    ["no devices", 400, { body: { action: "device/reboot" } }],
    ["an empty list of devices", 400, post({ devices: [] })],
    ["a device without type", 400, post({ devices: [{ deviceId: "t-01" }] })],
    ["5001 devices", 400, post({ devices: Array(5001).fill(DEVICES[0]) })],
    ["parameters that are none", 400, post({ parameters: [{ value: 1 }] })],
    ["parameters of a reboot", 400, post({ parameters: [{ name: "when", value: "now" }] })],
    ["another member", 400, post({ force: true })],
    ["a time-out of 0", 400, post({ answerSecs: 0 })],
    ["a time-out above a day", 400, post({ completeSecs: 86_401 })],
    ["unanswered that is no boolean", 400, post({ unanswered: 1 })],
    ["a device that is not managed", 409, {}],
  ];
  for (const [what, expected, { method = "POST", path = REQUESTS, body = REBOOT, headers }] of REFUSED) {
    test(`${what}: ${expected}`, async t => {
      const platform = await rig.startTestPlatform(t, {
        applications: [KEY, { ...KEY, org: "xyz789", token: "other" }],
      });
      const answered = rig.next(platform, "request");
      const sent = method === "POST" ? body : undefined;
      const { status, text } = await ask(platform, method, path, sent, headers);
      assert.equal(status, expected, text);
      assert.equal((await answered).status, expected);
      assert.doesNotMatch(text, /SECRET/);
    });
  }

  test("an organization without API keys needs no credentials; not while the platform is out of service", async t => {
    const platform = await rig.startTestPlatform(t);
    const open = { authorization: "" };
    assert.equal((await ask(platform, "POST", REQUESTS, REBOOT, open)).status, 409);
    assert.equal(
      (await ask(platform, "POST", REQUESTS, REBOOT, { ...open, host: "abc123.messaging.local" })).status,
      409,
    );
    platform.available = false;
    assert.equal((await ask(platform, "POST", REQUESTS, REBOOT, open)).status, 503);
  });

  test("200 requests are kept, and the oldest complete one goes", async t => {
    const platform = await guarded(t);
    const device = await rig.connectManaged(t, platform);
    await device.client.mqtt.unsubscribeAsync("iotdm-1/#");
    const devices = [...DEVICES, { typeId: "thermo", deviceId: "t-02" }];
    const quick = {
      action: "device/update",
      parameters: [{ name: "metadata", value: {} }],
      unanswered: true,
      devices: DEVICES,
    };
    const { body } = await ask(platform, "POST", REQUESTS, quick);
    for (let i = 0; i < 199; i++) {
      const action = i < 99 ? "device/reboot" : "acme-v1/blink";
      const { status } = await ask(platform, "POST", REQUESTS, { action, devices });
      if (i < 99) assert.equal(status, 202);
    }
    assert.equal((await ask(platform, "GET", `${REQUESTS}/${body.reqId}`)).status, 200);
    const last = await ask(platform, "POST", REQUESTS, { action: "acme-v1/blink", devices });
    assert.equal(last.status, 202);
    assert.equal((await ask(platform, "GET", `${REQUESTS}/${body.reqId}`)).status, 404);
  });
});
