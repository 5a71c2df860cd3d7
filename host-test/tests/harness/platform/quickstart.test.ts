// Is org quickstart what it was: any device, no credentials, JSON events at QoS 0, nothing else (docs/protocol.md 2.1,
// 2.2)?

import assert from "node:assert/strict";
import { test } from "node:test";
import * as rig from "./testing.ts";

const CLIENT_ID = "d:quickstart:any:thing";
const STRANGER: rig.ConnectFields = { clientId: CLIENT_ID, user: null, password: null };

test("a device nobody knows connects without credentials and its event is seen", async t => {
  const platform = await rig.startTestPlatform(t);
  const application = await rig.watchOrganization(t, platform, "quickstart");
  const device = await rig.connect(t, platform, { clientId: CLIENT_ID });
  await device.publish("iot-2/evt/status/fmt/json", "{}");
  assert.equal((await application.next()).topic, "iot-2/type/any/id/thing/evt/status/fmt/json");
});

test("a user name that some SDKs send all the same does no harm", async t => {
  const platform = await rig.startTestPlatform(t);
  await rig.connectRaw(t, platform, { clientId: CLIENT_ID, user: "use-token-auth", password: null });
});

test("a durable session is refused", async t => {
  const platform = await rig.startTestPlatform(t);
  const raw = new rig.RawClient(t, platform);
  raw.send(rig.connectPacket({ ...STRANGER, clean: false }));
  await raw.closed;
  assert.deepEqual(raw.frames[0]?.body, Buffer.of(0, 5));
});

test("without Quickstart its organization is unknown", async t => {
  const platform = await rig.startTestPlatform(t, { quickstart: false });
  await assert.rejects(rig.connect(t, platform, { clientId: CLIENT_ID }), { code: 5 });
});

const VIOLATIONS: { title: string; bytes: Uint8Array; reason: number }[] = [
  { title: "an event at QoS 1", bytes: rig.publishPacket("iot-2/evt/e/fmt/json", "{}", 1), reason: 105 },
  { title: "an event at QoS 2", bytes: rig.publishPacket("iot-2/evt/e/fmt/json", "{}", 2), reason: 105 },
  { title: "another format", bytes: rig.publishPacket("iot-2/evt/e/fmt/text", "x"), reason: 276 },
  { title: "management", bytes: rig.publishPacket("iotdevice-1/mgmt/manage", "{}"), reason: 276 },
  { title: "subscribing to commands", bytes: rig.subscribePacket(1, { "iot-2/cmd/+/fmt/+": 0 }), reason: 276 },
];

for (const { title, bytes, reason } of VIOLATIONS) {
  test(`${title} closes the connection with ${reason}`, async t => {
    const platform = await rig.startTestPlatform(t);
    const raw = await rig.connectRaw(t, platform, STRANGER);
    assert.equal((await rig.breakRule(platform, raw, bytes)).reason, reason);
  });
}
