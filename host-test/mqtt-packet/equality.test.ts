// The trimmed mqtt-packet and the published one agree: byte for byte in what they write, field for field in what they
// read, however the bytes are cut, and word for word in what they refuse. FUZZ_SEED repeats a run, FUZZ_RUNS lengthens it.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { PacketWriter } from "../../src/wire/packet.ts";
import { startXs } from "../xs/host.ts";
import { fromClient, fromServer, publish, strangeFrames, wrongFromClient } from "./packets.ts";
import { bundled, type MqttPacket, published, withBundled } from "./subjects.ts";

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x7fffffff);
const runs = Number(process.env.FUZZ_RUNS ?? 1500);
const parameters = { seed, numRuns: runs };

let trimmed: MqttPacket;
before(async () => {
  trimmed = await bundled();
  console.log(`seed ${seed}, ${runs} runs each`);
});

test("writing: the same bytes", () => {
  fc.assert(
    fc.property(fromClient, packet => assert.equal(written(trimmed, packet), written(published, packet))),
    parameters,
  );
});

// These two are written without mqtt-packet where there is room.
test("writing: the same PUBLISH, whatever room the buffer has", () => {
  fc.assert(
    fc.property(publish, fc.integer({ min: -8, max: 90 }), (packet, spare) => {
      const bytes = { topic: Buffer.from(packet.topic), payload: Buffer.from(packet.payload ?? "") };
      fc.pre(bytes.topic.length > 0);
      const expected = published.generate({ ...packet, ...bytes });
      const { qos = 0, retain = false, dup = false, messageId } = packet;
      const sent = sentBy(Math.max(128, bytes.topic.length + 73, expected.length + spare), writer =>
        writer.publish(bytes.topic, bytes.payload, qos as 0 | 1 | 2, retain, dup, messageId),
      );
      assert.equal(hex(sent), hex(expected));
    }),
    parameters,
  );
});

test("writing: the same acknowledgements", () => {
  for (const cmd of ["puback", "pubrec", "pubrel", "pubcomp"] as const) {
    for (const messageId of [1, 255, 256, 0x1234, 65535]) {
      const sent = sentBy(128, writer => writer.ack(cmd, messageId));
      assert.equal(hex(sent), hex(published.generate({ cmd, messageId })));
    }
  }
});

/** What a writer with a transmit buffer of so many bytes hands to its transport. */
function sentBy(bytes: number, write: (writer: PacketWriter) => boolean): Uint8Array {
  const writer = new PacketWriter(bytes);
  const chunks: Buffer[] = [];
  writer.attach({ writable: Number.POSITIVE_INFINITY, write: chunk => chunks.push(Buffer.from(chunk)), close() {} });
  assert.ok(write(writer));
  return Buffer.concat(chunks);
}

test("writing: the same refusals", () => {
  fc.assert(
    fc.property(wrongFromClient, packet => {
      const expected = written(published, packet);
      assert.match(expected, /^refused: /);
      assert.equal(written(trimmed, packet), expected);
    }),
    parameters,
  );
});

test("reading: the same packets, however they are cut", () => {
  fc.assert(
    fc.property(fc.array(fromServer, { minLength: 1, maxLength: 4 }), cuts, (packets, at) => {
      const stream = Buffer.concat(packets.map(packet => published.generate(packet)));
      const chunks = cut(stream, at);
      assert.deepEqual(read(trimmed, chunks), read(published, chunks));
    }),
    parameters,
  );
});

test("reading: the same of damaged packets", () => {
  fc.assert(
    fc.property(fc.array(fromServer, { minLength: 1, maxLength: 3 }), damage, cuts, (packets, blows, at) => {
      const stream = damaged(Buffer.concat(packets.map(packet => published.generate(packet))), blows);
      const chunks = cut(stream, at);
      const [ours, theirs] = untilMeantToDiffer(read(trimmed, chunks), read(published, chunks));
      assert.deepEqual(ours, theirs);
    }),
    parameters,
  );
});

test("reading: the same of whole frames that are hardly right", () => {
  fc.assert(
    fc.property(strangeFrames, frame => {
      const chunks = [Buffer.from(frame)];
      const [ours, theirs] = untilMeantToDiffer(read(trimmed, chunks), read(published, chunks));
      assert.deepEqual(ours, theirs);
    }),
    { ...parameters, numRuns: runs * 4 },
  );
});

test("reading: a payload is a view of the frame", () => {
  const frame = new Uint8Array(published.generate({ cmd: "publish", topic: "a", payload: "text", qos: 0 }));
  const parser = trimmed.parser({ protocolVersion: 4 });
  let payload: Uint8Array | undefined;
  parser.on("packet", ((packet: { payload: Uint8Array }) => {
    payload = packet.payload;
  }) as (value: never) => void);
  parser.parse(frame);
  assert.equal(payload?.buffer, frame.buffer);
});

