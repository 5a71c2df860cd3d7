// Does every message reach whom it is for, and only them, with the right topic, QoS and bytes (docs/protocol.md 2.4)?

import assert from "node:assert/strict";
import { test } from "node:test";
import * as rig from "./testing.ts";

const QOS = [0, 1, 2] as const;
const OTHER_ORG = { ...rig.DEVICE, org: "xyz789" };

for (const qos of QOS) {
  test(`an event at QoS ${qos} reaches the application and the platform's listeners`, async t => {
    const { platform, application, device } = await rig.startWatched(t);
    const reported = rig.next(platform, "event");
    await device.publish("iot-2/evt/status/fmt/json", '{"cpu":60}', qos);

    const { topic, text, qos: received } = await application.next();
    assert.deepEqual([topic, text, received], [`${rig.ON_APP}/evt/status/fmt/json`, '{"cpu":60}', qos]);
    const { clientId, org, type, id, event, format, payload, qos: published } = await reported;
    assert.deepEqual([clientId, org, type, id], [rig.CLIENT_ID, "abc123", "thermo", "t-01"]);
    assert.deepEqual([event, format, payload.toString(), published], ["status", "json", '{"cpu":60}', qos]);
  });
}

for (const published of QOS) {
  for (const subscribed of QOS) {
    for (const filter of ["iot-2/cmd/+/fmt/+", "iot-2/cmd/reboot/fmt/json"]) {
      test(`a command at QoS ${published} for ${filter} at QoS ${subscribed} arrives at the lower one`, async t => {
        const { platform, device } = await rig.startWithDevice(t);
        await device.subscribe(filter, subscribed);
        const application = await rig.connectApplication(t, platform);
        const reported = rig.next(platform, "command");
        await application.publish(`${rig.ON_APP}/cmd/reboot/fmt/json`, "{}", published);

        const { topic, qos } = await device.next();
        assert.deepEqual([topic, qos], ["iot-2/cmd/reboot/fmt/json", Math.min(published, subscribed)]);
        const { clientId, command, id, qos: asPublished } = await reported;
        assert.deepEqual([clientId, command, id, asPublished], ["a:abc123:app", "reboot", "t-01", published]);
      });
    }
  }
}

test("a command reaches only its device: not another one, another type, or the same one elsewhere", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [rig.DEVICE, OTHER_ORG], open: true });
  const clientIds = ["d:abc123:thermo:t-02", "d:abc123:other:t-01", "d:xyz789:thermo:t-01"];
  const strangers = await Promise.all(clientIds.map(clientId => rig.connectDevice(t, platform, { clientId })));
  const device = await rig.connectDevice(t, platform);
  for (const client of [device, ...strangers]) await client.subscribe("iot-2/cmd/+/fmt/+", 1);
  const application = await rig.connectApplication(t, platform);
  await application.publish(`${rig.ON_APP}/cmd/mine/fmt/json`, "{}", 1);
  assert.equal((await device.next()).topic, "iot-2/cmd/mine/fmt/json");

  // Had the command gone to a stranger, it would be there before this marker.
  for (const [i, stranger] of strangers.entries()) {
    await platform.sendToDevice(clientIds[i]!, "iot-2/cmd/marker/fmt/json", "{}", 1);
    assert.equal((await stranger.next()).topic, "iot-2/cmd/marker/fmt/json");
  }
});

test("two organizations with the same type and device id do not see each other", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [rig.DEVICE, OTHER_ORG] });
  const here = await rig.watchOrganization(t, platform, "abc123");
  const there = await rig.watchOrganization(t, platform, "xyz789");
  const device = await rig.connectDevice(t, platform);
  const twin = await rig.connectDevice(t, platform, { clientId: "d:xyz789:thermo:t-01" });
  await device.publish("iot-2/evt/here/fmt/json", "1", 1);
  assert.equal((await here.next()).text, "1");
  await twin.publish("iot-2/evt/there/fmt/json", "2", 1);
  assert.deepEqual((await there.next()).topic, `${rig.ON_APP}/evt/there/fmt/json`);
  await device.publish("iot-2/evt/here/fmt/json", "3", 1);
  assert.equal((await here.next()).text, "3");
});

test("concrete subscriptions filter by command and by format", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  await device.subscribe(["iot-2/cmd/reboot/fmt/+", "iot-2/cmd/+/fmt/text"], 1);
  for (const name of ["reboot/fmt/json", "print/fmt/json", "print/fmt/text"]) {
    await platform.sendToDevice(rig.CLIENT_ID, `iot-2/cmd/${name}`, "{}", 1);
  }
  assert.equal((await device.next()).topic, "iot-2/cmd/reboot/fmt/json");
  assert.equal((await device.next()).topic, "iot-2/cmd/print/fmt/text");
});

test("after UNSUBSCRIBE the command no longer comes", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  await device.subscribe(["iot-2/cmd/a/fmt/+", "iot-2/cmd/b/fmt/+"], 1);
  await device.mqtt.unsubscribeAsync("iot-2/cmd/a/fmt/+");
  await platform.sendToDevice(rig.CLIENT_ID, "iot-2/cmd/a/fmt/json", "", 1);
  await platform.sendToDevice(rig.CLIENT_ID, "iot-2/cmd/b/fmt/json", "", 1);
  assert.equal((await device.next()).topic, "iot-2/cmd/b/fmt/json");
});

