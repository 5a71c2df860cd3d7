// wire/packet.ts: frames to packets, packets to bytes, one write per packet where it fits, room kept for control packets.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Transport } from "../../src/ports.ts";
import { encodeTopic, PacketReader, PacketWriter } from "../../src/wire/packet.ts";
import { noise } from "../support/feed-all-ways.ts";
import { parseSent, Witness } from "../support/witness.ts";
import { hex, joined, utf8 } from "../testing/bytes.ts";
import { connack, publish, suback } from "../testing/frames.ts";
import { told } from "../testing/packets.ts";
import { seeded } from "../testing/random.ts";
import { FakeTransport } from "../testing/transport.ts";

const TOPIC = encodeTopic("a/b");
const QUIET = { opened() {}, received() {}, writableAgain() {}, closed() {} };

function onLink(bytes: number, room = Number.POSITIVE_INFINITY): { writer: PacketWriter; link: FakeTransport } {
  const link = new FakeTransport({ host: "h", port: 1 }, QUIET);
  link.opens();
  link.room = room;
  const writer = new PacketWriter(bytes);
  writer.attach(link);
  return { writer, link };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

const EVERY: [string, (writer: PacketWriter) => boolean, string][] = [
  [
    "CONNECT",
    writer => writer.connect({ clientId: "d", clean: true, keepalive: 60, username: "u", password: "p" }),
    "10 13 00 04 4d 51 54 54 04 c2 00 3c 00 01 64 00 01 75 00 01 70",
  ],
  [
    "CONNECT without credentials, durable",
    writer => writer.connect({ clientId: "d", clean: false, keepalive: 0 }),
    "10 0d 00 04 4d 51 54 54 04 00 00 00 00 01 64",
  ],
  [
    "CONNECT with a will",
    writer =>
      writer.connect({
        clientId: "",
        clean: true,
        keepalive: 1,
        will: { topic: "w", payload: utf8("!"), qos: 2, retain: true },
      }),
    "10 12 00 04 4d 51 54 54 04 36 00 01 00 00 00 01 77 00 01 21",
  ],
  ["PUBLISH at QoS 0", writer => writer.publish(TOPIC, utf8("hi"), 0, false, false, 0), "30 07 00 03 61 2f 62 68 69"],
  [
    "PUBLISH at QoS 1",
    writer => writer.publish(TOPIC, utf8("hi"), 1, false, false, 258),
    "32 09 00 03 61 2f 62 01 02 68 69",
  ],
  [
    "PUBLISH at QoS 2, DUP, RETAIN",
    writer => writer.publish(TOPIC, utf8("hi"), 2, true, true, 1),
    "3d 09 00 03 61 2f 62 00 01 68 69",
  ],
  [
    "PUBLISH without payload",
    writer => writer.publish(TOPIC, new Uint8Array(0), 0, true, false, 0),
    "31 05 00 03 61 2f 62",
  ],
  ["PUBACK", writer => writer.ack("puback", 1), "40 02 00 01"],
  ["PUBREC", writer => writer.ack("pubrec", 65535), "50 02 ff ff"],
  ["PUBREL", writer => writer.ack("pubrel", 256), "62 02 01 00"],
  ["PUBCOMP", writer => writer.ack("pubcomp", 1), "70 02 00 01"],
  [
    "SUBSCRIBE",
    writer =>
      writer.subscribe(7, [
        { topic: "a", qos: 1 },
        { topic: "#", qos: 2 },
      ]),
    "82 0a 00 07 00 01 61 01 00 01 23 02",
  ],
  ["UNSUBSCRIBE", writer => writer.unsubscribe(7, ["a", "#"]), "a2 08 00 07 00 01 61 00 01 23"],
  ["PINGREQ", writer => writer.ping(), "c0 00"],
  ["DISCONNECT", writer => writer.disconnect(), "e0 00"],
];

for (const [name, write, bytes] of EVERY) {
  test(`${name} is one write of exactly these bytes`, () => {
    const { writer, link } = onLink(256);
    assert.equal(write(writer), true);
    assert.deepEqual(link.writes.map(hexOf), [hexOf(hex(bytes))]);
    assert.equal(writer.sent, hex(bytes).length);
    assert.equal(writer.pending, false);
  });
}

test("a packet of exactly the buffer less the reserve is one write; a byte more is the head, then the payload", () => {
  const { writer, link } = onLink(256);
  const fitting = noise(256 - 64 - 8); // one header byte, two of length, two of topic length, three of topic
  writer.publish(TOPIC, fitting, 0, false, false, 0);
  assert.equal(link.writes.length, 1);
  writer.publish(TOPIC, noise(256 - 64 - 7), 0, false, false, 0);
  assert.deepEqual(
    link.writes.map(write => write.length),
    [192, 8, 185],
  );
});

for (const size of [128, 200, 1024]) {
  for (const room of [1, 7, 64, 1000, 1_000_000]) {
    test(`100 KB pass through a buffer of ${size} bytes and a transport that takes ${room} at a time`, () => {
      const { writer, link } = onLink(size, room);
      const payload = noise(100_000);
      assert.equal(writer.publish(TOPIC, payload, 1, false, false, 9), true);
      let drains = 0;
      for (; writer.streaming; drains++) {
        link.room = room;
        writer.flush();
      }
      const [packet] = parseSent(link.sent);
      assert.equal(packet!.messageId, 9);
      assert.ok(packet!.payload!.equals(payload));
      assert.ok(drains <= Math.ceil(100_012 / room), `${drains} rounds`);
    });
  }
}

test("a payload larger than the buffer is handed over from the caller's bytes, not copied", () => {
  const payload = noise(5000);
  const parts: Uint8Array[] = [];
  const transport: Transport = { writable: 600, write: bytes => void parts.push(bytes), close() {} };
  const writer = new PacketWriter(128);
  writer.attach(transport);
  writer.publish(TOPIC, payload, 0, false, false, 0);
  assert.ok(parts.length > 8);
  for (const part of parts.slice(1)) assert.equal(part.buffer, payload.buffer);
});

test("packets held gather, and leave as one write", () => {
  const { writer, link } = onLink(256);
  writer.hold();
  for (let id = 1; id <= 5; id++) writer.ack("puback", id);
  assert.equal(link.writes.length, 0);
  writer.release();
  assert.deepEqual(
    link.writes.map(write => parseSent(write).map(told)),
    [["PUBACK #1", "PUBACK #2", "PUBACK #3", "PUBACK #4", "PUBACK #5"]],
  );
});

test("more packets held than the buffer takes leave in order, as few writes as it can", () => {
  const { writer, link } = onLink(128);
  writer.hold();
  for (let id = 1; id <= 100; id++) assert.equal(writer.ack("puback", id), true);
  writer.release();
  assert.deepEqual(
    parseSent(link.sent).map(packet => packet.messageId),
    Array.from({ length: 100 }, (_, n) => n + 1),
  );
  assert.equal(link.writes.length, Math.ceil(400 / 128));
});

test("at least sixteen acknowledgements leave behind publishes that are jammed", () => {
  const { writer, link } = onLink(128, 0);
  const payload = noise(8);
  let publishes = 0;
  while (writer.publish(TOPIC, payload, 1, false, false, 100 + publishes)) publishes++;
  // Three whole ones of 17 bytes, and the head of a fourth whose payload stays with the caller.
  assert.equal(publishes, 4);
  assert.equal(writer.streaming, true);
  let acks = 0;
  while (writer.ack("puback", 1 + acks)) acks++;
  assert.equal(acks, Math.floor((128 - 3 * 17 - 9) / 4));
  assert.ok(acks >= 16);
  link.room = 1000;
  writer.flush();
  const ids = parseSent(link.sent).map(packet => packet.messageId);
  assert.deepEqual(ids, [100, 101, 102, 103, ...Array.from({ length: acks }, (_, n) => n + 1)]);
});

test("a jammed payload takes no room from control packets; they leave right behind it", () => {
  const { writer, link } = onLink(128, 10);
  writer.publish(TOPIC, noise(3000), 0, false, false, 0);
  assert.equal(writer.publish(TOPIC, utf8("no"), 0, false, false, 0), false);
  for (let id = 1; id <= 16; id++) assert.equal(writer.ack("puback", id), true);
  assert.equal(writer.ping(), true);
  while (writer.pending) {
    link.room = 50;
    writer.flush();
  }
  const packets = parseSent(link.sent).map(packet => packet.cmd);
  assert.deepEqual(packets, ["publish", ...Array.from({ length: 16 }, () => "puback"), "pingreq"]);
});

test("what is refused for lack of room leaves no trace, of any kind of packet", () => {
  for (const [name, write] of EVERY) {
    const { writer, link } = onLink(128, 0);
    while (writer.ack("puback", 1)) {}
    assert.equal(write(writer), name.includes("PINGREQ") || name.includes("DISCONNECT") ? write(writer) : false, name);
    link.room = 1000;
    writer.flush();
    for (const packet of parseSent(link.sent)) assert.equal(packet.cmd, "puback");
  }
});

test("a topic of the limit fits the smallest buffer with any payload, one longer never does", () => {
  const { writer, link } = onLink(128);
  assert.equal(writer.topicLimit, 128 - 64 - 9);
  const longest = encodeTopic("t".repeat(writer.topicLimit));
  for (const size of [0, 1, 1000, 300_000])
    assert.equal(writer.publish(longest, noise(size), 2, false, false, 1), true);
  assert.equal(parseSent(link.sent).length, 4);
  assert.equal(writer.publish(encodeTopic("t".repeat(writer.topicLimit + 4)), noise(10), 2, false, false, 1), false);
});

test("attach begins with nothing: neither bytes nor half a payload of the last connection", () => {
  const { writer } = onLink(128, 5);
  writer.publish(TOPIC, noise(3000), 0, false, false, 0);
  writer.hold();
  const link = new FakeTransport({ host: "h", port: 1 }, QUIET);
  link.opens();
  writer.attach(link);
  assert.deepEqual([writer.pending, writer.streaming, writer.holding], [false, false, false]);
  writer.ping();
  assert.deepEqual(parseSent(link.sent).map(told), ["PINGREQ"]);
});

test("whatever is written into whatever room, the far end reads whole packets in order", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const pick = (most: number) => Math.floor(random() * most);
    const { writer, link } = onLink(128 + pick(200), pick(50));
    const expected: string[] = [];
    for (let step = 0; step < 200; step++) {
      const id = step + 1;
      const kind = pick(8);
      if (kind < 3) {
        const payload = noise(pick(4) ? pick(60) : pick(900), id);
        if (writer.publish(TOPIC, payload, 1, false, false, id)) expected.push(`publish ${id} ${hexOf(payload)}`);
      } else if (kind < 5) {
        if (writer.ack("pubrel", id)) expected.push(`pubrel ${id} `);
      } else if (kind === 5) writer.hold();
      else if (kind === 6) writer.release();
      else {
        link.room = pick(300);
        if (!writer.holding) writer.flush();
      }
    }
    writer.release();
    link.room = 1_000_000;
    writer.flush();
    const read = parseSent(link.sent).map(
      ({ cmd, messageId, payload }) => `${cmd} ${messageId} ${payload ? hexOf(payload) : ""}`,
    );
    assert.deepEqual(read, expected, `seed ${seed}`);
  }
});

