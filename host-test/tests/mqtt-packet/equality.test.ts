// The patched mqtt-packet generates the same bytes as the published one, and parses the same fields. Encoder and Decoder do
// so for any size of the transmit buffer and any cuts between chunks. The one difference: Decoder refuses what the standard
// forbids. FUZZ_SEED repeats a run, FUZZ_RUNS lengthens it.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { Decoder, type Packet } from "../../../src/mqtt/wire/decoder.ts";
import { Encoder } from "../../../src/mqtt/wire/encoder.ts";
import { SendBuffer } from "../../../src/mqtt/wire/send-buffer.ts";
import { fromClient, fromServer, malformedFrames, publish } from "./packets.ts";
import { bundled, type MqttPacket, published, withXs } from "./subjects.ts";

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x7fffffff);
const runs = Number(process.env.FUZZ_RUNS ?? 1500);
const parameters = { seed, numRuns: runs };

let patched: MqttPacket;
before(async () => {
  patched = await bundled();
  console.log(`seed ${seed}, ${runs} runs each`);
});

test("writing: the same bytes", () => {
  fc.assert(
    fc.property(fromClient, packet => assert.equal(written(patched, packet), written(published, packet))),
    parameters,
  );
});

test("writing: the same PUBLISH for any size of the transmit buffer", () => {
  fc.assert(
    fc.property(publish, fc.integer({ min: -8, max: 90 }), (packet, spare) => {
      const { topic, payload, qos, retain, dup, messageId } = packet;
      fc.pre(topic.length > 0);
      const expected = published.generate(packet);
      const sent = sentBy(Math.max(128, topic.length + 73, expected.length + spare), encoder =>
        encoder.publish(topic, payload, qos, retain, dup, messageId),
      );
      assert.equal(hex(sent), hex(expected));
    }),
    parameters,
  );
});

test("writing: the same acknowledgements", () => {
  for (const cmd of ["puback", "pubrec", "pubrel", "pubcomp"] as const) {
    for (const messageId of [1, 255, 256, 0x1234, 65535]) {
      const sent = sentBy(128, encoder => encoder.ack(cmd, messageId));
      assert.equal(hex(sent), hex(published.generate({ cmd, messageId })));
    }
  }
});

/** What an encoder with a transmit buffer of `bytes` hands to its transport. */
function sentBy(bytes: number, write: (encoder: Encoder) => boolean): Uint8Array {
  const buffer = new SendBuffer(bytes);
  const chunks: Buffer[] = [];
  buffer.attach({ writable: Number.POSITIVE_INFINITY, write: chunk => chunks.push(Buffer.from(chunk)), close() {} });
  assert.ok(write(new Encoder(buffer)));
  return Buffer.concat(chunks);
}

test("reading: the same packets, whole", () => {
  fc.assert(
    fc.property(fromServer, packet => {
      const frame = published.generate(packet);
      assert.deepEqual(read(patched, frame), read(published, frame));
    }),
    parameters,
  );
});

test("reading: the same packets for any cuts between chunks", () => {
  fc.assert(
    fc.property(fc.array(fromServer, { minLength: 1, maxLength: 4 }), cuts, (packets, at) => {
      const stream = Buffer.concat(packets.map(packet => published.generate(packet)));
      assertSame(decode(stream, at), read(published, stream));
    }),
    parameters,
  );
});

test("reading: the same from damaged packets", () => {
  fc.assert(
    fc.property(fc.array(fromServer, { minLength: 1, maxLength: 3 }), damage, cuts, (packets, changes, at) => {
      const stream = damaged(Buffer.concat(packets.map(packet => published.generate(packet))), changes);
      assertSame(decode(stream, at), read(published, stream));
    }),
    parameters,
  );
});

test("reading: the same from whole malformed frames", () => {
  fc.assert(
    fc.property(malformedFrames, frame => assertSame(decode(frame, []), read(published, frame))),
    { ...parameters, numRuns: runs * 4 },
  );
});

test("in XS: the same bytes and the same packets", async () => {
  // Below 1,000 bytes: conversion to hex is slow in XS.
  const packets = fc
    .sample(fromClient, { seed, numRuns: 300 })
    .filter(packet => written(published, packet).length < 1000);
  const frames = fc
    .sample(fromServer, { seed, numRuns: 300 })
    .map(packet => hex(published.generate(packet)))
    .filter(frame => frame.length < 1000);
  await withXs(true, "xs-subject.ts", async xs => {
    const writtenInXs = await xs.call("write", packets.map(withHex));
    assert.deepEqual(
      writtenInXs,
      packets.map(packet => written(published, packet)),
    );
    const readInXs = await xs.call("read", frames);
    assert.deepEqual(
      readInXs,
      frames.map(frame => read(published, Buffer.from(frame, "hex"))),
    );
  });
});

const cuts = fc.array(fc.nat(), { maxLength: 6 });
const damage = fc.array(fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() }), {
  minLength: 1,
  maxLength: 3,
});

