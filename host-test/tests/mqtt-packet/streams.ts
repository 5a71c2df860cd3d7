// Streams that mqtt-packet writes to: one that collects, and the part of `readable-stream` that its test suite uses.

import type { PacketStream } from "#mqtt-packet";
import { encodeUtf8 } from "../../../src/utf8.ts";

/** Collects what is written. */
export class Collector implements PacketStream {
  private buffer = new Uint8Array(64);
  used = 0;

  get bytes(): Uint8Array {
    return this.used === this.buffer.length ? this.buffer : this.buffer.slice(0, this.used);
  }

  write(chunk: Uint8Array | string): boolean {
    const bytes = typeof chunk === "string" ? encodeUtf8(chunk) : chunk;
    this.grow(this.used + bytes.length);
    this.buffer.set(bytes, this.used);
    this.used += bytes.length;
    return true;
  }

  writeByte(value: number): boolean {
    this.grow(this.used + 1);
    this.buffer[this.used++] = value;
    return true;
  }

  writeUInt16(value: number): boolean {
    this.grow(this.used + 2);
    this.buffer[this.used++] = value >> 8;
    this.buffer[this.used++] = value;
    return true;
  }

  destroy(error: Error): void {
    throw error;
  }

  private grow(size: number): void {
    if (size <= this.buffer.length) return;
    const larger = new Uint8Array(Math.max(size, this.buffer.length * 2));
    larger.set(this.buffer);
    this.buffer = larger;
  }
}

/** The suite replaces `write`; numbers are passed to it as bytes. */
class Writable {
  private failed = (_error: Error): void => {};

  on(_event: "error", listener: (error: Error) => void): void {
    this.failed = listener;
  }

  _write(_chunk: Uint8Array | string, _encoding: string, done: () => void): void {
    done();
  }

  write(chunk: Uint8Array | string): boolean {
    this._write(chunk, "", () => {});
    return true;
  }

  writeByte(value: number): boolean {
    return this.write(Uint8Array.of(value));
  }

  writeUInt16(value: number): boolean {
    return this.write(Uint8Array.of(value >> 8, value));
  }

  end(): void {}

  destroy(error: Error): void {
    this.failed(error);
  }
}

/** Called without `new` by the suite. */
export function writable(): Writable {
  return new Writable();
}
