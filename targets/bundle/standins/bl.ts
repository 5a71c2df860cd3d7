// Stands in for the part of `bl` that the published parser uses: a list of chunks, read as one. Chunks are joined on
// arrival. The shipped bundle has no use for it (patch group "pull"); tests and benchmarks of the published parser have.

import { decodeUtf8 } from "../../../src/utf8.ts";

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
