// Bytes of a connection to packets, in both directions, and packets to lines for people. Read from the tables of MQTT
// 3.1.1; what a client may not send is an error that says so. The names of the fields are those of mqtt-packet.

import { joined, text } from "./bytes.ts";

export interface SentPacket {
  cmd: string;
  /** The whole packet's, in bytes. */
  size: number;
  qos: 0 | 1 | 2;
  dup: boolean;
  retain: boolean;
  messageId?: number;
  topic?: string;
  payload?: Uint8Array;
  clientId?: string;
  clean?: boolean;
  /** Seconds. */
  keepalive?: number;
  username?: string;
  password?: Uint8Array;
  will?: { topic: string; payload: Uint8Array; qos: number; retain: boolean };
  subscriptions?: { topic: string; qos: number }[];
  unsubscriptions?: string[];
  /** CONNACK. */
  returnCode?: number;
  sessionPresent?: boolean;
  /** SUBACK. */
  granted?: number[];
}

const NAMES: readonly (string | undefined)[] = [
  undefined,
  "connect",
  "connack",
  "publish",
  "puback",
  "pubrec",
  "pubrel",
  "pubcomp",
  "subscribe",
  "suback",
  "unsubscribe",
  "unsuback",
  "pingreq",
  "pingresp",
  "disconnect",
];
/** What the lower half of the first byte must be, where the standard reserves it [MQTT-2.2.2-2]. */
const FLAGS: Readonly<Record<string, number>> = { pubrel: 2, subscribe: 2, unsubscribe: 2 };

/** Reads one direction of one connection. */
export class PacketStream {
  private readonly decode: (bytes: Uint8Array) => string;
  private rest: Uint8Array = new Uint8Array(0);

  /** @param decode reads the strings of the packets */
  constructor(decode = text) {
    this.decode = decode;
  }

  /** Bytes of a packet that has not come to its end. */
  get unfinished(): number {
    return this.rest.length;
  }

  /** The packets that end in `bytes`. Throws what is wrong with them; then nothing more can be read. */
  read(bytes: Uint8Array): SentPacket[] {
    const packets: SentPacket[] = [];
    const all = joined([this.rest, bytes]);
    let at = 0;
    for (let size = wholeSize(all, at); size > 0; size = wholeSize(all, at)) {
      packets.push(parsePacket(all.slice(at, at + size), this.decode));
      at += size;
    }
    this.rest = all.slice(at);
    return packets;
  }
}

/** Size of the packet that begins at `at`, header included; 0 when it is not all there. */
function wholeSize(bytes: Uint8Array, at: number): number {
  let length = 0;
  for (let i = 1; i < 5; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return 0;
    length += (byte & 127) * 128 ** (i - 1);
    if (byte < 128) return at + 1 + i + length <= bytes.length ? 1 + i + length : 0;
  }
  throw new Error("a packet's length has more than four bytes [MQTT-2.2.3]");
}

/** `bytes`: one whole packet. */
export function parsePacket(bytes: Uint8Array, decode = text): SentPacket {
  const first = bytes[0]!;
  const cmd = NAMES[first >> 4];
  const flags = first & 15;
  if (!cmd) throw new Error(`a packet of type ${first >> 4}`);
  if (cmd !== "publish" && flags !== (FLAGS[cmd] ?? 0)) throw new Error(`${cmd.toUpperCase()} with flags ${flags}`);
  let start = 1;
  while (bytes[start++]! > 127);
  const packet: SentPacket = { cmd, size: bytes.length, qos: 0, dup: false, retain: false };
  const fields = new Fields(bytes, start, cmd.toUpperCase(), decode);
  switch (cmd) {
    case "connect":
      readConnect(packet, fields);
      break;
    case "publish":
      readPublish(packet, fields, flags);
      break;
    case "connack":
      packet.sessionPresent = fields.byte() === 1;
      packet.returnCode = fields.byte();
      break;
    case "subscribe":
      packet.messageId = fields.id();
      packet.subscriptions = [];
      do packet.subscriptions.push({ topic: fields.text(), qos: fields.byte() });
      while (fields.left);
      if (packet.subscriptions.some(({ qos }) => qos > 2))
        throw new Error("SUBSCRIBE with a QoS above 2 [MQTT-3-8.3-4]");
      break;
    case "unsubscribe":
      packet.messageId = fields.id();
      packet.unsubscriptions = [];
      do packet.unsubscriptions.push(fields.text());
      while (fields.left);
      break;
    case "suback":
      packet.messageId = fields.id();
      packet.granted = Array.from(fields.remainder());
      break;
    case "pingreq":
    case "pingresp":
    case "disconnect":
      break;
    default:
      packet.messageId = fields.id();
  }
  fields.end();
  return packet;
}