/** Each change replaces one byte, or ends the stream there. */
function damaged(stream: Buffer, changes: { at: number; to: number; cut: boolean }[]): Buffer {
  return changes.reduce((bytes, { at, to, cut }) => {
    if (bytes.length === 0) return bytes;
    // In the first 60 bytes: headers matter more than payloads.
    const place = at % Math.min(bytes.length, 60);
    if (cut) return bytes.subarray(0, place);
    bytes[place] = to;
    return bytes;
  }, stream);
}

function cut(stream: Buffer, at: number[]): Buffer[] {
  const places = at.map(place => place % (stream.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((place, index) => stream.subarray(place, places[index] ?? stream.length));
}

type Result = { packet: Record<string, unknown> } | { error: string };

/** What a parser reports for this chunk, up to the first error, which ends a connection. */
function read(subject: MqttPacket, chunk: Uint8Array): Result[] {
  const results: Result[] = [];
  const parser = subject.parser({ protocolVersion: 4 });
  parser.on("packet", ((packet: Record<string, unknown>) => {
    results.push({ packet: plain(packet) });
  }) as (value: never) => void);
  parser.on("error", ((error: Error) => {
    results.push({ error: error.message });
  }) as (value: never) => void);
  parser.parse(chunk);
  return results;
}

const FRAME_BYTES = 100_000;

/**
 * What Decoder reports. Zeros follow the stream, because the published parser refuses some frames at their first byte, and
 * Decoder refuses all of them at their last.
 */
function decode(stream: Uint8Array, at: number[]): Result[] {
  const results: Result[] = [];
  const listener = {
    packet: (packet: Packet) => void results.push({ packet: plain(packet as object as Record<string, unknown>) }),
    protocolError: (error: string) => void results.push({ error }),
  };
  const decoder = new Decoder(listener, FRAME_BYTES);
  decoder.reset();
  for (const chunk of cut(Buffer.from(stream), at)) decoder.push(chunk);
  decoder.push(new Uint8Array(FRAME_BYTES));
  return results;
}

/** Decoder passes on the same packets as the published parser, up to the first that one of them refuses. */
function assertSame(ours: Result[], theirs: Result[]): void {
  for (const [index, expected] of theirs.entries()) {
    const result = ours[index];
    assert.ok(result, `nothing where the published parser has ${JSON.stringify(expected)}`);
    if ("error" in result) {
      const refused =
        "error" in expected || isAgainstStandard(expected.packet) || hasBytesOutsideUtf8(result, expected);
      return assert.ok(refused, `${result.error}: ${JSON.stringify(expected)}`);
    }
    assert.deepEqual(result, expected);
    assert.ok("packet" in expected && !isAgainstStandard(expected.packet), JSON.stringify(expected));
  }
  // The zeros that follow are no packet, but they may complete one.
  const more = ours.slice(theirs.length).filter(result => "packet" in result);
  assert.ok(more.length < 2, JSON.stringify(more));
}

/** Remaining length of each packet type that a server sends [MQTT 3.1.1, chapter 3]; 0: it varies. */
const LENGTHS: Record<string, number> = {
  connack: 2,
  publish: 0,
  puback: 2,
  pubrec: 2,
  pubrel: 2,
  pubcomp: 2,
  suback: 0,
  unsuback: 2,
};

function isAgainstStandard(packet: Record<string, unknown>): boolean {
  const { cmd, length, messageId, qos, dup, topic } = packet;
  if (cmd === "pingresp") return length !== 0;
  const right = LENGTHS[cmd as string];
  if (right === undefined || (right ? length !== right : (length as number) < 3)) return true;
  if (messageId !== undefined && (messageId as number) < 1) return true;
  // The published parser reads a packet identifier that lies beyond the end of the frame, in the bytes of the next one.
  if (cmd === "publish" && qos !== 0 && (length as number) < 4 + Buffer.byteLength(topic as string)) return true;
  return cmd === "publish" && ((dup === true && qos === 0) || topic === "" || /[+#\0]/.test(topic as string));
}

/** The published parser replaces them by U+FFFD. */
function hasBytesOutsideUtf8(ours: Result, theirs: Result): boolean {
  return (
    "error" in ours &&
    ours.error === "Cannot parse topic" &&
    "packet" in theirs &&
    String(theirs.packet.topic).includes("\ufffd")
  );
}

/** Own fields, bytes as hex, so that a Packet compares with an object and a Buffer with a Uint8Array. */
function plain(packet: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(packet).map(([key, value]) => [key, value instanceof Uint8Array ? hex(value) : value]);
  return Object.fromEntries(entries);
}

function written(subject: MqttPacket, packet: object): string {
  return hex(subject.generate(packet));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** Without bytes, which JSON cannot carry: `{ hex }` in their place. */
function withHex(packet: object): object {
  return JSON.parse(
    JSON.stringify(packet, (_key, value) => (value instanceof Uint8Array ? { hex: hex(value) } : value)),
  );
}
