// What a server's bytes are, by the letter of MQTT 3.1.1 and with nothing of src: whole packets, and the first byte range
// that no client may take. Written for clarity; it keeps the whole stream.
//
// Two things are not the standard's but this client's: a packet larger than `frameBytes` is refused unless it is a
// PUBLISH, and then its topic has to fit.

import { decodeText } from "./text.ts";

export interface ServerPacket {
  type: number;
  first: number;
  /** Of the whole frame. */
  size: number;
  /** 0 where the packet has none. */
  id: number;
  qos: number;
  topic: string;
  payload: Uint8Array;
  /** Return codes of SUBACK; flags and code of CONNACK. */
  codes: number[];
  /** A PUBLISH over the limit: announced, not delivered. */
  oversize: boolean;
}

/** Every text that names what is wrong with this frame. */
export type Faults = RegExp[];

export interface Verdict {
  packet?: ServerPacket;
  faults?: Faults;
}

export const CONNACK = 2;
export const PUBLISH = 3;
export const PUBACK = 4;
export const PUBREC = 5;
export const PUBREL = 6;
export const PUBCOMP = 7;
export const SUBACK = 9;
export const UNSUBACK = 11;
export const PINGRESP = 13;

const NOTHING = new Uint8Array(0);

export class ServerStream {
  private readonly frameBytes: number;
  private bytes = new Uint8Array(1024);
  private end = 0;
  // Where the frame under way starts.
  private at = 0;
  private refused = false;

  constructor(frameBytes: number) {
    this.frameBytes = frameBytes;
  }

  /** What is decided by these bytes; nothing after the first fault. */
  push(chunk: Uint8Array): Verdict[] {
    this.append(chunk);
    const verdicts: Verdict[] = [];
    while (!this.refused) {
      const verdict = this.next();
      if (!verdict) break;
      verdicts.push(verdict);
      if (verdict.faults) this.refused = true;
    }
    return verdicts;
  }

  /** Of a frame that is not whole: what is wrong with it whatever may follow. */
  get doom(): Faults {
    const header = this.header();
    if (this.refused || !header || header.urgent.length) return [];
    const faults = flagFaults(this.bytes[this.at]!);
    if (this.bytes[this.at]! >> 4 !== PUBLISH) return faults;
    const bytes = this.bytes.subarray(0, this.end);
    return [...faults, ...publishFaults(bytes, this.at, header.body, header.length, this.frameBytes)];
  }

  private append(chunk: Uint8Array): void {
    const needed = this.end - this.at + chunk.length;
    const room = needed > this.bytes.length ? new Uint8Array(needed * 2) : this.bytes;
    if (room !== this.bytes || this.end + chunk.length > room.length) {
      room.set(this.bytes.slice(this.at, this.end));
      this.end -= this.at;
      this.at = 0;
      this.bytes = room;
    }
    this.bytes.set(chunk, this.end);
    this.end += chunk.length;
  }

  private next(): Verdict | undefined {
    const header = this.header();
    if (!header) return undefined;
    if (header.urgent.length) return { faults: header.urgent };
    const start = this.at;
    const end = header.body + header.length;
    if (end > this.end) return undefined;
    const frame = this.bytes.slice(start, end);
    this.at = end;
    const faults = flagFaults(frame[0]!);
    return faults.length ? { faults } : packetOf(frame, header.body - start, this.frameBytes);
  }

  // The fixed header, once it is whole. `urgent`: faults for which a client may not wait for the rest of the packet.
  private header(): { body: number; length: number; urgent: Faults } | undefined {
    let length = 0;
    let weight = 1;
    for (let i = 1; i <= 4; i++) {
      if (this.at + i >= this.end) return undefined;
      const byte = this.bytes[this.at + i]!;
      length += (byte & 127) * weight;
      weight *= 128;
      if (byte < 128) {
        const urgent = lengthFaults(this.bytes[this.at]! >> 4, length, 1 + i + length, this.frameBytes);
        return { body: this.at + 1 + i, length, urgent };
      }
    }
    return { body: 0, length: 0, urgent: [/remaining length of more than four bytes/] };
  }
}

/** What a server may send, by type: fixed flags, and least and greatest remaining length. Table 2.1, 2.2. */
const SHAPES: readonly (readonly [number, number, number] | undefined)[] = [
  undefined,
  undefined,
  [0, 2, 2],
  // Flags vary. The least is a topic of one character.
  [0, 3, 268435455],
  [0, 2, 2],
  [0, 2, 2],
  [2, 2, 2],
  [0, 2, 2],
  undefined,
  [0, 3, 268435455],
  undefined,
  [0, 2, 2],
  undefined,
  [0, 0, 0],
  undefined,
  undefined,
];
const FLAGS = /Invalid header flag bits, must be 0x\d for \w+ packet/;

