// Stands in for the part of Node's `buffer` that mqtt-packet uses, on plain Uint8Array, which Espruino cannot subclass.
// Calls of a Buffer's methods are rewritten at build time (patches.ts, group "bytes").

import { decodeUtf8, encodeUtf8, utf8Length } from "../../../src/utf8.ts";

// Frozen: costs a preloaded module no RAM.
export const Buffer = Object.freeze({
  alloc(size: number): Uint8Array {
    return new Uint8Array(size);
  },
  allocUnsafe(size: number): Uint8Array {
    return new Uint8Array(size);
  },
  from(source: string | ArrayLike<number>): Uint8Array {
    return typeof source === "string" ? encodeUtf8(source) : new Uint8Array(source);
  },
  isBuffer(value: unknown): value is Uint8Array {
    return value instanceof Uint8Array;
  },
  byteLength(source: string | Uint8Array): number {
    return typeof source === "string" ? utf8Length(source) : source.length;
  },
});

/** null where the bytes are not UTF-8: mqtt-packet then refuses the packet. */
export function decode(bytes: Uint8Array, from: number, to: number): string | null {
  try {
    return decodeUtf8(bytes, from, to);
  } catch {
    return null;
  }
}
