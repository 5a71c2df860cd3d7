// wire/frame.ts: chunks in, whole frames out, and everything a server may not send refused by name.

import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameSplitter } from "../../src/wire/frame.ts";
import { feedAllWays, noise } from "../support/feed-all-ways.ts";
import { hex, joined, utf8 } from "../testing/bytes.ts";
import { connack, frame, pingresp, puback, publish, suback, varint } from "../testing/frames.ts";

const LIMIT = 64;

// What a splitter told, as text: frames by their bytes, so that a wrong view is seen.
function split(chunks: Uint8Array[], frameBytes = LIMIT): string[] {
  const told: string[] = [];
  const splitter = new FrameSplitter(
    {
      frame: bytes => told.push(`frame ${Buffer.from(bytes).toString("hex")}`),
      tooLarge: (head, size) => told.push(`too large ${Buffer.from(head).toString("hex")} of ${size}`),
      violation: reason => told.push(`violation ${reason}`),
    },
    frameBytes,
  );
  splitter.reset();
  for (const chunk of chunks) splitter.push(chunk);
  return told;
}

function asFrame(bytes: Uint8Array): string {
  return `frame ${Buffer.from(bytes).toString("hex")}`;
}

const NEIGHBOUR = { bytes: puback(7), adds: [asFrame(puback(7))] };

const WHOLE: [string, Uint8Array][] = [
  ["CONNACK", connack()],
  ["PUBLISH at QoS 0 without payload", publish("a", "")],
  ["PUBLISH at QoS 0", publish("a/b", "hello")],
  ["PUBLISH at QoS 1 with DUP and RETAIN", publish("a/b", "hello", { qos: 1, id: 65535, dup: true, retain: true })],
  ["PUBLISH at QoS 2", publish("a/b", "hello", { qos: 2, id: 256 })],
  ["PUBLISH of exactly the limit", publish("a", noise(LIMIT - 5))],
  ["PUBACK", puback(1)],
  ["PUBREC", hex("50 02 00 01")],
  ["PUBREL", hex("62 02 00 01")],
  ["PUBCOMP", hex("70 02 00 01")],
  ["SUBACK with three codes", suback(1, 0, 2, 128)],
  ["UNSUBACK", hex("b0 02 00 01")],
  ["PINGRESP", pingresp()],
  ["remaining length of four bytes that could be one", hex("40 82 80 80 00 00 01")],
];

for (const [name, bytes] of WHOLE) {
  test(`passes on ${name}, however it is cut`, () => {
    feedAllWays(bytes, chunks => split(chunks), [asFrame(bytes)], NEIGHBOUR);
  });
}