function lengthFaults(type: number, length: number, size: number, frameBytes: number): Faults {
  const shape = SHAPES[type];
  if (!shape) return [new RegExp(`packet type ${type} from a server`)];
  const faults: Faults = [];
  if (length < shape[1] || length > shape[2]) {
    faults.push(new RegExp(`length ${length} in packet type ${type}`));
  }
  if (type !== PUBLISH && size > frameBytes) {
    faults.push(new RegExp(`packet type ${type} of ${size} bytes, limit ${frameBytes}`));
  }
  return faults;
}

// What is wrong with the first byte. A client may wait for the rest of the packet before it says so.
function flagFaults(first: number): Faults {
  const type = first >> 4;
  if (type !== PUBLISH) return (first & 15) === SHAPES[type]![0] ? [] : [FLAGS];
  const qos = (first >> 1) & 3;
  // The topic of a packet above `frameBytes` is measured before the packet is parsed.
  const topicLimit = /topic of \d+ bytes, limit/;
  if (qos === 3) return [/must not have both QoS bits set to 1/, topicLimit];
  // mqtt-packet accepts it: what else is wrong with the packet is found first.
  const found = [/DUP in a PUBLISH at QoS 0/, /Cannot parse topic/, /empty topic|wildcard/, topicLimit];
  return qos === 0 && first & 8 ? found : [];
}

// As far as the bytes go: of a frame that is cut, only what cannot be mended by what follows.
function publishFaults(bytes: Uint8Array, start: number, body: number, length: number, frameBytes: number): Faults {
  if (bytes.length < body + 2) return [];
  const faults: Faults = [];
  const withId = (bytes[start]! & 6) !== 0;
  const topicLength = bytes[body]! * 256 + bytes[body + 1]!;
  const headLength = 2 + topicLength + (withId ? 2 : 0);
  const idAt = body + 2 + topicLength;
  const oversize = body - start + length > frameBytes;
  if (topicLength === 0) faults.push(/PUBLISH with an empty topic/);
  if (headLength > length) faults.push(/Cannot parse topic|publish without a packet identifier/);
  if (oversize && body - start + headLength > frameBytes) faults.push(/topic of \d+ bytes, limit/);
  else if (headLength <= length && withId && idAt + 2 <= bytes.length && bytes[idAt] === 0 && bytes[idAt + 1] === 0) {
    faults.push(/publish without a packet identifier/);
  }
  if (headLength <= length && idAt <= bytes.length) faults.push(...topicFaults(bytes, body + 2, idAt));
  return faults;
}

function topicFaults(bytes: Uint8Array, from: number, to: number): Faults {
  const topic = decodeText(bytes, from, to);
  if (topic === undefined) return [/Cannot parse topic/];
  return /[+#\0]/.test(topic) ? [/wildcard or U\+0000/] : [];
}

function packetOf(frame: Uint8Array, body: number, frameBytes: number): Verdict {
  const type = frame[0]! >> 4;
  if (type === PUBLISH) return publishOf(frame, body, frameBytes);
  const packet = blank(frame);
  if (type === PINGRESP) return { packet };
  if (type === CONNACK) {
    packet.codes = [frame[body]!, frame[body + 1]!];
    return frame[body]! > 1 ? { packet, faults: [/connack flags/] } : { packet };
  }
  packet.id = frame[body]! * 256 + frame[body + 1]!;
  packet.codes = Array.from(frame.subarray(body + 2));
  const faults: Faults = packet.id ? [] : [/without a packet identifier above 0/];
  if (packet.codes.some(code => code > 2 && code !== 128)) faults.push(/suback QoS/);
  return faults.length ? { packet, faults } : { packet };
}

function publishOf(frame: Uint8Array, body: number, frameBytes: number): Verdict {
  const faults = publishFaults(frame, 0, body, frame.length - body, frameBytes);
  const packet = blank(frame);
  if (faults.length) return { packet, faults };
  packet.qos = (frame[0]! >> 1) & 3;
  packet.oversize = frame.length > frameBytes;
  const topicEnd = body + 2 + frame[body]! * 256 + frame[body + 1]!;
  packet.topic = decodeText(frame, body + 2, topicEnd)!;
  if (packet.qos) packet.id = frame[topicEnd]! * 256 + frame[topicEnd + 1]!;
  packet.payload = frame.subarray(packet.qos ? topicEnd + 2 : topicEnd);
  return { packet };
}

function blank(frame: Uint8Array): ServerPacket {
  const type = frame[0]! >> 4;
  const first = frame[0]!;
  return { type, first, size: frame.length, id: 0, qos: 0, topic: "", payload: NOTHING, codes: [], oversize: false };
}