test("the buffer is used all the time: nothing is copied out of turn when bytes leave in between", () => {
  const { writer, link } = onLink(128, 3);
  const witness = new Witness();
  for (let id = 1; id <= 40; id++) {
    assert.equal(writer.ack("puback", id), true, `${id}`);
    link.room = 4;
    writer.flush();
  }
  link.room = 100;
  writer.flush();
  assert.equal(witness.read(joined(link.writes)).length, 40);
});

const READ: [string, Uint8Array, object][] = [
  ["CONNACK", connack(0, true), { cmd: "connack", returnCode: 0, sessionPresent: true }],
  ["CONNACK with a code nobody knows", connack(77), { cmd: "connack", returnCode: 77, sessionPresent: false }],
  ["PUBREC", hex("50 02 01 02"), { cmd: "pubrec", messageId: 258 }],
  ["SUBACK", suback(3, 0, 1, 2, 128), { cmd: "suback", messageId: 3, granted: [0, 1, 2, 128] }],
  ["PINGRESP", hex("d0 00"), { cmd: "pingresp" }],
];

for (const [name, bytes, fields] of READ) {
  test(`reads ${name}`, () => {
    const packet = new PacketReader().read(bytes);
    assert.ok(typeof packet === "object");
    assert.deepEqual({ ...packet, ...fields }, { ...packet });
  });
}