// Bytes, and why they are refused. Nothing behind them is read.
const REFUSED: [string, Uint8Array, string][] = [
  ["remaining length of five bytes", hex("30 80 80 80 80 01"), "remaining length of more than four bytes"],
  ["packet type 0", hex("00 00"), "packet type 0 from a server"],
  ["CONNECT", hex("10 00"), "packet type 1 from a server"],
  ["SUBSCRIBE", hex("82 00"), "packet type 8 from a server"],
  ["UNSUBSCRIBE", hex("a2 00"), "packet type 10 from a server"],
  ["PINGREQ", hex("c0 00"), "packet type 12 from a server"],
  ["DISCONNECT", hex("e0 00"), "packet type 14 from a server"],
  ["packet type 15", hex("f0 00"), "packet type 15 from a server"],
  ["CONNACK with flags", hex("21 02 00 00"), "flags 1 in packet type 2"],
  ["PUBACK with flags", hex("42 02 00 01"), "flags 2 in packet type 4"],
  ["PUBREC with flags", hex("52 02 00 01"), "flags 2 in packet type 5"],
  ["PUBREL without its flags", hex("60 02 00 01"), "flags 0 in packet type 6"],
  ["PUBCOMP with flags", hex("78 02 00 01"), "flags 8 in packet type 7"],
  ["SUBACK with flags", hex("92 03 00 01 00"), "flags 2 in packet type 9"],
  ["UNSUBACK with flags", hex("b2 02 00 01"), "flags 2 in packet type 11"],
  ["PINGRESP with flags", hex("d1 00"), "flags 1 in packet type 13"],
  ["PUBLISH with QoS 3", hex("36 05 00 01 61 00 01"), "PUBLISH with QoS 3"],
  ["PUBLISH with DUP at QoS 0", hex("38 03 00 01 61"), "PUBLISH with DUP at QoS 0"],
  ["empty CONNACK", hex("20 00"), "length 0 in packet type 2"],
  ["CONNACK of one byte", hex("20 01 00"), "length 1 in packet type 2"],
  ["CONNACK of three bytes", hex("20 03 00 00 00"), "length 3 in packet type 2"],
  ["PUBACK cut within its id", hex("40 01 00"), "length 1 in packet type 4"],
  ["PUBACK with a byte too many", hex("40 03 00 01 00"), "length 3 in packet type 4"],
  ["PUBREL without an id", hex("62 00"), "length 0 in packet type 6"],
  ["SUBACK without a code", hex("90 02 00 01"), "length 2 in packet type 9"],
  ["UNSUBACK with a byte too many", hex("b0 03 00 01 00"), "length 3 in packet type 11"],
  ["PINGRESP with a body", hex("d0 01 00"), "length 1 in packet type 13"],
  ["PUBLISH without a topic", hex("30 02 00 00"), "length 2 in packet type 3"],
  ["PUBLISH with an empty topic", hex("30 03 00 00 61"), "PUBLISH with an empty topic"],
  ["PUBLISH shorter than its topic", hex("30 03 00 09 61"), "PUBLISH shorter than its topic"],
  ["PUBLISH at QoS 1 cut before its id", hex("32 03 00 01 61"), "PUBLISH shorter than its topic and packet id"],
  ["PUBLISH at QoS 1 cut within its id", hex("32 04 00 01 61 00"), "PUBLISH shorter than its topic and packet id"],
  ["PUBLISH at QoS 1 with packet id 0", hex("32 05 00 01 61 00 00"), "PUBLISH with packet id 0"],
  ["PUBLISH at QoS 2 with packet id 0", hex("34 05 00 01 61 00 00"), "PUBLISH with packet id 0"],
  ["PUBACK with packet id 0", puback(0), "packet id 0 in packet type 4"],
  ["PUBREL with packet id 0", hex("62 02 00 00"), "packet id 0 in packet type 6"],
  ["SUBACK with packet id 0", suback(0, 1), "packet id 0 in packet type 9"],
  ["UNSUBACK with packet id 0", hex("b0 02 00 00"), "packet id 0 in packet type 11"],
  ["SUBACK above the limit", frame(0x90, noise(80)), "packet type 9 of 82 bytes, limit 64"],
];

for (const [name, bytes, reason] of REFUSED) {
  test(`refuses ${name}, however it is cut, and reads nothing more`, () => {
    feedAllWays(bytes, chunks => split(chunks), [`violation ${reason}`], { bytes: puback(7), adds: [] });
  });
}

function head(bytes: Uint8Array, length: number, size: number): string {
  return `too large ${Buffer.from(bytes.subarray(0, length)).toString("hex")} of ${size}`;
}

test("skips a PUBLISH above the limit at each QoS, however it is cut, and reads on behind it", () => {
  for (const qos of [0, 1, 2] as const) {
    const bytes = publish("a/b", noise(150), { qos, id: 9 });
    const headLength = 3 + 2 + 3 + (qos ? 2 : 0);
    feedAllWays(bytes, chunks => split(chunks), [head(bytes, headLength, bytes.length)], NEIGHBOUR);
  }
});

test("skips a PUBLISH one byte above the limit, and two in a row", () => {
  const bytes = publish("a", noise(LIMIT - 4));
  assert.equal(bytes.length, LIMIT + 1);
  const told = head(bytes, 5, LIMIT + 1);
  feedAllWays(joined([bytes, bytes]), chunks => split(chunks), [told, told], NEIGHBOUR);
});

const LARGE_REFUSED: [string, Uint8Array, string][] = [
  ["an empty topic", frame(0x30, hex("00 00"), noise(80)), "PUBLISH with an empty topic"],
  ["an empty topic at QoS 1", frame(0x32, hex("00 00"), noise(80)), "PUBLISH with an empty topic"],
  ["packet id 0", frame(0x32, hex("00 01 61 00 00"), noise(80)), "PUBLISH with packet id 0"],
  [
    "a topic that reaches behind its end",
    frame(0x30, hex("ff ff"), noise(80)),
    "PUBLISH shorter than its topic and packet id",
  ],
  ["a topic above the limit", frame(0x30, hex("00 46"), noise(90)), "topic of 74 bytes, limit 64"],
];