test("an illegal UNSUBSCRIBE is answered and changes nothing", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  await device.subscribe("iot-2/cmd/+/fmt/+");
  await device.mqtt.unsubscribeAsync("iot-2/abc123/type/thermo/id/t-01/cmd/+/fmt/+");
  await platform.sendToDevice(rig.CLIENT_ID, "iot-2/cmd/a/fmt/json", "");
  assert.equal((await device.next()).topic, "iot-2/cmd/a/fmt/json");
});

test("one command goes to a device and a watching application, each with its own topic", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  await device.subscribe("iot-2/cmd/+/fmt/+", 2);
  const watchers = await Promise.all(["a:abc123:w1", "a:abc123:w2"].map(id => rig.connectApplication(t, platform, id)));
  for (const watcher of watchers) await watcher.subscribe("iot-2/type/+/id/+/cmd/+/fmt/+", 2);
  await watchers[0]!.publish(`${rig.ON_APP}/cmd/reboot/fmt/json`, "{}", 2);
  assert.equal((await device.next()).topic, "iot-2/cmd/reboot/fmt/json");
  for (const watcher of watchers) assert.equal((await watcher.next()).topic, `${rig.ON_APP}/cmd/reboot/fmt/json`);
});

test("an application publishes an event on behalf of a device", async t => {
  const platform = await rig.startTestPlatform(t);
  const application = await rig.watchOrganization(t, platform);
  const reported = rig.next(platform, "event");
  await application.publish(`${rig.ON_APP}/evt/status/fmt/json`, "{}", 1);
  assert.equal((await application.next()).topic, `${rig.ON_APP}/evt/status/fmt/json`);
  const { clientId, id } = await reported;
  assert.deepEqual([clientId, id], ["a:abc123:watcher", "t-01"]);
});

test("the retain flag is cleared: a later subscriber gets nothing old", async t => {
  const platform = await rig.startTestPlatform(t);
  const early = await rig.watchOrganization(t, platform);
  const device = await rig.connectDevice(t, platform);
  await device.publish("iot-2/evt/old/fmt/json", "old", 1, true);
  assert.deepEqual((await early.next()).retain, false);
  const late = await rig.connectApplication(t, platform, "a:abc123:late");
  await late.subscribe("iot-2/type/+/id/+/evt/+/fmt/+", 1);
  await device.publish("iot-2/evt/new/fmt/json", "new", 1);
  assert.equal((await late.next()).text, "new");
});

test("payload bytes pass unchanged, none and all 256", async t => {
  const { application, device } = await rig.startWatched(t);
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  await device.publish("iot-2/evt/e/fmt/bin", Buffer.alloc(0), 1);
  await device.publish("iot-2/evt/e/fmt/bin", bytes, 1);
  assert.equal((await application.next()).payload.length, 0);
  assert.deepEqual((await application.next()).payload, bytes);
});

test("a burst at each QoS arrives complete and in order", async t => {
  const { application, device } = await rig.startWatched(t);
  for (const qos of QOS) {
    const texts = Array.from({ length: 300 }, (_, i) => `${qos}/${i}`);
    await Promise.all(texts.map(text => device.publish("iot-2/evt/e/fmt/text", text, qos)));
    for (const text of texts) assert.equal((await application.next()).text, text);
  }
});

test("management messages are reported, and the platform can send to every topic a device may subscribe", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  await device.subscribe(["iotdm-1/#", "iot-2/notify"], 1);
  const reported = rig.next(platform, "management");
  await device.publish("iotdevice-1/mgmt/manage", '{"d":{}}', 1);
  const { clientId, topic, payload } = await reported;
  assert.deepEqual([clientId, topic, payload.toString()], [rig.CLIENT_ID, "iotdevice-1/mgmt/manage", '{"d":{}}']);
  for (const topic of ["iotdm-1/response", "iotdm-1/mgmt/initiate/device/reboot", "iot-2/notify"]) {
    await platform.sendToDevice(rig.CLIENT_ID, topic, "{}", 1);
    assert.equal((await device.next()).topic, topic);
  }
  await assert.rejects(platform.sendToDevice("a:abc123:app", "iotdm-1/response", "{}"), TypeError);
});

test("a will on a legal topic is published when the connection breaks; an illegal one is dropped", async t => {
  const platform = await rig.startTestPlatform(t);
  const application = await rig.watchOrganization(t, platform);
  const will = (topic: string) => ({ will: { topic, payload: Buffer.from(topic), qos: 1 as const, retain: true } });
  const bad = await rig.connectDevice(t, platform, will("iot-2/abc123/type/thermo/id/t-01/evt/leak/fmt/text"));
  await bad.drop();
  const good = await rig.connectDevice(t, platform, will("iot-2/evt/gone/fmt/text"));
  await good.drop();
  assert.equal((await application.next()).topic, `${rig.ON_APP}/evt/gone/fmt/text`);

  // Not retained, although it asked to be.
  const late = await rig.connectApplication(t, platform, "a:abc123:late");
  await late.subscribe("iot-2/type/+/id/+/evt/+/fmt/+");
  await late.publish(`${rig.ON_APP}/evt/marker/fmt/text`, "");
  assert.equal((await late.next()).topic, `${rig.ON_APP}/evt/marker/fmt/text`);
});
