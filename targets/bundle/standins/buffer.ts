// The part of Node's `buffer` that mqtt-packet uses, over plain Uint8Array: Espruino cannot subclass it. What would be
// a method of a Buffer is rewritten at build time (patches.ts, group "bytes").

import { encodeUtf8, utf8Length } from "../../../src/codec/utf8.ts";

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
