// Certificates and keys as DER, from PEM or DER, in strings or bytes (RFC 7468). Without RegExp, which takes 65 KB of heap
// on a chip for a certificate, and without a copy of the text.

import { ConfigurationException } from "../../../src/index.ts";

/** @throws ConfigurationException if `data` is neither DER nor PEM with a block of this label */
export function derOf(option: string, data: string | Uint8Array, label: string): Uint8Array {
  if (typeof data !== "string" && data[0] === 0x30) return data;
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  const at: At = typeof data === "string" ? index => data.charCodeAt(index) : index => data[index]!;
  const bytes = new Uint8Array((data.length * 3) >> 2);
  let length = 0;
  let from = 0;
  for (;;) {
    from = find(at, begin, from, data.length);
    if (from < 0) break;
    const to = find(at, end, from, data.length);
    length = to < 0 ? -1 : decode(at, from, to - end.length, bytes, length);
    if (length < 0) break;
    from = to;
  }
  if (length <= 0) throw new ConfigurationException(`${option} must be DER, or PEM with BEGIN ${label}`);
  return bytes.subarray(0, length);
}

type At = (index: number) => number;

/** Returns the index behind `text`, or -1. */
function find(at: At, text: string, from: number, end: number): number {
  for (let i = from; i + text.length <= end; i++) {
    let count = 0;
    while (count < text.length && at(i + count) === text.charCodeAt(count)) count++;
    if (count === text.length) return i + count;
  }
  return -1;
}

/** Decodes base64 with line ends into `bytes` from `length` on. Returns where that ends, or -1. */
function decode(at: At, from: number, to: number, bytes: Uint8Array, length: number): number {
  let bits = 0;
  let count = 0;
  let padding = 0;
  let written = length;
  for (let i = from; i < to; i++) {
    const character = at(i);
    if (character === 0x20 || (character >= 0x09 && character <= 0x0d)) continue;
    if (character === 0x3d) padding++;
    const value = character === 0x3d ? 0 : sextet(character);
    if (value < 0 || (padding && character !== 0x3d)) return -1;
    bits = (bits << 6) | value;
    if (++count < 4) continue;
    for (let shift = 16; shift >= 8 * padding; shift -= 8) bytes[written++] = bits >> shift;
    bits = 0;
    count = 0;
  }
  return count || padding > 2 || written === length ? -1 : written;
}

function sextet(character: number): number {
  if (character >= 0x41 && character <= 0x5a) return character - 0x41;
  if (character >= 0x61 && character <= 0x7a) return character - 0x61 + 26;
  if (character >= 0x30 && character <= 0x39) return character - 0x30 + 52;
  if (character === 0x2b) return 62;
  return character === 0x2f ? 63 : -1;
}
