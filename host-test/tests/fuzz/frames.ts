// The bytes of a planned packet, right or damaged.

import type { Blow, FrameSpec, PublishSpec } from "./plan.ts";
import { encodeText } from "./text.ts";

/** What ids depend on: messages of the client in flight, and ids the client holds of ours. */
export interface Known {
  /** Packet id and the type it waits for. */
  inflight(nth: number): { id: number; awaits: number } | undefined;
  unreleased(nth: number): number | undefined;
  subscribeId(): number;
  /** A new id for a message of the server. */
  newId(): number;
}

const long = "x".repeat(300);
const FORMATS = ["json", "raw", "utf8", "json-iotf"];

/** Topics of the server's messages as bytes. The first {@link COMMANDS} are commands. */
export const TOPICS: readonly number[][] = [
  ...FORMATS.map(format => encodeText(`iot-2/cmd/set/fmt/${format}`)),
  encodeText("iot-2/cmd/setInterval/fmt/json"),
  encodeText("iot-2/cmd/ключ/fmt/raw"),
  encodeText("iot-2/cmd/🔑/fmt/utf8"),
  encodeText("iot-2/cmd/\ufeff\uffff/fmt/raw"),
  encodeText("iot-2/cmd/x/fmt/xml"),
  encodeText("iot-2/cmd//fmt/json"),
  encodeText("iot-2/cmd/x/fmt"),
  encodeText("a"),
  encodeText(`iot-2/cmd/${long}/fmt/raw`),
  encodeText("iot-2/cmd/+/fmt/raw"),
  encodeText("iot-2/#"),
  encodeText("iot-2/cmd/a\0b/fmt/raw"),
  [...encodeText("iot-2/cmd/"), 0xc0, 0x80, ...encodeText("/fmt/raw")],
  [...encodeText("iot-2/cmd/"), 0xed, 0xa0, 0x80, ...encodeText("/fmt/raw")],
  [...encodeText("iot-2/cmd/"), 0xf4, 0x90, 0x80, 0x80, ...encodeText("/fmt/raw")],
  [...encodeText("iot-2/cmd/"), 0xed, 0x27, 0xa9, ...encodeText("/fmt/raw")],
  [...encodeText("iot-2/cmd/"), 0xf4, 0x20, 0x9d, 0xb0, ...encodeText("/fmt/raw")],
  [...encodeText("iot-2/cmd/x/fmt/ra"), 0xe2, 0x82],
  [0xff],
  [],
];
export const COMMANDS = 8;

/** Names of events that the client publishes. */
export const EVENT_NAMES: readonly string[] = ["status", "ключ", "a", "b".repeat(30)];

/** Undefined: there is nothing to answer. */
export function bytesOf(spec: FrameSpec, known: Known, random: () => number): number[] | undefined {
  switch (spec.type) {
    case "connack":
      return [0x20, 2, spec.flags, spec.code];
    case "publish":
      return publishBytes(spec, known, random);
    case "ack": {
      const message = known.inflight(spec.nth);
      return message && withId(spec.wrong || message.awaits, message.id);
    }
    case "stray":
      return withId(spec.packet, spec.id);
    case "pubrel": {
      const id = known.unreleased(spec.nth);
      return id === undefined ? undefined : withId(6, id);
    }
    case "suback":
      return [0x90, 2 + spec.codes.length, known.subscribeId() >> 8, known.subscribeId() & 255, ...spec.codes];
    case "pingresp":
      return [0xd0, 0];
    case "raw":
      return spec.bytes;
  }
}

function withId(type: number, id: number): number[] {
  const flags = type === 6 ? 2 : 0;
  const more = type === 9 ? [1] : [];
  return [(type << 4) | flags, 2 + more.length, id >> 8, id & 255, ...more];
}

function publishBytes(spec: PublishSpec, known: Known, random: () => number): number[] {
  const topic = TOPICS[spec.topic]!;
  const head = [topic.length >> 8, topic.length & 255, ...topic];
  if (spec.qos) {
    const id = (spec.id < 0 ? undefined : known.unreleased(spec.id)) ?? known.newId();
    head.push(id >> 8, id & 255);
  }
  const size = spec.size < 0 ? payloadSize(-spec.size, head.length) : spec.size;
  const payload = spec.noise ? noise(size, random) : meaning(FORMATS[spec.topic] ?? "json", size, random() & 255);
  const first = 0x30 | (spec.dup ? 8 : 0) | (spec.qos << 1) | (spec.retain ? 1 : 0);
  return [first, ...varint(head.length + payload.length), ...head, ...payload];
}

function payloadSize(frame: number, head: number): number {
  const header = frame < 130 ? 2 : frame < 16387 ? 3 : 4;
  return Math.max(0, frame - header - head);
}

function noise(size: number, random: () => number): number[] {
  const bytes: number[] = [];
  while (bytes.length < size) bytes.push(random() & 255);
  return bytes;
}

// What the format can read, as long as asked for; an unfinished text where that is too short.
function meaning(format: string, size: number, value: number): number[] {
  if (format === "raw") return new Array<number>(size).fill(value);
  const text = format === "utf8" ? "π😀" : format === "json" ? `{"value":${value}}` : `{"d":${value},"ts":"${TIME}"}`;
  const bytes = encodeText(text);
  const end = size < bytes.length && value & 1 ? size : Math.max(size, bytes.length);
  while (bytes.length < end) bytes.push(0x20);
  return bytes.slice(0, end);
}

const TIME = "2017-03-14T01:02:03.456000+00:00";

export function varint(value: number, least = 1): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const more = rest > 127 || bytes.length + 1 < least;
    bytes.push((rest & 127) | (more ? 128 : 0));
    rest >>>= 7;
  } while (rest > 0 || bytes.length < least);
  return bytes;
}

export function struck(bytes: number[], blows: readonly Blow[]): number[] {
  let result = bytes.slice();
  for (const blow of blows) if (result.length) result = hit(result, blow);
  return result;
}

function hit(bytes: number[], blow: Blow): number[] {
  const at = "at" in blow ? blow.at % bytes.length : 0;
  let body = 1;
  while (body < 5 && bytes[body]! > 127) body++;
  body++;
  const rest = bytes.slice(body);
  switch (blow.how) {
    case "flip":
      bytes[at]! ^= 1 << blow.bit;
      return bytes;
    case "set":
      bytes[at] = blow.to;
      return bytes;
    case "cut":
      return bytes.slice(0, at);
    case "insert":
      return [...bytes.slice(0, at), ...blow.bytes, ...bytes.slice(at)];
    case "delete":
      return [...bytes.slice(0, at), ...bytes.slice(at + blow.count)];
    case "length":
      return [bytes[0]!, ...varint(Math.max(0, rest.length + blow.by)), ...rest];
    case "announce":
      return [bytes[0]!, ...varint(blow.length), ...rest];
    case "pad":
      return [bytes[0]!, ...varint(rest.length, blow.bytes), ...rest];
    case "first":
      return [blow.to, ...bytes.slice(1)];
    case "no-id":
      return withoutId(bytes, body);
  }
}

function withoutId(bytes: number[], body: number): number[] {
  const at = bytes[0]! >> 4 === 3 ? body + 2 + bytes[body]! * 256 + bytes[body + 1]! : body;
  if (at + 1 < bytes.length) bytes[at] = bytes[at + 1] = 0;
  return bytes;
}