function readConnect(packet: SentPacket, fields: Fields): void {
  const protocol = fields.text();
  const level = fields.byte();
  if (protocol !== "MQTT" || level !== 4) throw new Error(`CONNECT of ${JSON.stringify(protocol)}, level ${level}`);
  const flags = fields.byte();
  if (flags & 1) throw new Error("CONNECT with the reserved flag [MQTT-3.1.2-3]");
  if (flags & 64 && !(flags & 128)) throw new Error("CONNECT with a password without a user name [MQTT-3.1.2-22]");
  packet.clean = (flags & 2) > 0;
  packet.keepalive = fields.u16();
  packet.clientId = fields.text();
  if (flags & 4) {
    packet.will = {
      topic: fields.text(),
      payload: fields.bytes(),
      qos: (flags >> 3) & 3,
      retain: (flags & 32) > 0,
    };
  }
  if (flags & 128) packet.username = fields.text();
  if (flags & 64) packet.password = fields.bytes();
}

function readPublish(packet: SentPacket, fields: Fields, flags: number): void {
  const qos = (flags >> 1) & 3;
  if (qos === 3) throw new Error("PUBLISH with both QoS bits [MQTT-3.3.1-4]");
  packet.qos = qos as 0 | 1 | 2;
  packet.dup = (flags & 8) > 0;
  packet.retain = (flags & 1) > 0;
  packet.topic = fields.text();
  if (qos) packet.messageId = fields.id();
  packet.payload = fields.remainder();
}

/** Takes field after field. */
class Fields {
  private readonly all: Uint8Array;
  private readonly name: string;
  private readonly decode: (bytes: Uint8Array) => string;
  private at: number;

  constructor(all: Uint8Array, at: number, name: string, decode: (bytes: Uint8Array) => string) {
    this.all = all;
    this.at = at;
    this.name = name;
    this.decode = decode;
  }

  get left(): number {
    return this.all.length - this.at;
  }

  take(size: number): Uint8Array {
    if (size > this.left) throw new Error(`${this.name} ends in the middle of a field`);
    this.at += size;
    return this.all.slice(this.at - size, this.at);
  }

  byte(): number {
    return this.take(1)[0]!;
  }

  u16(): number {
    return (this.byte() << 8) | this.byte();
  }

  id(): number {
    const id = this.u16();
    if (id === 0) throw new Error(`${this.name} with packet id 0 [MQTT-2.3.1-1]`);
    return id;
  }

  bytes(): Uint8Array {
    return this.take(this.u16());
  }

  text(): string {
    return this.decode(this.bytes());
  }

  remainder(): Uint8Array {
    return this.take(this.left);
  }

  end(): void {
    if (this.left) throw new Error(`${this.name} with ${this.left} bytes too many`);
  }
}

/** How much of a payload a line shows, in bytes. */
const SHOWN = 64;

/** One line for a packet, for example "PUBLISH #1 q1 dup a/b hello". Never a user name or password. */
export function told(packet: Omit<SentPacket, "size">): string {
  const words = [packet.cmd.toUpperCase()];
  if (packet.messageId !== undefined) words.push(`#${packet.messageId}`);
  if (packet.cmd === "publish") {
    words.push(`q${packet.qos}`);
    if (packet.dup) words.push("dup");
    if (packet.retain) words.push("retain");
    const payload = packet.payload!;
    words.push(packet.topic!, payload.length > SHOWN ? `(${payload.length} bytes)` : text(payload));
  }
  for (const { topic, qos } of packet.subscriptions ?? []) words.push(topic, `q${qos}`);
  for (const topic of packet.unsubscriptions ?? []) words.push(topic);
  if (packet.cmd === "connect") words.push(packet.clientId!, packet.clean ? "clean" : "durable");
  if (packet.returnCode !== undefined) words.push(`${packet.returnCode}`);
  if (packet.sessionPresent) words.push("session present");
  for (const qos of packet.granted ?? []) words.push(qos === 128 ? "refused" : `q${qos}`);
  return words.join(" ").trimEnd();
}
