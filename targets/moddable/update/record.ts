// State of an update across restarts. One record under one of two keys: the next one is written before the last one is
// removed, because the SDK's preferences erase an entry before they replace it.

import type { Store } from "../../../src/ports.ts";
import { encodeUtf8 } from "../../../src/utf8.ts";
import type { Failure, Manifest } from "./image.ts";

export type Progress =
  /** A download is under way. */
  | { readonly phase: "download" }
  /** An image is in the slot, and was verified. */
  | ({ readonly phase: "ready" } & Manifest)
  | Trial
  /** An update failed, and the server may not know. */
  | { readonly phase: "failed"; readonly status: Failure };

/** A new image is selected, or about to be, and has to connect. */
export interface Trial {
  readonly phase: "trial";
  /** SHA-256 of its first bytes, by which it is told from the one before. */
  readonly head: string;
  readonly headBytes: number;
  /** Number of the entry that was selected before; 0: none. */
  readonly before: number;
  /** It has been started once. */
  readonly started: boolean;
}

const KEYS = Object.freeze(["a", "b"] as const);

export class UpdateRecord {
  private readonly store: Store;
  /** Index of the key in use; -1: there is no record. */
  private current = -1;
  private number = 0;
  private value: Progress | undefined;

  /** Reads it. A record that is damaged is none. */
  constructor(store: Store) {
    this.store = store;
    for (let index = 0; index < KEYS.length; index++) this.load(index);
    const other = KEYS[1 - this.current];
    if (this.current >= 0 && other && this.bytes(other)) this.removeOlder(other);
  }

  get progress(): Progress | undefined {
    return this.value;
  }

  /** @throws what the store throws: the last record is still there */
  save(progress: Progress): void {
    const last = KEYS[this.current];
    const next = this.current === 0 ? 1 : 0;
    this.store.set(KEYS[next]!, encodeUtf8(JSON.stringify({ number: this.number + 1, progress })));
    this.number++;
    this.current = next;
    this.value = progress;
    if (last) this.removeOlder(last);
  }

  /** @throws what the store throws: the record is still there */
  clear(): void {
    const last = KEYS[this.current];
    if (!last) return;
    // The older record first, if save() could not remove it: otherwise the next start would read it.
    const older = KEYS[1 - this.current]!;
    if (this.bytes(older)) this.store.remove(older);
    this.store.remove(last);
    this.current = -1;
    this.value = undefined;
  }

  /** A failure is harmless: the record with the larger number counts. */
  private removeOlder(key: string): void {
    try {
      this.store.remove(key);
    } catch {
      // The next save() overwrites it.
    }
  }

  private load(index: number): void {
    const bytes = this.bytes(KEYS[index]!);
    if (!bytes) return;
    let text = "";
    for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i]!);
    try {
      const { number, progress } = JSON.parse(text);
      if (!(number > this.number) || typeof progress.phase !== "string") return;
      this.number = number;
      this.current = index;
      this.value = progress;
    } catch {
      // Damaged.
    }
  }

  private bytes(key: string): Uint8Array | undefined {
    try {
      return this.store.get(key);
    } catch {
      return undefined;
    }
  }
}