for (const [name, bytes, reason] of LARGE_REFUSED) {
  test(`refuses a PUBLISH above the limit with ${name}`, () => {
    feedAllWays(bytes, chunks => split(chunks), [`violation ${reason}`]);
  });
}

test("passes a frame that is a whole chunk on without a copy", () => {
  const chunk = puback(1);
  let same = false;
  const splitter = new FrameSplitter(
    {
      frame(bytes) {
        same = bytes === chunk;
      },
      tooLarge() {},
      violation() {},
    },
    LIMIT,
  );
  splitter.reset();
  splitter.push(chunk);
  assert.equal(same, true);
});

// Every array made with a length while `act` runs, in bytes.
function allocated(act: () => void): number[] {
  const original = globalThis.Uint8Array;
  const sizes: number[] = [];
  globalThis.Uint8Array = new Proxy(original, {
    construct(target, given, newTarget) {
      if (typeof given[0] === "number") sizes.push(given[0]);
      return Reflect.construct(target, given, newTarget) as object;
    },
  });
  try {
    act();
  } finally {
    globalThis.Uint8Array = original;
  }
  return sizes;
}

test("never holds more than the limit, whatever a header announces", () => {
  const listener = { frame() {}, tooLarge() {}, violation() {} };
  const announcing = (first: number, length: number) => joined([Uint8Array.of(first), varint(length)]);
  const inputs = [
    publish("a", noise(200)),
    publish("t".repeat(50), noise(500), { qos: 2 }),
    publish("t".repeat(5000), noise(500), { qos: 2 }),
    publish("a", noise(LIMIT - 5)),
    announcing(0x30, 268435455),
    joined([announcing(0x30, 268435455), hex("ff ff")]),
    announcing(0x90, 268435455),
  ];
  for (const input of inputs) {
    for (let cut = 1; cut < Math.min(input.length, 100); cut++) {
      const chunks = [input.slice(0, cut), input.slice(cut)];
      const sizes = allocated(() => {
        const splitter = new FrameSplitter(listener, LIMIT);
        splitter.reset();
        for (const chunk of chunks) splitter.push(chunk);
      });
      for (const size of sizes) assert.ok(size <= LIMIT, `${size} bytes for an input of ${input.length}`);
    }
  }
  // The counter does count: this frame comes in two chunks and needs its own size.
  const bytes = publish("a", noise(LIMIT - 5));
  const sizes = allocated(() => {
    const splitter = new FrameSplitter(listener, LIMIT);
    splitter.reset();
    splitter.push(bytes.subarray(0, 3));
  });
  assert.deepEqual(sizes, [LIMIT]);
});

test("an owner that stops it inside a frame hears nothing more of the chunk", () => {
  const told: Uint8Array[] = [];
  const splitter = new FrameSplitter(
    {
      frame(bytes) {
        told.push(bytes);
        splitter.stop();
      },
      tooLarge() {},
      violation() {},
    },
    LIMIT,
  );
  splitter.reset();
  splitter.push(joined([puback(1), puback(2)]));
  splitter.push(puback(3));
  assert.equal(told.length, 1);
});

test("reset forgets the frame under way, in every place it can be cut", () => {
  const bytes = publish("a/b", noise(100), { qos: 1 });
  for (let at = 1; at < bytes.length; at++) {
    const told: string[] = [];
    const splitter = new FrameSplitter(
      { frame: whole => told.push(asFrame(whole)), tooLarge: () => told.push("?"), violation: why => told.push(why) },
      LIMIT,
    );
    splitter.reset();
    splitter.push(bytes.subarray(0, at));
    splitter.reset();
    splitter.push(puback(1));
    assert.deepEqual(told, [asFrame(puback(1))], `cut at ${at}`);
  }
});

test("topics and payloads with any bytes pass as they are", () => {
  const bytes = publish("ключ/鍵/🔑", utf8("значение"));
  feedAllWays(bytes, chunks => split(chunks), [asFrame(bytes)], NEIGHBOUR);
});
