// The part of Node's Buffer that mqtt-packet's test suite uses, for engines that have none. For the bundle under test these
// are Uint8Arrays.

import { decodeUtf8, encodeUtf8 } from "../../../src/utf8.ts";
import { areSameBytes } from "./deep-equal.ts";

class SuiteBuffer extends Uint8Array {
  override toString(encoding = "utf8"): string {
    if (encoding === "hex") return Array.from(this, byte => byte.toString(16).padStart(2, "0")).join("");
    return decodeUtf8(new Uint8Array(this));
  }

  equals(other: Uint8Array): boolean {
    return areSameBytes(this, other);
  }
}

export const Buffer = {
  from: (source: string | ArrayLike<number>): SuiteBuffer =>
    new SuiteBuffer(typeof source === "string" ? encodeUtf8(source) : source),
  over: (bytes: Uint8Array): SuiteBuffer =>
    new SuiteBuffer(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length),
  alloc: (size: number): SuiteBuffer => new SuiteBuffer(size),
  concat(parts: Uint8Array[]): SuiteBuffer {
    const whole = new SuiteBuffer(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  },
};
