// What a client's bytes are, by the letter of MQTT 3.1.1 and with nothing of src. Throws at the first thing that no
// server has to take: types, flags, lengths, ids of 0, strings that are not UTF-8, topics with wildcards.

import { decodeText } from "./text.ts";

export interface ClientPacket {
  type: number;
  id: number;
  qos: number;
  dup: boolean;
  retain: boolean;
  topic: string;
  payload: Uint8Array;
  /** Of SUBSCRIBE and UNSUBSCRIBE. */
  filters: string[];
  /** Of SUBSCRIBE: the QoS asked for each. */
  asked: number[];
}

export const TYPE_NAMES: readonly string[] =
  "0 CONNECT CONNACK PUBLISH PUBACK PUBREC PUBREL PUBCOMP SUBSCRIBE SUBACK UNSUBSCRIBE UNSUBACK PINGREQ PINGRESP DISCONNECT 15".split(
    " ",
  );

const NOTHING = new Uint8Array(0);

export class ClientStream {
  private bytes: Uint8Array = NOTHING;

  /** Bytes of a packet that is not whole yet. */
  get unfinished(): number {
    return this.bytes.length;
  }

  /** The packets that end in `chunk`. */
  push(chunk: Uint8Array): ClientPacket[] {
    this.bytes = joined(this.bytes, chunk);
    const packets: ClientPacket[] = [];
    for (let size = frameSize(this.bytes); size && size <= this.bytes.length; size = frameSize(this.bytes)) {
      packets.push(packetOf(this.bytes.slice(0, size)));
      this.bytes = this.bytes.slice(size);
    }
    return packets;
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}

/** 0 while the header is not whole. */
function frameSize(bytes: Uint8Array): number {
  let length = 0;
  for (let i = 1; i < bytes.length; i++) {
    length += (bytes[i]! & 127) * 128 ** (i - 1);
    if (bytes[i]! < 128) return 1 + i + length;
    if (i === 4) throw new Error("remaining length of five bytes");
  }
  return 0;
}

function packetOf(frame: Uint8Array): ClientPacket {
  let body = 1;
  while (frame[body]! > 127) body++;
  const reader = new Reader(frame, body + 1);
  const first = frame[0]!;
  const packet: ClientPacket = {
    type: first >> 4,
    id: 0,
    qos: 0,
    dup: false,
    retain: false,
    topic: "",
    payload: NOTHING,
    filters: [],
    asked: [],
  };
  readBody(packet, first, reader);
  if (reader.left) throw new Error(`${reader.left} bytes too many in a ${TYPE_NAMES[packet.type]}`);
  return packet;
}

function readBody(packet: ClientPacket, first: number, reader: Reader): void {
  switch (packet.type) {
    case 1:
      flags(first, 0);
      return readConnect(reader);
    case 3:
      return readPublish(packet, first, reader);
    case 4:
    case 5:
    case 7:
      flags(first, 0);
      packet.id = reader.id();
      return;
    case 6:
      flags(first, 2);
      packet.id = reader.id();
      return;
    case 8:
    case 10:
      flags(first, 2);
      return readFilters(packet, reader);
    case 12:
    case 14:
      return flags(first, 0);
    default:
      throw new Error(`packet type ${packet.type} from a client`);
  }
}

function flags(first: number, right: number): void {
  if ((first & 15) !== right) throw new Error(`flags ${first & 15} in packet type ${first >> 4}`);
}

function readConnect(reader: Reader): void {
  if (reader.text() !== "MQTT" || reader.byte() !== 4) throw new Error("not MQTT 3.1.1");
  const connect = reader.byte();
  if (connect & 1) throw new Error("reserved flag of CONNECT");
  if (connect & 0x40 && !(connect & 0x80)) throw new Error("password without user name");
  reader.u16();
  reader.text();
  if (connect & 4) {
    reader.text();
    reader.bytes(reader.u16());
  }
  if (connect & 0x80) reader.text();
  if (connect & 0x40) reader.bytes(reader.u16());
}

function readPublish(packet: ClientPacket, first: number, reader: Reader): void {
  packet.qos = (first >> 1) & 3;
  packet.dup = (first & 8) !== 0;
  packet.retain = (first & 1) !== 0;
  packet.topic = reader.text();
  if (!packet.topic || /[+#]/.test(packet.topic)) throw new Error(`topic "${packet.topic}"`);
  if (packet.qos === 3 || (packet.qos === 0 && packet.dup)) throw new Error(`flags ${first & 15} in a PUBLISH`);
  if (packet.qos) packet.id = reader.id();
  packet.payload = reader.bytes(reader.left);
}

function readFilters(packet: ClientPacket, reader: Reader): void {
  packet.id = reader.id();
  do {
    packet.filters.push(reader.text());
    if (packet.type === 8) packet.asked.push(reader.byte());
    if (packet.asked[packet.asked.length - 1]! > 2) throw new Error("requested QoS");
  } while (reader.left);
}

class Reader {
  private readonly frame: Uint8Array;
  private at: number;

  constructor(frame: Uint8Array, at: number) {
    this.frame = frame;
    this.at = at;
  }

  get left(): number {
    return this.frame.length - this.at;
  }

  bytes(count: number): Uint8Array {
    if (count > this.left) throw new Error(`a ${TYPE_NAMES[this.frame[0]! >> 4]} that is too short`);
    this.at += count;
    return this.frame.subarray(this.at - count, this.at);
  }

  byte(): number {
    return this.bytes(1)[0]!;
  }

  u16(): number {
    return this.byte() * 256 + this.byte();
  }

  id(): number {
    const id = this.u16();
    if (!id) throw new Error("packet id 0");
    return id;
  }

  text(): string {
    const text = decodeText(this.bytes(this.u16()));
    if (text === undefined || text.indexOf("\0") >= 0) throw new Error("a string that is not UTF-8, or has U+0000");
    return text;
  }
}
