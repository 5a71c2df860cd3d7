// Random packets of MQTT 3.1.1, as fast-check arbitraries.

import fc from "fast-check";

/** Any string, unpaired surrogates, NUL and astral characters among them. */
const text = (maxLength: number) =>
  fc.oneof(
    fc.string({ maxLength }),
    fc.string({ unit: "binary", maxLength }),
    fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit)), maxLength }),
  );

const wellFormed = (maxLength: number) => text(maxLength).map(value => Buffer.from(value).toString());

const bytes = (maxLength: number) => fc.uint8Array({ maxLength });

/** Payloads whose packets have a length just below and above what one more byte of length says. */
const payload = fc.oneof(
  bytes(200),
  fc.constantFrom(90, 100, 110, 120, 16_350, 16_370, 16_380, 16_390).map(size => new Uint8Array(size).fill(7)),
);

const id = fc.integer({ min: 1, max: 65_535 });
const qos = fc.constantFrom(0, 1, 2);
const flag = fc.boolean();

const will = fc.record(
  {
    topic: text(20).filter(topic => topic !== ""),
    payload: fc.oneof(bytes(30), text(20)),
    qos,
    retain: flag,
  },
  { requiredKeys: ["topic"] },
);

const connect = fc
  .record(
    {
      protocolId: fc.constantFrom("MQTT", "MQIsdp"),
      protocolVersion: fc.constantFrom(3, 4),
      clean: flag,
      keepalive: fc.integer({ min: 0, max: 65_535 }),
      clientId: fc.oneof(text(30), bytes(20)),
      username: fc.oneof(text(20), bytes(20)),
      password: fc.oneof(text(20), bytes(20)),
      will,
    },
    { requiredKeys: [] },
  )
  .map(packet => ({ cmd: "connect", ...packet }));

export const publish = fc
  .record(
    {
      topic: fc.oneof(text(40), bytes(40)),
      payload: fc.oneof(payload, text(100)),
      qos,
      retain: flag,
      dup: flag,
      messageId: id,
    },
    { requiredKeys: ["topic", "messageId"] },
  )
  .map(packet => ({ cmd: "publish", ...packet }));

const acknowledgement = fc.record({ cmd: fc.constantFrom("puback", "pubrec", "pubrel", "pubcomp"), messageId: id });

const subscribe = fc
  .record({
    messageId: id,
    subscriptions: fc.array(fc.record({ topic: text(30), qos }), { minLength: 1, maxLength: 4 }),
  })
  .map(packet => ({ cmd: "subscribe", ...packet }));

const unsubscribe = fc
  .record({ messageId: id, unsubscriptions: fc.array(text(30), { minLength: 1, maxLength: 4 }) })
  .map(packet => ({ cmd: "unsubscribe", ...packet }));

/** What a client sends. */
export const fromClient: fc.Arbitrary<object> = fc.oneof(
  connect,
  publish,
  acknowledgement,
  subscribe,
  unsubscribe,
  fc.constantFrom({ cmd: "pingreq" }, { cmd: "disconnect" }),
);

/** What a client would be wrong to send; each is refused by name. */
export const wrongFromClient: fc.Arbitrary<object> = fc.oneof(
  fc.constantFrom({}, { cmd: "nonsense" }, { cmd: "publish" }, { cmd: "publish", topic: 5, payload: "x" }),
  fc
    .tuple(publish, fc.constantFrom(undefined, "7", null))
    .map(([packet, messageId]) => ({ ...packet, qos: 1, messageId })),
  fc.tuple(acknowledgement, fc.constantFrom(undefined, "7")).map(([packet, messageId]) => ({ ...packet, messageId })),
  fc.tuple(connect, fc.constantFrom(-1, 65_536, 1.5, "60")).map(([packet, keepalive]) => ({ ...packet, keepalive })),
  connect.map(packet => ({ ...packet, clientId: "", clean: false })),
  connect.map(({ username, ...packet }) => ({ ...packet, password: "secret" })),
  fc.constantFrom<object>(
    { cmd: "subscribe", messageId: 1 },
    { cmd: "subscribe", messageId: 1, subscriptions: [] },
    { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: 5, qos: 0 }] },
    { cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a" }] },
    { cmd: "unsubscribe", messageId: 1 },
    { cmd: "unsubscribe", messageId: 1, unsubscriptions: [5] },
  ),
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

/** Frames that come whole, but hardly one that is right: any length said in any way, bodies of small numbers. */
export const strangeFrames: fc.Arbitrary<Uint8Array> = fc
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
    // The same number, said in more bytes than it needs.
    const said = padding ? [length | 128, ...Array(padding - 1).fill(128), 0] : [length];
    return Uint8Array.of(first, ...said, ...body);
  });
