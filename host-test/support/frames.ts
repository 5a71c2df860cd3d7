// Bytes of servers and what clients said. Frames from a server are built here by hand, from the tables of MQTT 3.1.1,
// field by field; what a client sent is read by mqtt-packet as published, a witness that knows nothing of our bundle.

import { createRequire } from "node:module";
import { joined } from "./fake-transport.ts";

/** "20 02 00 00" to bytes; for frames no builder would make. */
export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.trim().split(/\s+/), byte => Number.parseInt(byte, 16));
}

export function utf8(text: string): Uint8Array {
  return new Uint8Array(new TextEncoder().encode(text));
}

export function u16(value: number): Uint8Array {
  return Uint8Array.of(value >> 8, value & 255);
}

/** Remaining length (2.2.3). */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push((rest % 128) + (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Uint8Array.from(bytes);
}

/** Any control packet: first byte, and what stands behind the remaining length. */
export function frame(first: number, ...body: Uint8Array[]): Uint8Array {
  const rest = joined(body);
  return joined([Uint8Array.of(first), varint(rest.length), rest]);
}

export function connack(code = 0, sessionPresent = false): Uint8Array {
  return frame(0x20, Uint8Array.of(sessionPresent ? 1 : 0, code));
}

export interface PublishFields {
  qos?: 0 | 1 | 2;
  id?: number;
  dup?: boolean;
  retain?: boolean;
}

export function publish(topic: string, payload: Uint8Array | string, fields: PublishFields = {}): Uint8Array {
  const { qos = 0, id = 1, dup = false, retain = false } = fields;
  const name = utf8(topic);
  return frame(
    0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0),
    u16(name.length),
    name,
    qos ? u16(id) : new Uint8Array(0),
    typeof payload === "string" ? utf8(payload) : payload,
  );
}

export const puback = (id: number): Uint8Array => frame(0x40, u16(id));
export const pubrec = (id: number): Uint8Array => frame(0x50, u16(id));
export const pubrel = (id: number): Uint8Array => frame(0x62, u16(id));
export const pubcomp = (id: number): Uint8Array => frame(0x70, u16(id));
export const suback = (id: number, ...codes: number[]): Uint8Array => frame(0x90, u16(id), Uint8Array.from(codes));
export const unsuback = (id: number): Uint8Array => frame(0xb0, u16(id));
export const pingresp = (): Uint8Array => frame(0xd0);

/** A command as the platform sends it to a device (protocol sheet 3). */
export function command(name: string, payload: string, fields: PublishFields = {}, format = "json"): Uint8Array {
  return publish(`iot-2/cmd/${name}/fmt/${format}`, payload, fields);
}

/** What mqtt-packet makes of a packet from a client. */
export interface ClientPacket {
  cmd: string;
  length: number;
  qos: 0 | 1 | 2;
  dup: boolean;
  retain: boolean;
  messageId?: number;
  topic?: string;
  payload?: Buffer;
  protocolId?: string;
  protocolVersion?: number;
  clientId?: string;
  clean?: boolean;
  keepalive?: number;
  username?: string;
  password?: Buffer;
  will?: { topic: string; payload: Buffer; qos: number; retain: boolean };
  subscriptions?: { topic: string; qos: number }[];
  unsubscriptions?: string[];
}

interface Parser {
  on(event: "packet", listener: (packet: ClientPacket) => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  parse(bytes: Uint8Array): number;
}

// By require: tsconfig.json leads the name "mqtt-packet" to our few declarations of it.
const original: { parser(options: object): Parser } = createRequire(import.meta.url)("mqtt-packet");

/** Reads the stream of one connection. */
export class Witness {
  /** Bytes of a packet that has not come to its end. */
  unfinished = 0;
  private readonly parser = original.parser({ protocolVersion: 4 });
  private packets: ClientPacket[] = [];

  constructor() {
    this.parser.on("packet", packet => this.packets.push(packet));
    this.parser.on("error", error => {
      throw new Error(`the client broke MQTT: ${error.message}`);
    });
  }

  /** The packets that end in `bytes`. */
  read(bytes: Uint8Array): ClientPacket[] {
    this.packets = [];
    this.unfinished = this.parser.parse(Buffer.from(bytes));
    return this.packets;
  }
}

/** All packets of a whole stream; throws when bytes are left over. */
export function parseSent(bytes: Uint8Array): ClientPacket[] {
  const witness = new Witness();
  const packets = witness.read(bytes);
  if (witness.unfinished) throw new Error(`${witness.unfinished} bytes behind the last packet`);
  return packets;
}

/** One line for a packet, for example "PUBLISH #1 q1 dup a/b hello". */
export function told(packet: ClientPacket): string {
  const words = [packet.cmd.toUpperCase()];
  if (packet.messageId !== undefined) words.push(`#${packet.messageId}`);
  if (packet.cmd === "publish") {
    words.push(`q${packet.qos}`);
    if (packet.dup) words.push("dup");
    if (packet.retain) words.push("retain");
    const payload = packet.payload!;
    words.push(packet.topic!, payload.length > 64 ? `(${payload.length} bytes)` : payload.toString());
  }
  for (const { topic, qos } of packet.subscriptions ?? []) words.push(topic, `q${qos}`);
  for (const topic of packet.unsubscriptions ?? []) words.push(topic);
  if (packet.cmd === "connect") words.push(packet.clientId!, packet.clean ? "clean" : "durable");
  return words.join(" ").trimEnd();
}
