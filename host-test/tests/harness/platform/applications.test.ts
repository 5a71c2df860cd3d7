// Which applications may connect, and what do they learn about devices that come and go (docs/protocol.md 2.4)?

import assert from "node:assert/strict";
import { test } from "node:test";
import * as rig from "./testing.ts";

const MON = "iot-2/type/+/id/+/mon";

test("an organization without registered applications takes any; an unknown organization none", async t => {
  const platform = await rig.startTestPlatform(t);
  await rig.connectApplication(t, platform, "a:abc123:any");
  await assert.rejects(rig.connectApplication(t, platform, "a:zzz999:any"), { code: 5 });
});

test("a registered application needs its API key and token, and closes the door for others", async t => {
  const applications = [
    { org: "abc123", appId: "app", key: "k1234", token: "secret" },
    { org: "abc123", appId: "plain", token: "secret2" },
  ];
  const platform = await rig.startTestPlatform(t, { applications });
  const login = (clientId: string, username: string, password: string) =>
    rig.connect(t, platform, { clientId, username, password });
  await login("a:abc123:app", "a-abc123-k1234", "secret");
  await login("a:abc123:plain", "a-abc123-plain", "secret2");
  await assert.rejects(login("a:abc123:app", "a-abc123-k1234", "wrong"), { code: 5 });
  await assert.rejects(login("a:abc123:app", "a-abc123-other", "secret"), { code: 5 });
  await assert.rejects(login("a:abc123:plain", "a-abc123-k1234", "secret"), { code: 5 });
  await assert.rejects(login("a:abc123:other", "a-abc123-k1234", "secret"), { code: 5 });
  await assert.rejects(rig.connectApplication(t, platform, "a:abc123:app"), { code: 5 });
});

async function monitor(application: rig.TestClient) {
  const { topic, text, retain } = await application.next();
  assert.equal(topic, `${rig.ON_APP}/mon`);
  return { retain, json: JSON.parse(text) };
}

test("connects and disconnects are told as they happen", async t => {
  const platform = await rig.startTestPlatform(t);
  const application = await rig.connectApplication(t, platform);
  await application.subscribe(MON);
  const device = await rig.connectDevice(t, platform);
  const { json: connected, retain } = await monitor(application);
  const { Action, ClientID, Protocol, ClientAddr, Port } = connected;
  assert.deepEqual([Action, ClientID, Protocol], ["Connect", rig.CLIENT_ID, "mqtt-tcp"]);
  assert.deepEqual([ClientAddr, Port, retain], ["127.0.0.1", platform.port, false]);
  assert.ok(Date.parse(connected.Time) >= Date.parse(connected.ConnectTime));

  await device.end();
  const { json } = await monitor(application);
  assert.deepEqual([json.Action, json.CloseCode], ["Disconnect", 0]);
  assert.match(json.Reason, /normal/);
});

test("the last state is retained for later subscribers, with the reason of a violation", async t => {
  const platform = await rig.startTestPlatform(t);
  const raw = await rig.connectRaw(t, platform);
  const early = await rig.connectApplication(t, platform, "a:abc123:early");
  await early.subscribe(MON);
  const connected = await monitor(early);
  assert.deepEqual([connected.json.Action, connected.retain], ["Connect", true]);

  raw.send(rig.publishPacket("hello", "x"));
  await monitor(early);
  const late = await rig.connectApplication(t, platform, "a:abc123:late");
  await late.subscribe(`${rig.ON_APP}/mon`);
  const { json, retain } = await monitor(late);
  assert.deepEqual([json.Action, json.CloseCode, retain], ["Disconnect", 276, true]);
});

test("a takeover is told as a disconnect with 288 and then a connect", async t => {
  const platform = await rig.startTestPlatform(t);
  await rig.connectRaw(t, platform);
  const application = await rig.connectApplication(t, platform);
  await application.subscribe(MON);
  await monitor(application);
  await rig.connectRaw(t, platform);
  const { json: left } = await monitor(application);
  assert.deepEqual([left.Action, left.CloseCode], ["Disconnect", 288]);
  assert.equal((await monitor(application)).json.Action, "Connect");
});

test("a failed attempt is told but not retained, and carries no credentials", async t => {
  const platform = await rig.startTestPlatform(t);
  const application = await rig.connectApplication(t, platform);
  await application.subscribe(MON);
  await assert.rejects(rig.connectDevice(t, platform, { password: "WRONG-TOKEN" }), { code: 5 });
  const { json } = await monitor(application);
  assert.deepEqual([json.Action, json.CloseCode], ["FailedConnect", 180]);
  assert.doesNotMatch(JSON.stringify(json), /WRONG-TOKEN/);

  const late = await rig.connectApplication(t, platform, "a:abc123:late");
  await late.subscribe(MON);
  await rig.connectDevice(t, platform);
  assert.equal((await monitor(late)).json.Action, "Connect");
});

test("a device sees its own monitor messages on iot-2/mon", async t => {
  const { device } = await rig.startWithDevice(t);
  await device.subscribe("iot-2/mon");
  const { topic, text } = await device.next();
  assert.deepEqual([topic, JSON.parse(text).Action], ["iot-2/mon", "Connect"]);
});
