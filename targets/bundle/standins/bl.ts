// The part of `bl` that mqtt-packet's parser uses: a list of chunks, read as one. Here chunks are joined when they come;
// with whole frames, which is all that ever comes on a device, nothing is copied and nothing is kept.

import { decodeUtf8 } from "../../../src/codec/utf8.ts";

const NOTHING = new Uint8Array(0);

class BufferList {
  length = 0;
  private bytes: Uint8Array = NOTHING;
  private start = 0;

  append(chunk: Uint8Array): void {
    this.bytes = this.length === 0 ? chunk : join(this.slice(0, this.length), chunk);
    this.start = 0;
    this.length = this.bytes.length;
  }

  consume(count: number): void {
    this.start += count;
    this.length -= count;
    if (this.length === 0) this.bytes = NOTHING;
  }

  slice(from: number, to: number): Uint8Array {
    return this.bytes.subarray(this.start + from, this.start + to);
  }

  readUInt8(at: number): number {
    return this.bytes[this.start + at]!;
  }

  readUInt16BE(at: number): number {
    const index = this.start + at;
    return (this.bytes[index]! << 8) | this.bytes[index + 1]!;
  }

  readUInt32BE(at: number): number {
    return this.readUInt16BE(at) * 0x10000 + this.readUInt16BE(at + 2);
  }

  /** null where the bytes are not UTF-8: mqtt-packet then says "Cannot parse", and the connection ends as it must. */
  toString(_encoding: string, from: number, to: number): string | null {
    try {
      return decodeUtf8(this.bytes, this.start + from, this.start + to);
    } catch {
      return null;
    }
  }
}

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

export default function bl(): BufferList {
  return new BufferList();
}
