// Messages that survive a restart, in the SDK's preferences: NVS in the flash of an ESP32, a file on the simulator.

import Modules from "modules";
import type { Store } from "../../src/index.ts";

interface Preference {
  set(domain: string, key: string, value: ArrayBuffer): void;
  get(domain: string, key: string): unknown;
  delete(domain: string, key: string): void;
  keys(domain: string): string[];
}

/**
 * Each client needs its own store, named by `domain`, 1..15 characters. Each message is written to flash and erased, which
 * wears the flash: use it for rare events that must not be lost, not for one event per second.
 */
export class PreferenceStore implements Store {
  private readonly domain: string;
  private readonly preference: Preference;

  constructor(domain = "iotf") {
    this.domain = domain;
    // Not imported: on the simulator it opens its file when it is loaded, and this module is preloaded.
    this.preference = Modules.importNow("preference") as Preference;
  }

  keys(): string[] {
    return this.preference.keys(this.domain);
  }

  get(key: string): Uint8Array | undefined {
    const kept = this.preference.get(this.domain, key);
    if (kept === undefined) return undefined;
    if (!(kept instanceof ArrayBuffer) || kept.byteLength < 1) throw new Error(`${this.domain}/${key} is damaged`);
    return new Uint8Array(kept, 1);
  }

  // A byte before each value: a preference cannot be empty.
  set(key: string, value: Uint8Array): void {
    const kept = new Uint8Array(value.length + 1);
    kept.set(value, 1);
    this.preference.set(this.domain, key, kept.buffer);
  }

  remove(key: string): void {
    if (this.preference.get(this.domain, key) !== undefined) this.preference.delete(this.domain, key);
  }
}
