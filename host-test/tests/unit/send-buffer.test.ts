// wire/send-buffer.ts: one write for a packet that fits, large payloads in pieces, everything in order.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Encoder } from "../../../src/mqtt/wire/encoder.ts";
import { SendBuffer } from "../../../src/mqtt/wire/send-buffer.ts";
import type { Transport } from "../../../src/ports.ts";
import { joined, utf8 } from "../../harness/testing/bytes.ts";
import { told } from "../../harness/testing/packets.ts";
import { seeded } from "../../harness/testing/random.ts";
import { hexOf, onLink, openTransport, TOPIC } from "../support/encoder-stage.ts";
import { noise } from "../support/feed-all-ways.ts";
import { parseSent, Witness } from "../support/witness.ts";

test("a packet of exactly the buffer less the reserve is one write; a byte more is the head, then the payload", () => {
  const { encoder, link } = onLink(256);
  const fitting = noise(256 - 64 - 8); // one header byte, two of length, two of topic length, three of topic
  encoder.publish(TOPIC, fitting, 0, false, false, 0);
  assert.equal(link.writes.length, 1);
  encoder.publish(TOPIC, noise(256 - 64 - 7), 0, false, false, 0);
  assert.deepEqual(
    link.writes.map(write => write.length),
    [192, 8, 185],
  );
});

for (const size of [128, 200, 1024]) {
  for (const room of [1, 7, 64, 1000, 1_000_000]) {
    test(`100 KB pass through a buffer of ${size} bytes and a transport that takes ${room} at a time`, () => {
      const { encoder, buffer, link } = onLink(size, room);
      const payload = noise(100_000);
      assert.equal(encoder.publish(TOPIC, payload, 1, false, false, 9), true);
      let drains = 0;
      for (; buffer.streaming; drains++) {
        link.room = room;
        buffer.flush();
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
  const buffer = new SendBuffer(128);
  const encoder = new Encoder(buffer);
  buffer.attach(transport);
  encoder.publish(TOPIC, payload, 0, false, false, 0);
  assert.ok(parts.length > 8);
  for (const part of parts.slice(1)) assert.equal(part.buffer, payload.buffer);
});

test("packets written while corked leave as one write", () => {
  const { encoder, buffer, link } = onLink(256);
  buffer.corked = true;
  for (let id = 1; id <= 5; id++) encoder.ack("puback", id);
  assert.equal(link.writes.length, 0);
  buffer.corked = false;
  buffer.flush();
  assert.deepEqual(
    link.writes.map(write => parseSent(write).map(told)),
    [["PUBACK #1", "PUBACK #2", "PUBACK #3", "PUBACK #4", "PUBACK #5"]],
  );
});

test("more packets than the corked buffer takes leave in order, in as few writes as possible", () => {
  const { encoder, buffer, link } = onLink(128);
  buffer.corked = true;
  for (let id = 1; id <= 100; id++) assert.equal(encoder.ack("puback", id), true);
  buffer.corked = false;
  buffer.flush();
  assert.deepEqual(
    parseSent(link.sent).map(packet => packet.messageId),
    Array.from({ length: 100 }, (_, n) => n + 1),
  );
  assert.equal(link.writes.length, Math.ceil(400 / 128));
});

test("a jammed payload takes no room from control packets; they leave right behind it", () => {
  const { encoder, buffer, link } = onLink(128, 10);
  encoder.publish(TOPIC, noise(3000), 0, false, false, 0);
  assert.equal(encoder.publish(TOPIC, utf8("no"), 0, false, false, 0), false);
  for (let id = 1; id <= 16; id++) assert.equal(encoder.ack("puback", id), true);
  assert.equal(encoder.ping(), true);
  while (buffer.pending) {
    link.room = 50;
    buffer.flush();
  }
  const packets = parseSent(link.sent).map(packet => packet.cmd);
  assert.deepEqual(packets, ["publish", ...Array.from({ length: 16 }, () => "puback"), "pingreq"]);
});

test("the last byte of a streamed payload ends the stream, not the one before", () => {
  for (const size of [58, 64, 120]) {
    const { encoder, buffer, link } = onLink(128, 8); // room for the head: 2 + 2 + 3 bytes, and 1 byte of payload
    assert.equal(encoder.publish(TOPIC, noise(size), 0, false, false, 0), true);
    assert.equal(buffer.streaming, true);
    link.room = size - 2;
    buffer.flush();
    assert.equal(buffer.streaming, true);
    buffer.sentInHalf = false;
    link.room = 1;
    buffer.flush();
    assert.deepEqual([buffer.streaming, buffer.pending, buffer.sentInHalf], [false, false, true]);
    assert.ok(parseSent(link.sent)[0]!.payload!.equals(noise(size)));
  }
});

test("attach begins with nothing: neither bytes nor half a payload of the last connection", () => {
  const { encoder, buffer } = onLink(128, 5);
  encoder.publish(TOPIC, noise(3000), 0, false, false, 0);
  buffer.corked = true;
  const link = openTransport();
  buffer.attach(link);
  assert.deepEqual([buffer.pending, buffer.streaming, buffer.corked], [false, false, false]);
  encoder.ping();
  assert.deepEqual(parseSent(link.sent).map(told), ["PINGREQ"]);
});

test("whatever is written into whatever room, the far end reads whole packets in order", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const random = seeded(seed);
    const pick = (most: number) => Math.floor(random() * most);
    const { encoder, buffer, link } = onLink(128 + pick(200), pick(50));
    const expected: string[] = [];
    for (let step = 0; step < 200; step++) {
      const id = step + 1;
      const kind = pick(8);
      if (kind < 3) {
        const payload = noise(pick(4) ? pick(60) : pick(900), id);
        if (encoder.publish(TOPIC, payload, 1, false, false, id)) expected.push(`publish ${id} ${hexOf(payload)}`);
      } else if (kind < 5) {
        if (encoder.ack("pubrel", id)) expected.push(`pubrel ${id} `);
      } else if (kind === 5) buffer.corked = true;
      else if (kind === 6) {
        buffer.corked = false;
        buffer.flush();
      } else {
        link.room = pick(300);
        if (!buffer.corked) buffer.flush();
      }
    }
    buffer.corked = false;
    buffer.flush();
    link.room = 1_000_000;
    buffer.flush();
    const read = parseSent(link.sent).map(
      ({ cmd, messageId, payload }) => `${cmd} ${messageId} ${payload ? hexOf(payload) : ""}`,
    );
    assert.deepEqual(read, expected, `seed ${seed}`);
  }
});

test("the buffer is used all the time: nothing is copied out of turn when bytes leave in between", () => {
  const { encoder, buffer, link } = onLink(128, 3);
  const witness = new Witness();
  for (let id = 1; id <= 40; id++) {
    assert.equal(encoder.ack("puback", id), true, `${id}`);
    link.room = 4;
    buffer.flush();
  }
  link.room = 100;
  buffer.flush();
  assert.equal(witness.read(joined(link.writes)).length, 40);
});
