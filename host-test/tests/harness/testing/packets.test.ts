// The reader of users' tests against mqtt-packet as published: what both take they read the same, what mqtt-packet refuses
// is refused here too. In every cut.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { hex, joined } from "../../../harness/testing/bytes.ts";
import { connack, frame, pingresp, publish, suback, u16, unsuback } from "../../../harness/testing/frames.ts";
import { PacketStream, parsePacket, type SentPacket, told } from "../../../harness/testing/packets.ts";
import { feedAllWays } from "../../support/feed-all-ways.ts";
import { parseSent } from "../../support/witness.ts";

const { generate }: { generate(packet: object): Buffer } = createRequire(import.meta.url)("mqtt-packet");

const SENT: object[] = [
  { cmd: "connect", protocolId: "MQTT", protocolVersion: 4, clientId: "d:a:b:c", clean: true, keepalive: 60 },
  {
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: "ü",
    clean: false,
    keepalive: 65535,
    username: "use-token-auth",
    password: Buffer.from("MP$08VKz!8rXwnR-Q*"),
    will: { topic: "a/b", payload: Buffer.from([0, 255]), qos: 2, retain: true },
  },
  { cmd: "publish", topic: "a", payload: "", qos: 0, dup: false, retain: false },
  { cmd: "publish", topic: "iot-2/evt/ü/fmt/json", payload: "{}", qos: 1, dup: true, retain: true, messageId: 65535 },
  { cmd: "publish", topic: "a", payload: Buffer.alloc(20_000, 1), qos: 2, dup: false, retain: false, messageId: 1 },
  { cmd: "puback", messageId: 1 },
  { cmd: "pubrec", messageId: 2 },
  { cmd: "pubrel", messageId: 3 },
  { cmd: "pubcomp", messageId: 4 },
  {
    cmd: "subscribe",
    messageId: 5,
    subscriptions: [
      { topic: "a/+", qos: 0 },
      { topic: "#", qos: 2 },
    ],
  },
  { cmd: "unsubscribe", messageId: 6, unsubscriptions: ["a/+", "#"] },
  { cmd: "pingreq" },
  { cmd: "disconnect" },
];

const FIELDS = [
  "cmd",
  "qos",
  "dup",
  "retain",
  "messageId",
  "topic",
  "payload",
  "clientId",
  "clean",
  "keepalive",
  "username",
  "password",
  "unsubscriptions",
] as const;

/** Plain, so that a Buffer is as good as a Uint8Array. */
function plain(packet: Omit<SentPacket, "size">): unknown {
  const fields = FIELDS.map(name => [name, packet[name] instanceof Uint8Array ? [...packet[name]] : packet[name]]);
  const { will, subscriptions } = packet;
  return {
    ...Object.fromEntries(fields.map(([name, value]) => [name, value ?? undefined])),
    will: will && { topic: will.topic, payload: [...will.payload], qos: will.qos, retain: will.retain },
    subscriptions: subscriptions?.map(({ topic, qos }) => ({ topic, qos })),
  };
}

test("reads what clients send as mqtt-packet does, in every cut", () => {
  for (const packet of SENT) {
    const bytes = new Uint8Array(generate(packet));
    const expected = parseSent(bytes);
    const [mine] = new PacketStream().read(bytes);
    // Of an acknowledgement, mqtt-packet also has the flags of its first byte as qos.
    const witness = { ...expected[0]!, ...(expected[0]!.cmd === "publish" ? {} : { qos: 0 as const }) };
    assert.deepEqual(plain(mine!), plain(witness));
    assert.equal(told(mine!), told(witness));
    assert.equal(mine!.size, bytes.length);
    const lines = (chunks: Uint8Array[]) => {
      const stream = new PacketStream();
      return chunks.flatMap(chunk => stream.read(chunk).map(told));
    };
    if (bytes.length < 1000) feedAllWays(bytes, lines, [told(mine!)], { bytes: hex("c0 00"), adds: ["PINGREQ"] });
  }
});

test("tells what servers say", () => {
  const frames = [connack(0, true), connack(5), publish("a", "x", { qos: 1, id: 3 }), suback(1, 0, 128), unsuback(2)];
  assert.deepEqual(
    [...frames, pingresp()].map(bytes => told(parsePacket(bytes))),
    ["CONNACK 0 session present", "CONNACK 5", "PUBLISH #3 q1 a x", "SUBACK #1 q0 refused", "UNSUBACK #2", "PINGRESP"],
  );
});

test("refuses what no client may send", () => {
  const wrong: [Uint8Array, RegExp][] = [
    [hex("00 00"), /packet of type 0/],
    [hex("f0 00"), /packet of type 15/],
    [hex("60 02 00 01"), /PUBREL with flags 0/],
    [hex("80 04 00 01 00 00"), /SUBSCRIBE with flags 0/],
    [hex("36 05 00 01 61 00 01"), /both QoS bits/],
    [hex("32 05 00 01 61 00 00"), /PUBLISH with packet id 0 \[MQTT-2.3.1-1\]/],
    [hex("32 04 00 01 61 00"), /PUBLISH ends in the middle of a field/],
    [hex("30 03 00 09 61"), /PUBLISH ends in the middle/],
    [hex("40 03 00 01 00"), /PUBACK with 1 bytes too many/],
    [hex("c0 01 00"), /PINGREQ with 1 bytes too many/],
    [hex("c0 ff ff ff ff 01"), /more than four bytes/],
    [frame(0x10, u16(4), hex("4d 51 54 54 05 02 00 00 00 00")), /CONNECT of "MQTT", level 5/],
    [frame(0x10, u16(4), hex("4d 51 54 54 04 03 00 00 00 00")), /CONNECT with the reserved flag/],
    [frame(0x10, u16(4), hex("4d 51 54 54 04 42 00 00 00 00 00 00")), /password without a user name/],
    [hex("82 06 00 01 00 01 61 03"), /SUBSCRIBE with a QoS above 2/],
    [frame(0x82, u16(1)), /SUBSCRIBE ends in the middle/],
  ];
  for (const [bytes, text] of wrong) assert.throws(() => new PacketStream().read(bytes), text);
  const stream = new PacketStream();
  assert.deepEqual(stream.read(joined([hex("c0 00"), hex("c0")])).map(told), ["PINGREQ"]);
  assert.equal(stream.unfinished, 1);
});
