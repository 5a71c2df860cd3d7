// Who may connect, with which CONNACK code is everyone else refused, and how do connections end (docs/protocol.md 1.6,
// 1.7)?

import assert from "node:assert/strict";
import { once } from "node:events";
import { createConnection } from "node:net";
import { test } from "node:test";
import { type PlatformEvents, startPlatform } from "../../../harness/platform/platform.ts";
import * as rig from "./testing.ts";

test("a registered device connects, is listed, and leaves with DISCONNECT", async t => {
  const platform = await rig.startTestPlatform(t);
  const connected = rig.next(platform, "connect");
  const device = await rig.connectDevice(t, platform);
  assert.deepEqual(await connected, { clientId: rig.CLIENT_ID, cleanSession: true });
  assert.ok(platform.connected(rig.CLIENT_ID));
  assert.deepEqual(platform.connectedClients, [rig.CLIENT_ID]);

  const disconnected = rig.next(platform, "disconnect");
  await device.end();
  assert.deepEqual(await disconnected, { clientId: rig.CLIENT_ID, clean: true, reason: 0, detail: "DISCONNECT" });
  assert.deepEqual(platform.connectedClients, []);
});

test("a socket closed without DISCONNECT is told apart", async t => {
  const platform = await rig.startTestPlatform(t);
  const raw = await rig.connectRaw(t, platform);
  const disconnected = rig.next(platform, "disconnect");
  raw.drop();
  const { clean, reason } = await disconnected;
  assert.deepEqual({ clean, reason }, { clean: false, reason: 91 });
});

test("a device added while the platform runs connects", async t => {
  const platform = await rig.startTestPlatform(t);
  platform.addDevice({ org: "other1", type: "T", id: "D", token: "s" });
  await rig.connectDevice(t, platform, { clientId: "d:other1:T:D", password: "s" });
});

test("MQTT 3.1 with a client id longer than 23 characters connects", async t => {
  const platform = await rig.startTestPlatform(t);
  const id = "x".repeat(36);
  platform.addDevice({ ...rig.DEVICE, id });
  await rig.connectRaw(t, platform, { clientId: `d:abc123:thermo:${id}`, name: "MQIsdp", level: 3 });
});

const REFUSALS: { title: string; fields: rig.ConnectFields; returnCode: number }[] = [
  { title: "a wrong token", fields: { password: "wrong" }, returnCode: 5 },
  { title: "a token cut short", fields: { password: rig.DEVICE.token.slice(0, -1) }, returnCode: 5 },
  { title: "an empty token", fields: { password: "" }, returnCode: 5 },
  { title: "no token", fields: { password: null }, returnCode: 5 },
  { title: "no user", fields: { user: null, password: null }, returnCode: 5 },
  { title: "another user", fields: { user: "use-token" }, returnCode: 5 },
  { title: "the user in capitals", fields: { user: "USE-TOKEN-AUTH" }, returnCode: 5 },
  { title: "an unknown device", fields: { clientId: "d:abc123:thermo:t-02" }, returnCode: 5 },
  { title: "an unknown organization", fields: { clientId: "d:zzz999:thermo:t-01" }, returnCode: 5 },
  { title: "an inherited name as organization", fields: { clientId: "d:__proto__:thermo:t-01" }, returnCode: 5 },
  { title: "no known class", fields: { clientId: "thermo" }, returnCode: 5 },
  { title: "an empty client id", fields: { clientId: "" }, returnCode: 5 },
  { title: "a gateway", fields: { clientId: "g:abc123:thermo:t-01" }, returnCode: 5 },
  { title: "a device id with a blank", fields: { clientId: "d:abc123:thermo:t 01" }, returnCode: 2 },
  { title: "a type of 37 characters", fields: { clientId: `d:abc123:${"x".repeat(37)}:t-01` }, returnCode: 2 },
  { title: "a field too many", fields: { clientId: "d:abc123:thermo:t-01:x" }, returnCode: 2 },
  { title: "a client id that is not UTF-8", fields: { clientId: Buffer.of(0x64, 0x3a, 0xff) }, returnCode: 2 },
  { title: "MQTT 5", fields: { level: 5 }, returnCode: 1 },
  { title: "protocol level 6", fields: { level: 6 }, returnCode: 1 },
];

for (const { title, fields, returnCode } of REFUSALS) {
  test(`${title}: CONNACK ${returnCode}, then the server closes`, async t => {
    const platform = await rig.startTestPlatform(t);
    const refused = rig.next(platform, "refused");
    const raw = new rig.RawClient(t, platform);
    raw.send(rig.connectPacket(fields));
    await raw.closed;
    assert.deepEqual(raw.frames, [{ type: rig.TYPE.connack, flags: 0, body: Buffer.of(0, returnCode) }]);
    assert.equal((await refused).returnCode, returnCode);
    assert.deepEqual(platform.connectedClients, []);
  });
}

test("MQTT.js sees the code of a refusal", async t => {
  const platform = await rig.startTestPlatform(t);
  await assert.rejects(rig.connectDevice(t, platform, { password: "wrong" }), { code: 5 });
});

