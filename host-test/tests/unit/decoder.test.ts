// wire/decoder.ts: chunks in, packets out, and everything a server may not send refused by name.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Decoder, type DecoderListener, type Packet } from "../../../src/mqtt/wire/decoder.ts";
import { hex, joined, utf8 } from "../../harness/testing/bytes.ts";
import { connack, frame, pingresp, puback, publish, suback, varint } from "../../harness/testing/frames.ts";
import { feedAllWays, noise } from "../support/feed-all-ways.ts";

const LIMIT = 64;

function started(listener: DecoderListener, frameBytes = LIMIT): Decoder {
  const decoder = new Decoder(listener, frameBytes);
  decoder.reset();
  return decoder;
}

/** A packet as one line; payloads as hex. */
function shown(packet: Packet): string {
  const { cmd, messageId, topic, qos, dup, retain, payload, returnCode, sessionPresent, granted, oversize } = packet;
  const words = [cmd, messageId === undefined ? "" : `#${messageId}`];
  if (topic !== null) {
    const flags = `${dup ? " dup" : ""}${retain ? " retain" : ""}`;
    words.push(`${topic} QoS ${qos}${flags} ${Buffer.from(payload!).toString("hex")}`.trim());
  }
  if (returnCode !== undefined) words.push(`${returnCode}${sessionPresent ? " session" : ""}`);
  if (granted) words.push(granted.join());
  if (oversize !== undefined) words.push(`oversize ${oversize}`);
  return words.filter(Boolean).join(" ");
}

/** What a decoder makes of these chunks. */
function decode(chunks: Uint8Array[], frameBytes = LIMIT): string[] {
  const heard: string[] = [];
  const decoder = started(
    { packet: packet => heard.push(shown(packet)), protocolError: reason => heard.push(`error: ${reason}`) },
    frameBytes,
  );
  for (const chunk of chunks) decoder.push(chunk);
  return heard;
}

const NEIGHBOUR = { bytes: puback(7), adds: ["puback #7"] };

const WHOLE: [string, Uint8Array, string][] = [
  ["CONNACK", connack(), "connack 0"],
  ["CONNACK with session present", connack(0, true), "connack 0 session"],
  ["CONNACK with a code that the standard does not define", connack(77), "connack 77"],
  ["PUBLISH at QoS 0 without payload", publish("a", ""), "publish a QoS 0"],
  ["PUBLISH at QoS 0", publish("a/b", "hello"), "publish a/b QoS 0 68656c6c6f"],
  [
    "PUBLISH at QoS 1 with DUP and RETAIN",
    publish("a/b", "hi", { qos: 1, id: 65535, dup: true, retain: true }),
    "publish #65535 a/b QoS 1 dup retain 6869",
  ],
  ["PUBLISH at QoS 2", publish("a/b", "hi", { qos: 2, id: 256 }), "publish #256 a/b QoS 2 6869"],
  ["PUBLISH without payload at QoS 2", publish("a/b", "", { qos: 2, id: 1 }), "publish #1 a/b QoS 2"],
  [
    "PUBLISH of exactly the limit",
    publish("a", noise(LIMIT - 5)),
    `publish a QoS 0 ${Buffer.from(noise(LIMIT - 5)).toString("hex")}`,
  ],
  [
    "PUBLISH with topic and payload beyond ASCII",
    publish("ключ/鍵/🔑", utf8("значение")),
    `publish ключ/鍵/🔑 QoS 0 ${Buffer.from("значение").toString("hex")}`,
  ],
  ["PUBACK", puback(1), "puback #1"],
  ["PUBREC", hex("50 02 01 02"), "pubrec #258"],
  ["PUBREL", hex("62 02 00 01"), "pubrel #1"],
  ["PUBCOMP", hex("70 02 00 01"), "pubcomp #1"],
  ["SUBACK with four codes", suback(3, 0, 1, 2, 128), "suback #3 0,1,2,128"],
  ["UNSUBACK", hex("b0 02 00 01"), "unsuback #1"],
  ["PINGRESP", pingresp(), "pingresp"],
  ["remaining length of four bytes that could be one", hex("40 82 80 80 00 00 01"), "puback #1"],
];

for (const [name, bytes, expected] of WHOLE) {
  test(`passes on ${name}, however it is cut`, () => {
    feedAllWays(bytes, chunks => decode(chunks), [expected], NEIGHBOUR);
  });
}

