// Random packets of MQTT 3.1.1, as fast-check arbitraries.

import fc from "fast-check";
import type { ConnectPacket } from "../../../src/mqtt/wire/encoder.ts";

/** Any string. Some have unpaired surrogates, U+0000, or characters above U+FFFF. */
const text = (maxLength: number) =>
  fc.oneof(
    fc.string({ maxLength }),
    fc.string({ unit: "binary", maxLength }),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit)), maxLength }),
  );

const wellFormed = (maxLength: number) => text(maxLength).map(value => Buffer.from(value).toString());

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

/** Some packets have a remaining length just below, some just above the limit of one, two or three bytes of length. */
const payload = fc.oneof(
  bytes(200),
  fc.constantFrom(90, 100, 110, 120, 16_350, 16_370, 16_380, 16_390).map(size => new Uint8Array(size).fill(7)),
);

const id = fc.integer({ min: 1, max: 65_535 });
const qos = fc.constantFrom<0 | 1 | 2>(0, 1, 2);
const flag = fc.boolean();

const will = fc.record({
  topic: text(20).filter(topic => topic !== ""),
  payload: fc.oneof(bytes(30), text(20)),
  qos,
  retain: flag,
});

/** As src/mqtt/options.ts allows it: no password without user name, no empty client id unless the session is clean. */
const connect: fc.Arbitrary<{ cmd: "connect" } & ConnectPacket> = fc
  .record(
    {
      cmd: fc.constant("connect" as const),
      clientId: text(30),
      clean: flag,
      keepalive: fc.integer({ min: 0, max: 65_535 }),
      username: text(20),
      password: text(20),
      will,
    },
    { requiredKeys: ["cmd", "clientId", "clean", "keepalive"] },
  )
  .filter(({ clientId, clean }) => clean || clientId !== "")
  .map(({ password, ...packet }) =>
    packet.username === undefined || password === undefined ? packet : { ...packet, password },
  );

export const publish = fc.record({
  cmd: fc.constant("publish" as const),
  topic: text(40).map(topic => new TextEncoder().encode(topic)),
  payload,
  qos,
  retain: flag,
  dup: flag,
  messageId: id,
});

const acknowledgement = fc.record({ cmd: fc.constantFrom("puback", "pubrec", "pubrel", "pubcomp"), messageId: id });

const subscribe = fc.record({
  cmd: fc.constant("subscribe" as const),
  messageId: id,
  subscriptions: fc.array(fc.record({ topic: text(30), qos }), { minLength: 1, maxLength: 4 }),
});

const unsubscribe = fc.record({
  cmd: fc.constant("unsubscribe" as const),
  messageId: id,
  unsubscriptions: fc.array(text(30), { minLength: 1, maxLength: 4 }),
});

/** What src/mqtt/wire/encoder.ts can be asked for. refusals.test.ts has what it is never asked for. */
export const fromClient: fc.Arbitrary<object> = fc.oneof(
  connect,
  publish,
  acknowledgement,
  subscribe,
  unsubscribe,
  fc.constantFrom({ cmd: "pingreq" }, { cmd: "disconnect" }),
);

/** What a server sends. */
export const fromServer: fc.Arbitrary<object> = fc.oneof(
  fc.record({ cmd: fc.constant("connack"), sessionPresent: flag, returnCode: fc.integer({ min: 0, max: 5 }) }),
  fc.record({
    cmd: fc.constant("publish"),
    topic: wellFormed(40),
    payload,
    qos,
    retain: flag,
    dup: flag,
    messageId: id,
  }),
  acknowledgement,
  fc.record({
    cmd: fc.constant("suback"),
    messageId: id,
    granted: fc.array(fc.constantFrom(0, 1, 2, 128), { minLength: 1, maxLength: 5 }),
  }),
  fc.record({ cmd: fc.constant("unsuback"), messageId: id }),
  fc.constant({ cmd: "pingresp" }),
);

/** Whole frames, most of them malformed: any remaining length in any encoding, bodies of small numbers. */
export const malformedFrames: fc.Arbitrary<Uint8Array> = fc
  .record({
    first: fc.oneof(fc.integer({ min: 0x30, max: 0x3f }), fc.integer({ min: 0, max: 255 })),
    body: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 12 }), fc.integer({ min: 0, max: 255 })), {
      maxLength: 14,
    }),
    off: fc.constantFrom(0, 0, 0, 0, -1, 1, 2),
    padding: fc.constantFrom(0, 0, 0, 1, 2, 3, 4, 5),
  })
  .map(({ first, body, off, padding }) => {
    const length = Math.max(0, body.length + off);
    // With padding: the same number in more bytes than it needs.
    const encoded = padding ? [length | 128, ...Array(padding - 1).fill(128), 0] : [length];
    return Uint8Array.of(first, ...encoded, ...body);
  });