test("while the platform is not available it answers 3, and connects again afterwards", async t => {
  const platform = await rig.startTestPlatform(t);
  platform.available = false;
  await assert.rejects(rig.connectDevice(t, platform), { code: 3 });
  await assert.rejects(rig.connectDevice(t, platform, { clientId: "d:abc123:a b:c" }), { code: 2 });
  platform.available = true;
  await rig.connectDevice(t, platform);
});

test("an open platform takes any device of its organizations, but still wants the user and some token", async t => {
  const platform = await rig.startTestPlatform(t, { open: true });
  await rig.connectDevice(t, platform, { clientId: "d:abc123:new:one", password: "any" });
  await assert.rejects(rig.connectDevice(t, platform, { clientId: "d:abc123:new:two", username: "me" }), { code: 5 });
  await assert.rejects(rig.connectDevice(t, platform, { clientId: "d:zzz999:new:three" }), { code: 5 });
});

test("a refused connection leaves the device that has this client id alone", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  await assert.rejects(rig.connectDevice(t, platform, { password: "wrong" }), { code: 5 });
  assert.ok(platform.connected(rig.CLIENT_ID));
  await device.publish("iot-2/evt/e/fmt/json", "{}", 1);
});

test("a second CONNECT with the same client id closes the first connection", async t => {
  const platform = await rig.startTestPlatform(t);
  const first = await rig.connectRaw(t, platform);
  const disconnected = rig.next(platform, "disconnect");
  const second = await rig.connectDevice(t, platform);
  await first.closed;
  const { clean, reason } = await disconnected;
  assert.deepEqual({ clean, reason }, { clean: false, reason: 288 });
  assert.deepEqual(platform.connectedClients, [rig.CLIENT_ID]);
  await second.publish("iot-2/evt/e/fmt/json", "{}", 1);
});

test("of many connections with one client id at once, exactly the last one let in lives on and works", async t => {
  const platform = await rig.startTestPlatform(t);
  const count = 20;
  const clients = Array.from({ length: count }, () => new rig.RawClient(t, platform));
  const alive = new Set(clients);
  const ends = clients.map(client => client.closed.then(() => alive.delete(client)));
  const othersGone = new Promise<void>(resolve => {
    for (const end of ends) end.then(() => alive.size === 1 && resolve());
  });
  for (const client of clients) client.send(rig.connectPacket());
  await othersGone;

  const [survivor] = alive;
  assert.equal((await survivor!.next()).type, rig.TYPE.connack);
  assert.deepEqual(platform.connectedClients, [rig.CLIENT_ID]);
  survivor!.send(rig.subscribePacket(1, { "iot-2/cmd/+/fmt/+": 0 }));
  assert.equal((await survivor!.next()).type, rig.TYPE.suback);
  await platform.sendToDevice(rig.CLIENT_ID, "iot-2/cmd/c/fmt/json", "{}");
  assert.equal((await survivor!.next()).type, rig.TYPE.publish);
});

test("connections that break right after CONNECT leave nothing behind", async t => {
  const platform = await rig.startTestPlatform(t);
  const clients = Array.from({ length: 20 }, () => new rig.RawClient(t, platform));
  await Promise.all(clients.map(client => client.connected));
  for (const client of clients) {
    client.send(rig.connectPacket());
    client.drop();
  }
  const device = await rig.connectDevice(t, platform);
  await device.publish("iot-2/evt/e/fmt/json", "{}", 1);
  assert.deepEqual(platform.connectedClients, [rig.CLIENT_ID]);
});

test("an administrator can disconnect a device", async t => {
  const platform = await rig.startTestPlatform(t);
  const raw = await rig.connectRaw(t, platform);
  const disconnected = rig.next(platform, "disconnect");
  assert.equal(await platform.disconnectDevice(rig.CLIENT_ID), true);
  assert.equal((await disconnected).reason, 94);
  await raw.closed;
  assert.equal(await platform.disconnectDevice(rig.CLIENT_ID), false);
});

test("a device that is silent for one and a half keep-alive intervals is closed", async t => {
  const platform = await rig.startTestPlatform(t);
  const disconnected = rig.next(platform, "disconnect");
  const raw = await rig.connectRaw(t, platform, { keepAliveSec: 1 });
  await raw.closed;
  const { clean, reason } = await disconnected;
  assert.deepEqual({ clean, reason }, { clean: false, reason: 160 });
});

test("closing the platform closes every connection, even one that has not said CONNECT", async t => {
  const platform = await startPlatform({ devices: [rig.DEVICE] });
  const reasons: number[] = [];
  platform.on("disconnect", ({ reason }: PlatformEvents["disconnect"][0]) => reasons.push(reason));
  const silent = new rig.RawClient(t, platform);
  const device = await rig.connectRaw(t, platform);
  await platform.close();
  await Promise.all([silent.closed, device.closed]);
  assert.deepEqual(reasons, [93]);
  const late = createConnection(platformPort(platform.url), "127.0.0.1");
  await assert.rejects(once(late, "connect"), { code: "ECONNREFUSED" });
});

function platformPort(url: string): number {
  return Number(new URL(url).port);
}

test("a port in use is reported and nothing stays open", async t => {
  const platform = await rig.startTestPlatform(t);
  await assert.rejects(startPlatform({ port: platform.port }), { code: "EADDRINUSE" });
});
