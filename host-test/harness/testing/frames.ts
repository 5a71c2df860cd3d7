// Packets of servers, as bytes: built by hand from the tables of MQTT 3.1.1, field by field.

import { joined, utf8 } from "./bytes.ts";

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

/** A command as the platform sends it to a device (docs/protocol.md 3). */
export function command(name: string, payload: string, fields: PublishFields = {}, format = "json"): Uint8Array {
  return publish(`iot-2/cmd/${name}/fmt/${format}`, payload, fields);
}
