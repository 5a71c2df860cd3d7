// Keeps messages over a restart in Storage, the files in the board's flash.

import type { Store } from "../../src/ports.ts";

/**
 * Each client needs its own store, named by `prefix`, 1..20 characters. Each message is written to flash as a file and
 * erased, which wears the flash: use it for rare events that must not be lost, not for one event per second.
 */
export class StorageStore implements Store {
  private readonly prefix: string;

  constructor(prefix = "iotf.") {
    this.prefix = prefix;
  }

  keys(): string[] {
    const { prefix } = this;
    const names = engineRequire("Storage").list();
    return names.filter(name => name.indexOf(prefix) === 0).map(name => name.slice(prefix.length));
  }

  get(key: string): Uint8Array | undefined {
    const text = engineRequire("Storage").read(this.prefix + key);
    if (text === undefined) return undefined;
    if (text.charAt(0) !== "=") throw new Error(`${key} is damaged`);
    // Copied, because the text is the flash itself and Storage moves files when it makes room.
    return new Uint8Array(E.toUint8Array(text).slice(1));
  }

  // One byte before each value, because a file cannot be empty.
  set(key: string, value: Uint8Array): void {
    if (!engineRequire("Storage").write(this.prefix + key, `=${E.toString(value)}`))
      throw new Error("no room in Storage");
  }

  remove(key: string): void {
    engineRequire("Storage").erase(this.prefix + key);
  }
}