test("passes on a PUBLISH with two bytes of remaining length, however it is cut", () => {
  const bytes = publish("a/b", noise(150), { qos: 1, id: 9 });
  const expected = `publish #9 a/b QoS 1 ${Buffer.from(noise(150)).toString("hex")}`;
  feedAllWays(bytes, chunks => decode(chunks, 1000), [expected], NEIGHBOUR);
});

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
  ["CONNACK with flags", hex("21 02 00 00"), "Invalid header flag bits, must be 0x0 for connack packet"],
  ["PUBACK with flags", hex("42 02 00 01"), "Invalid header flag bits, must be 0x0 for puback packet"],
  ["PUBREC with flags", hex("52 02 00 01"), "Invalid header flag bits, must be 0x0 for pubrec packet"],
  ["PUBREL without its flags", hex("60 02 00 01"), "Invalid header flag bits, must be 0x2 for pubrel packet"],
  ["PUBCOMP with flags", hex("78 02 00 01"), "Invalid header flag bits, must be 0x0 for pubcomp packet"],
  ["SUBACK with flags", hex("92 03 00 01 00"), "Invalid header flag bits, must be 0x0 for suback packet"],
  ["UNSUBACK with flags", hex("b2 02 00 01"), "Invalid header flag bits, must be 0x0 for unsuback packet"],
  ["PINGRESP with flags", hex("d1 00"), "Invalid header flag bits, must be 0x0 for pingresp packet"],
  ["PUBLISH with QoS 3", hex("36 05 00 01 61 00 01"), "Packet must not have both QoS bits set to 1"],
  ["PUBLISH with DUP at QoS 0", hex("38 03 00 01 61"), "DUP in a PUBLISH at QoS 0"],
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
  ["PUBLISH shorter than its topic", hex("30 03 00 09 61"), "Cannot parse topic"],
  ["PUBLISH at QoS 1 cut before its id", hex("32 03 00 01 61"), "publish without a packet identifier above 0"],
  ["PUBLISH at QoS 1 cut within its id", hex("32 04 00 01 61 00"), "publish without a packet identifier above 0"],
  ["PUBLISH at QoS 1 with packet id 0", hex("32 05 00 01 61 00 00"), "publish without a packet identifier above 0"],
  ["PUBLISH at QoS 2 with packet id 0", hex("34 05 00 01 61 00 00"), "publish without a packet identifier above 0"],
  ["PUBACK with packet id 0", puback(0), "puback without a packet identifier above 0"],
  ["PUBREL with packet id 0", hex("62 02 00 00"), "pubrel without a packet identifier above 0"],
  ["SUBACK with packet id 0", suback(0, 1), "suback without a packet identifier above 0"],
  ["UNSUBACK with packet id 0", hex("b0 02 00 00"), "unsuback without a packet identifier above 0"],
  [
    "CONNACK with reserved flags [MQTT-2.2.2-1]",
    hex("20 02 02 00"),
    "Invalid connack flags, bits 7-1 must be set to 0",
  ],
  ["SUBACK with a reserved code [MQTT-3.9.3-2]", suback(1, 3), "Invalid suback QoS, must be 0, 1, 2 or 128"],
  ["SUBACK with code 127", suback(1, 0, 127), "Invalid suback QoS, must be 0, 1, 2 or 128"],
  ["a topic that is not UTF-8 [MQTT-1.5.3-1]", hex("30 03 00 01 ff"), "Cannot parse topic"],
  ["a topic with U+0000 [MQTT-1.5.3-2]", publish("a\0", ""), "PUBLISH to a topic with a wildcard or U+0000"],
  ["a topic with # [MQTT-3.3.2-2]", publish("a/#", ""), "PUBLISH to a topic with a wildcard or U+0000"],
  ["a topic with + [MQTT-3.3.2-2]", publish("+/a", ""), "PUBLISH to a topic with a wildcard or U+0000"],
  ["SUBACK above the limit", frame(0x90, noise(80)), "packet type 9 of 82 bytes, limit 64"],
];

for (const [name, bytes, reason] of REFUSED) {
  test(`refuses ${name}, however it is cut, and reads nothing more`, () => {
    feedAllWays(bytes, chunks => decode(chunks), [`error: ${reason}`], { bytes: puback(7), adds: [] });
  });
}

test("skips the payload of a PUBLISH above the limit at each QoS, however it is cut, and reads on behind it", () => {
  for (const qos of [0, 1, 2] as const) {
    const bytes = publish("a/b", noise(150), { qos, id: 9 });
    const expected = `publish ${qos ? "#9 " : ""}a/b QoS ${qos} oversize ${bytes.length}`;
    feedAllWays(bytes, chunks => decode(chunks), [expected], NEIGHBOUR);
  }
});

test("skips the payload of a PUBLISH one byte above the limit, and of two in a row", () => {
  const bytes = publish("a", noise(LIMIT - 4));
  assert.equal(bytes.length, LIMIT + 1);
  const expected = `publish a QoS 0 oversize ${LIMIT + 1}`;
  feedAllWays(joined([bytes, bytes]), chunks => decode(chunks), [expected, expected], NEIGHBOUR);
});

test("passes on an oversize PUBLISH after its last byte, not before", () => {
  const bytes = publish("a", noise(100));
  assert.deepEqual(decode([bytes.subarray(0, bytes.length - 1)]), []);
});

