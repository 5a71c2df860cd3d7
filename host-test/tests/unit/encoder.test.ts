// wire/encoder.ts: packets to bytes, each whole or not at all, with room kept for control packets.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Encoder } from "../../../src/mqtt/wire/encoder.ts";
import { hex, utf8 } from "../../harness/testing/bytes.ts";
import { hexOf, onLink, TOPIC } from "../support/encoder-stage.ts";
import { noise } from "../support/feed-all-ways.ts";
import { parseSent } from "../support/witness.ts";

const EVERY: [string, (encoder: Encoder) => boolean, string][] = [
  [
    "CONNECT",
    encoder => encoder.connect({ clientId: "d", clean: true, keepalive: 60, username: "u", password: "p" }),
    "10 13 00 04 4d 51 54 54 04 c2 00 3c 00 01 64 00 01 75 00 01 70",
  ],
  [
    "CONNECT without credentials, durable",
    encoder => encoder.connect({ clientId: "d", clean: false, keepalive: 0 }),
    "10 0d 00 04 4d 51 54 54 04 00 00 00 00 01 64",
  ],
  [
    "CONNECT with a will",
    encoder =>
      encoder.connect({
        clientId: "",
        clean: true,
        keepalive: 1,
        will: { topic: "w", payload: utf8("!"), qos: 2, retain: true },
      }),
    "10 12 00 04 4d 51 54 54 04 36 00 01 00 00 00 01 77 00 01 21",
  ],
  ["PUBLISH at QoS 0", encoder => encoder.publish(TOPIC, utf8("hi"), 0, false, false, 0), "30 07 00 03 61 2f 62 68 69"],
  [
    "PUBLISH at QoS 1",
    encoder => encoder.publish(TOPIC, utf8("hi"), 1, false, false, 258),
    "32 09 00 03 61 2f 62 01 02 68 69",
  ],
  [
    "PUBLISH at QoS 2, DUP, RETAIN",
    encoder => encoder.publish(TOPIC, utf8("hi"), 2, true, true, 1),
    "3d 09 00 03 61 2f 62 00 01 68 69",
  ],
  [
    "PUBLISH without payload",
    encoder => encoder.publish(TOPIC, new Uint8Array(0), 0, true, false, 0),
    "31 05 00 03 61 2f 62",
  ],
  ["PUBACK", encoder => encoder.ack("puback", 1), "40 02 00 01"],
  ["PUBREC", encoder => encoder.ack("pubrec", 65535), "50 02 ff ff"],
  ["PUBREL", encoder => encoder.ack("pubrel", 256), "62 02 01 00"],
  ["PUBCOMP", encoder => encoder.ack("pubcomp", 1), "70 02 00 01"],
  [
    "SUBSCRIBE",
    encoder =>
      encoder.subscribe(7, [
        { topic: "a", qos: 1 },
        { topic: "#", qos: 2 },
      ]),
    "82 0a 00 07 00 01 61 01 00 01 23 02",
  ],
  ["UNSUBSCRIBE", encoder => encoder.unsubscribe(7, ["a", "#"]), "a2 08 00 07 00 01 61 00 01 23"],
  ["PINGREQ", encoder => encoder.ping(), "c0 00"],
  ["DISCONNECT", encoder => encoder.disconnect(), "e0 00"],
];

for (const [name, write, bytes] of EVERY) {
  test(`${name} is one write of exactly these bytes`, () => {
    const { encoder, buffer, link } = onLink(256);
    assert.equal(write(encoder), true);
    assert.deepEqual(link.writes.map(hexOf), [hexOf(hex(bytes))]);
    assert.equal(buffer.sentInHalf, true);
    assert.equal(buffer.pending, false);
  });
}

test("at least sixteen acknowledgements leave behind publishes that are jammed", () => {
  const { encoder, buffer, link } = onLink(128, 0);
  const payload = noise(8);
  let publishes = 0;
  while (encoder.publish(TOPIC, payload, 1, false, false, 100 + publishes)) publishes++;
  // Three whole ones of 17 bytes, and the head of a fourth whose payload stays with the caller.
  assert.equal(publishes, 4);
  assert.equal(buffer.streaming, true);
  let acks = 0;
  while (encoder.ack("puback", 1 + acks)) acks++;
  assert.equal(acks, Math.floor((128 - 3 * 17 - 9) / 4));
  assert.ok(acks >= 16);
  link.room = 1000;
  buffer.flush();
  const ids = parseSent(link.sent).map(packet => packet.messageId);
  assert.deepEqual(ids, [100, 101, 102, 103, ...Array.from({ length: acks }, (_, n) => n + 1)]);
});

test("what is refused for lack of room leaves no trace, of any kind of packet", () => {
  for (const [name, write] of EVERY) {
    const { encoder, buffer, link } = onLink(128, 0);
    while (encoder.ack("puback", 1)) {}
    assert.equal(
      write(encoder),
      name.includes("PINGREQ") || name.includes("DISCONNECT") ? write(encoder) : false,
      name,
    );
    link.room = 1000;
    buffer.flush();
    for (const packet of parseSent(link.sent)) assert.equal(packet.cmd, "puback");
  }
});

test("a topic of the limit fits the smallest buffer with any payload, one longer never does", () => {
  const { encoder, link } = onLink(128);
  assert.equal(encoder.topicLimit, 128 - 64 - 9);
  const longest = utf8("t".repeat(encoder.topicLimit));
  for (const size of [0, 1, 1000, 300_000])
    assert.equal(encoder.publish(longest, noise(size), 2, false, false, 1), true);
  assert.equal(parseSent(link.sent).length, 4);
  assert.equal(encoder.publish(utf8("t".repeat(encoder.topicLimit + 4)), noise(10), 2, false, false, 1), false);
});
