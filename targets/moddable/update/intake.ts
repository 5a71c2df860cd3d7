// A firmware file on its way into the slot: the header is checked first, then the image goes to flash in chunks, and its
// digest is made on the way.

import type { Receiver } from "./download.ts";
import {
  headerLength,
  hexOf,
  type Manifest,
  OUT_OF_MEMORY,
  PREFIX_BYTES,
  Refusal,
  VERIFICATION_FAILED,
} from "./image.ts";

/** A sector of flash. */
export const CHUNK_BYTES = 4096;

export interface Sha256 {
  write(bytes: Uint8Array): void;
  /** Called once, at the end. */
  close(): Uint8Array;
}

export interface IntakePorts {
  begin(): void;
  write(chunk: Uint8Array): void;
  sha256(): Sha256;
  /** @throws Refusal */
  check(header: Uint8Array): Manifest;
}

export class Intake implements Receiver {
  expected = -1;
  chunks = 0;
  /** Of the header that was checked. */
  manifest: Manifest | undefined;
  private readonly ports: IntakePorts;
  private readonly progress: (percent: number) => void;
  private readonly done: (error: Refusal | undefined) => void;
  private readonly buffer = new Uint8Array(CHUNK_BYTES);
  private filled = 0;
  /** Bytes that `buffer` has to hold before something is done with them. */
  private wanted = PREFIX_BYTES;
  private left = 0;
  private digest: Sha256 | undefined;
  private percent = -1;

  constructor(ports: IntakePorts, progress: (percent: number) => void, done: (error: Refusal | undefined) => void) {
    this.ports = ports;
    this.progress = progress;
    this.done = done;
  }

  begin(): void {
    this.expected = -1;
    this.chunks = 0;
    this.filled = 0;
    this.wanted = PREFIX_BYTES;
    this.manifest = undefined;
  }

  take(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length && this.wanted) {
      const count = Math.min(bytes.length - at, this.wanted - this.filled);
      this.buffer.set(bytes.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      if (this.filled === this.wanted) this.full();
    }
    return at;
  }

  ended(error: Refusal | undefined): void {
    this.done(error ?? this.verified());
  }

  private full(): void {
    const part = this.buffer.subarray(0, this.filled);
    if (this.manifest) return this.store(part);
    const length = headerLength(part);
    if (length > part.length) {
      this.wanted = length;
      return;
    }
    this.manifest = this.ports.check(part);
    this.expected = length + this.manifest.size;
    this.left = this.manifest.size;
    this.digest = this.ports.sha256();
    guarded(() => this.ports.begin());
    this.next();
  }

  private store(chunk: Uint8Array): void {
    this.digest!.write(chunk);
    guarded(() => this.ports.write(chunk));
    this.chunks++;
    this.left -= chunk.length;
    const { size } = this.manifest!;
    const percent = Math.floor((100 * (size - this.left)) / size);
    if (percent !== this.percent) this.progress(percent);
    this.percent = percent;
    this.next();
  }

  private next(): void {
    this.filled = 0;
    this.wanted = Math.min(CHUNK_BYTES, this.left);
  }

  private verified(): Refusal | undefined {
    if (hexOf(this.digest!.close()) === this.manifest!.sha256) return undefined;
    return new Refusal(VERIFICATION_FAILED, "the image does not have the SHA-256 that was signed");
  }
}

function guarded(write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new Refusal(OUT_OF_MEMORY, `cannot write the image to flash: ${(error as Error).message}`);
  }
}