const LARGE_REFUSED: [string, Uint8Array, string][] = [
  ["an empty topic", frame(0x30, hex("00 00"), noise(80)), "PUBLISH with an empty topic"],
  ["an empty topic at QoS 1", frame(0x32, hex("00 00 00 01"), noise(80)), "PUBLISH with an empty topic"],
  ["packet identifier 0", frame(0x32, hex("00 01 61 00 00"), noise(80)), "publish without a packet identifier above 0"],
  ["a topic that is not UTF-8", frame(0x30, hex("00 01 c0"), noise(80)), "Cannot parse topic"],
  ["a topic that ends behind the packet", frame(0x30, hex("ff ff"), noise(80)), "topic of 65535 bytes, limit 64"],
  ["a topic above the limit", frame(0x30, hex("00 46"), noise(90)), "topic of 70 bytes, limit 64"],
];

for (const [name, bytes, reason] of LARGE_REFUSED) {
  test(`refuses a PUBLISH above the limit with ${name}, before its payload is skipped`, () => {
    feedAllWays(bytes, chunks => decode(chunks), [`error: ${reason}`]);
    assert.deepEqual(decode([bytes.subarray(0, 80)]), [`error: ${reason}`]);
  });
}

test("checks a topic again after one that was refused", () => {
  const wrong = publish("a/#", "");
  const heard: string[] = [];
  const decoder = started({ packet: packet => heard.push(shown(packet)), protocolError: reason => heard.push(reason) });
  for (const bytes of [publish("a", ""), wrong, publish("a", ""), wrong]) {
    decoder.reset();
    decoder.push(bytes);
  }
  const refusal = "PUBLISH to a topic with a wildcard or U+0000";
  assert.deepEqual(heard, ["publish a QoS 0", refusal, "publish a QoS 0", refusal]);
});

test("parses a whole frame in place: the payload is a view of the chunk", () => {
  for (const size of [5, 40, 1000]) {
    const chunk = joined([puback(1), publish("a", noise(size), { qos: 1 })]);
    const buffers: unknown[] = [];
    const listener = {
      packet(packet: Packet) {
        if (packet.payload) buffers.push(packet.payload.buffer);
      },
      protocolError: assert.fail,
    };
    started(listener, 2000).push(chunk);
    assert.deepEqual(buffers, [chunk.buffer]);
  }
});

// Everything that is reachable from `root` by properties.
function reachable(root: object): object[] {
  const found = [root];
  for (const one of found) {
    if (ArrayBuffer.isView(one)) continue;
    for (const value of Object.values(one)) {
      if (typeof value === "object" && value !== null && !found.includes(value)) found.push(value);
    }
  }
  return found;
}

test("keeps nothing of a packet when its listener has returned", () => {
  const inputs = [
    publish("a/b", "hello", { qos: 1 }),
    publish("a/b", noise(150), { qos: 1 }), // oversize
    suback(1, 0, 1),
    connack(),
    hex("90 03 00 01 03"), // refused
  ];
  for (const input of inputs) {
    for (const cut of [input.length, 1, 7]) {
      const packets: Packet[] = [];
      const decoder = started({ packet: packet => packets.push(packet), protocolError() {} });
      // The counter does count: within a frame, there is a part of it.
      if (cut < 4) {
        decoder.push(input.subarray(0, cut));
        assert.ok(reachable(decoder).some(ArrayBuffer.isView));
        decoder.push(input.subarray(cut));
      } else for (let at = 0; at < input.length; at += cut) decoder.push(input.subarray(at, at + cut));
      const kept = reachable(decoder);
      assert.ok(!kept.some(one => ArrayBuffer.isView(one) || packets.includes(one as Packet)), `${input[0]}, ${cut}`);
    }
  }
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

test("never buffers more than the limit, whatever a header announces", () => {
  const listener = { packet() {}, protocolError() {} };
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
        const decoder = started(listener);
        for (const chunk of chunks) decoder.push(chunk);
      });
      for (const size of sizes) assert.ok(size <= LIMIT, `${size} bytes for an input of ${input.length}`);
    }
  }
  // The counter does count: this frame comes in two chunks and needs its own size.
  const bytes = publish("a", noise(LIMIT - 5));
  const sizes = allocated(() => {
    started(listener).push(bytes.subarray(0, 3));
  });
  assert.deepEqual(sizes, [LIMIT]);
});

test("a listener that stops it inside a chunk hears nothing more of the chunk", () => {
  for (const second of [puback(2), publish("a", noise(100)).subarray(0, 20), hex("00")]) {
    let heard = 0;
    const decoder: Decoder = started({
      packet() {
        heard++;
        decoder.stop();
      },
      protocolError: assert.fail,
    });
    decoder.push(joined([puback(1), second]));
    decoder.push(puback(3));
    assert.equal(heard, 1);
  }
});

test("reset discards the unfinished frame, wherever it is cut", () => {
  const bytes = publish("a/b", noise(100), { qos: 1 });
  for (let at = 1; at < bytes.length; at++) {
    for (const limit of [LIMIT, 200]) {
      const heard: string[] = [];
      const listener = { packet: (packet: Packet) => heard.push(shown(packet)), protocolError: assert.fail };
      const decoder = started(listener, limit);
      decoder.push(bytes.subarray(0, at));
      decoder.reset();
      decoder.push(puback(1));
      assert.deepEqual(heard, ["puback #1"], `cut at ${at}`);
    }
  }
});
