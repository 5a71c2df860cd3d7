// Does every broken rule close the connection, with the reason docs/protocol.md 1.7 gives it, and without an
// acknowledgement?

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { MAX_PAYLOAD, MAX_REMAINING_LENGTH } from "../../../harness/platform/frames.ts";
import { varint } from "../../../harness/testing/frames.ts";
import * as rig from "./testing.ts";

const EVENT = "iot-2/evt/e/fmt/bin";

const VIOLATIONS: { title: string; bytes: Uint8Array; reason: number }[] = [
  { title: "PUBLISH to a foreign topic", bytes: rig.publishPacket("hello", "x"), reason: 276 },
  { title: "PUBLISH at QoS 1 to a foreign topic", bytes: rig.publishPacket("hello", "x", 1), reason: 276 },
  {
    title: "PUBLISH at QoS 2 to a command topic",
    bytes: rig.publishPacket("iot-2/cmd/c/fmt/json", "x", 2),
    reason: 276,
  },
  {
    title: "PUBLISH with a slash in the event id",
    bytes: rig.publishPacket("iot-2/evt/a/b/fmt/json", "x"),
    reason: 276,
  },
  { title: "PUBLISH with an empty event id", bytes: rig.publishPacket("iot-2/evt//fmt/json", "x"), reason: 276 },
  { title: "PUBLISH with a wildcard", bytes: rig.publishPacket("iot-2/evt/+/fmt/json", "x", 1), reason: 276 },
  { title: "PUBLISH with # ", bytes: rig.publishPacket("iot-2/evt/e/fmt/#", "x"), reason: 276 },
  { title: "PUBLISH to an empty topic", bytes: rig.publishPacket("", "x"), reason: 276 },
  {
    title: "PUBLISH in the broker's own spelling",
    bytes: rig.publishPacket("iot-2/abc123/type/thermo/id/t-01/evt/e/fmt/json", "x"),
    reason: 276,
  },
  { title: "SUBSCRIBE to everything", bytes: rig.subscribePacket(1, { "#": 0 }), reason: 276 },
  { title: "SUBSCRIBE to events", bytes: rig.subscribePacket(1, { "iot-2/evt/+/fmt/+": 1 }), reason: 276 },
  { title: "SUBSCRIBE to a malformed filter", bytes: rig.subscribePacket(1, { "iot-2/cmd/a+/fmt/+": 1 }), reason: 276 },
  {
    title: "SUBSCRIBE with one illegal filter behind a legal one",
    bytes: rig.subscribePacket(1, { "iot-2/cmd/+/fmt/+": 1, "iot-2/#": 1 }),
    reason: 276,
  },
  {
    title: "a payload one byte too large",
    bytes: rig.publishPacket(EVENT, Buffer.alloc(MAX_PAYLOAD + 1)),
    reason: 287,
  },
  {
    title: "a payload one byte too large at QoS 2",
    bytes: rig.publishPacket(EVENT, Buffer.alloc(MAX_PAYLOAD + 1), 2),
    reason: 287,
  },
  {
    title: "a PUBLISH that only announces more than any legal one has",
    bytes: Buffer.concat([Buffer.of(0x32), varint(MAX_REMAINING_LENGTH + 1)]),
    reason: 287,
  },
  { title: "a SUBSCRIBE that announces 256 MB", bytes: Buffer.of(0x82, 0xff, 0xff, 0xff, 0x7f), reason: 271 },
  { title: "a second CONNECT", bytes: rig.connectPacket(), reason: 105 },
  { title: "a packet of no known type", bytes: Buffer.of(0x00, 0x00), reason: 105 },
  { title: "a length of five bytes", bytes: Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 0x01), reason: 105 },
];

for (const { title, bytes, reason } of VIOLATIONS) {
  test(`${title}: ${reason}`, async t => {
    const platform = await rig.startTestPlatform(t);
    const disconnected = rig.next(platform, "disconnect");
    const { clientId, reason: broken } = await rig.breakRule(platform, await rig.connectRaw(t, platform), bytes);
    assert.deepEqual([clientId, broken], [rig.CLIENT_ID, reason]);
    const { clean, reason: closed } = await disconnected;
    assert.deepEqual([clean, closed], [false, reason]);
  });
}

test("a payload of exactly the limit passes", async t => {
  const { application, device } = await rig.startWatched(t);
  await device.publish(EVENT, Buffer.alloc(MAX_PAYLOAD), 1);
  assert.equal((await application.next()).payload.length, MAX_PAYLOAD);
});

test("what came before an illegal PUBLISH in the same bytes counts, what came after does not", async t => {
  const platform = await rig.startTestPlatform(t);
  const application = await rig.watchOrganization(t, platform);
  const raw = await rig.connectRaw(t, platform);
  raw.send(
    rig.publishPacket(EVENT, "before"),
    rig.publishPacket("hello", "illegal"),
    rig.publishPacket(EVENT, "after"),
    rig.DISCONNECT,
  );
  await raw.closed;
  assert.equal((await application.next()).text, "before");
  const device = await rig.connectDevice(t, platform);
  await device.publish(EVENT, "marker");
  assert.equal((await application.next()).text, "marker");
});

test("an application is held to its topics too", async t => {
  const platform = await rig.startTestPlatform(t);
  const raw = await rig.connectRaw(t, platform, { clientId: "a:abc123:app", user: null, password: null });
  const packet = rig.subscribePacket(1, { "iot-2/xyz789/type/+/id/+/evt/+/fmt/+": 0 });
  assert.equal((await rig.breakRule(platform, raw, packet)).reason, 276);
});

test("a TLS ClientHello is recognised, and the text names the option", async t => {
  const platform = await rig.startTestPlatform(t);
  const violated = rig.next(platform, "violation");
  const secure = connectTls({ port: platform.port, host: "127.0.0.1" });
  const failed = new Promise(resolve => secure.once("error", resolve));
  assert.deepEqual(await violated, {
    clientId: "",
    reason: 105,
    detail: "TLS ClientHello: this platform does not use TLS; set tls to false in the client",
  });
  await failed;
});

test("before CONNECT nothing else is taken, and no first packet of any size", async t => {
  const platform = await rig.startTestPlatform(t);
  for (const [bytes, expected] of [
    [rig.publishPacket(EVENT, "x"), 105],
    [Buffer.from("hello?\r\n\r\n"), 105],
    [Buffer.of(0x10, 0xff, 0xff, 0xff, 0x7f), 165],
  ] as const) {
    const { clientId, reason } = await rig.breakRule(platform, new rig.RawClient(t, platform), bytes);
    assert.deepEqual([clientId, reason], ["", expected]);
  }
});