test("reads PUBLISH with its flags; the payload is a view of the frame", () => {
  const bytes = publish("é/鍵", "hello", { qos: 2, id: 513, dup: true, retain: true });
  const packet = new PacketReader().read(bytes);
  assert.ok(typeof packet === "object");
  const { topic, qos, messageId, dup, retain, payload } = packet;
  assert.deepEqual(
    { topic, qos, messageId, dup, retain },
    { topic: "é/鍵", qos: 2, messageId: 513, dup: true, retain: true },
  );
  assert.equal(Buffer.from(payload!).toString(), "hello");
});

const UNREADABLE: [string, Uint8Array, RegExp][] = [
  ["CONNACK with reserved flags [MQTT-2.2.2-1]", hex("20 02 02 00"), /connack flags/i],
  ["SUBACK with a reserved code [MQTT-3.9.3-2]", suback(1, 3), /suback/i],
  ["SUBACK with code 127", suback(1, 0, 127), /suback/i],
];

for (const [name, bytes, reason] of UNREADABLE) {
  test(`says what is wrong with ${name}, and reads the next frame as if nothing had been`, () => {
    const reader = new PacketReader();
    const fault = reader.read(bytes);
    assert.ok(typeof fault === "string");
    assert.match(fault, reason);
    const next = reader.read(hex("40 02 00 05"));
    assert.ok(typeof next === "object");
    assert.equal(next.messageId, 5);
  });
}