test("reading: what comes after an error is read from its start", () => {
  const heard: unknown[] = [];
  const parser = trimmed.parser({ protocolVersion: 4 });
  parser.on("packet", ((packet: { cmd: string }) => heard.push(packet.cmd)) as (value: never) => void);
  parser.on("error", ((error: Error) => heard.push(error.message)) as (value: never) => void);
  parser.parse(Uint8Array.of(0x90, 3, 0, 1, 3));
  parser.parse(Uint8Array.of(0x20, 2, 0, 0));
  assert.deepEqual(heard, ["Invalid suback QoS, must be 0, 1, 2 or 128", "connack"]);
});

test("in XS: the same bytes and the same packets", async () => {
  // Not the largest: making hex of them is slow in there.
  const packets = fc
    .sample(fromClient, { seed, numRuns: 300 })
    .filter(packet => written(published, packet).length < 1000);
  const frames = fc
    .sample(fromServer, { seed, numRuns: 300 })
    .map(packet => hex(published.generate(packet)))
    .filter(frame => frame.length < 1000);
  const [writtenThere, readThere] = await withBundled(true, file => inXs(file, packets, frames), "xs-subject.ts");
  for (const [index, packet] of packets.entries()) assert.equal(writtenThere[index], written(published, packet));
  for (const [index, frame] of frames.entries()) {
    assert.deepEqual(readThere[index], read(published, [Buffer.from(frame, "hex")]));
  }
});

async function inXs(file: string, packets: object[], frames: string[]): Promise<[string[], unknown[]]> {
  const xs = await startXs({ modules: [file] });
  try {
    return [await xs.call("write", packets.map(withHex)), await xs.call("read", frames)];
  } finally {
    await xs.close();
  }
}

const cuts = fc.array(fc.nat(), { maxLength: 6 });
const damage = fc.array(fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }), cut: fc.boolean() }), {
  minLength: 1,
  maxLength: 3,
});

/** At each place, another byte, or the end of the stream. */
function damaged(stream: Buffer, blows: { at: number; to: number; cut: boolean }[]): Buffer {
  return blows.reduce((bytes, { at, to, cut }) => {
    if (bytes.length === 0) return bytes;
    // Most of what matters is at the front.
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

type Heard = { packet: Record<string, unknown> } | { error: string } | { left: number };

/**
 * All a parser says to these chunks, in order, up to the first error: there a connection ends. (The published one goes
 * on at a stale position.)
 */
function read(subject: MqttPacket, chunks: Uint8Array[]): Heard[] {
  const heard: Heard[] = [];
  const parser = subject.parser({ protocolVersion: 4 });
  parser.on("packet", ((packet: Record<string, unknown>) => {
    heard.push({ packet: plain(packet) });
  }) as (value: never) => void);
  parser.on("error", ((error: Error) => {
    heard.push({ error: error.message });
  }) as (value: never) => void);
  for (const chunk of chunks) {
    if (heard.some(thing => "error" in thing)) break;
    heard.push({ left: parser.parse(chunk) });
  }
  return heard;
}

/** Own fields with bytes as hex: a Packet, a Buffer and their plain counterparts look the same. */
function plain(packet: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(packet).map(([key, value]) => [key, value instanceof Uint8Array ? hex(value) : value]);
  return Object.fromEntries(entries);
}

/**
 * Both up to the first thing on which they are meant to differ: a topic that is not UTF-8 is refused where the published
 * one puts U+FFFD in it, and packets that only a server reads are not supported.
 */
function untilMeantToDiffer(ours: Heard[], theirs: Heard[]): [Heard[], Heard[]] {
  const at = ours.findIndex((heard, index) => {
    if (!("error" in heard)) return false;
    const other = theirs[index];
    if (heard.error === "Not supported") return !(other && "error" in other && other.error === heard.error);
    const packet = other && "packet" in other ? other.packet : {};
    return heard.error === "Cannot parse topic" && String(packet.topic).includes("\ufffd");
  });
  return at < 0 ? [ours, theirs] : [ours.slice(0, at), theirs.slice(0, at)];
}

function written(subject: MqttPacket, packet: object): string {
  try {
    return hex(subject.generate(packet));
  } catch (error) {
    return `refused: ${(error as Error).message}`;
  }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex");
}

/** As JSON can carry it: bytes as `{ hex }`. */
function withHex(packet: object): object {
  return JSON.parse(
    JSON.stringify(packet, (_key, value) => (value instanceof Uint8Array ? { hex: hex(value) } : value)),
  );
}
