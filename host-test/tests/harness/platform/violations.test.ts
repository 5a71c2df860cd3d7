// Does every broken rule close the connection, with the reason docs/protocol.md 1.7 gives it, and without an
// acknowledgement?

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect as connectTls } from "node:tls";
import { MAX_PAYLOAD, MAX_REMAINING_LENGTH } from "../../../harness/platform/frames.ts";
import { varint } from "../../../harness/testing/frames.ts";
import * as rig from "./testing.ts";

const EVENT = "iot-2/evt/e/fmt/bin";

/** By close code. */
const VIOLATIONS: Readonly<Record<number, Readonly<Record<string, Uint8Array>>>> = {
  276: {
    "PUBLISH to a foreign topic": rig.publishPacket("hello", "x"),
    "PUBLISH at QoS 1 to a foreign topic": rig.publishPacket("hello", "x", 1),
    "PUBLISH at QoS 2 to a command topic": rig.publishPacket("iot-2/cmd/c/fmt/json", "x", 2),
    "PUBLISH with a slash in the event id": rig.publishPacket("iot-2/evt/a/b/fmt/json", "x"),
    "PUBLISH with an empty event id": rig.publishPacket("iot-2/evt//fmt/json", "x"),
    "PUBLISH with a wildcard": rig.publishPacket("iot-2/evt/+/fmt/json", "x", 1),
    "PUBLISH with # ": rig.publishPacket("iot-2/evt/e/fmt/#", "x"),
    "PUBLISH to an empty topic": rig.publishPacket("", "x"),
    "PUBLISH in the broker's own spelling": rig.publishPacket("iot-2/abc123/type/thermo/id/t-01/evt/e/fmt/json", "x"),
    "SUBSCRIBE to everything": rig.subscribePacket(1, { "#": 0 }),
    "SUBSCRIBE to events": rig.subscribePacket(1, { "iot-2/evt/+/fmt/+": 1 }),
    "SUBSCRIBE to a malformed filter": rig.subscribePacket(1, { "iot-2/cmd/a+/fmt/+": 1 }),
    "SUBSCRIBE with one illegal filter behind a legal one": rig.subscribePacket(1, {
      "iot-2/cmd/+/fmt/+": 1,
      "iot-2/#": 1,
    }),
  },
  287: {
    "a payload one byte too large": rig.publishPacket(EVENT, Buffer.alloc(MAX_PAYLOAD + 1)),
    "a payload one byte too large at QoS 2": rig.publishPacket(EVENT, Buffer.alloc(MAX_PAYLOAD + 1), 2),
    "a PUBLISH that only announces more than any legal one has": Buffer.concat([
      Buffer.of(0x32),
      varint(MAX_REMAINING_LENGTH + 1),
    ]),
  },
  271: {
    "a SUBSCRIBE that announces 256 MB": Buffer.of(0x82, 0xff, 0xff, 0xff, 0x7f),
  },
  105: {
    "a second CONNECT": rig.connectPacket(),
    "a packet of no known type": Buffer.of(0x00, 0x00),
    "a length of five bytes": Buffer.of(0x30, 0xff, 0xff, 0xff, 0xff, 0x01),
  },
};

for (const [code, packets] of Object.entries(VIOLATIONS)) {
  for (const [title, bytes] of Object.entries(packets)) {
    test(`${title}: ${code}`, async t => {
      const platform = await rig.startTestPlatform(t);
      const disconnected = rig.next(platform, "disconnect");
      const { clientId, reason: broken } = await rig.breakRule(platform, await rig.connectRaw(t, platform), bytes);
      assert.deepEqual([clientId, broken], [rig.CLIENT_ID, Number(code)]);
      const { clean, reason: closed } = await disconnected;
      assert.deepEqual([clean, closed], [false, Number(code)]);
    });
  }
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
