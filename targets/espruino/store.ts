// Messages that survive a restart, in Storage: files in the flash of the board.

import type { Store } from "../../src/ports.ts";

/**
 * One of its own for each client; `prefix` names it, 1..20 characters. Each message is a file, written and erased again:
 * for events that must not be lost, not for one a second.
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
    // A copy: what was read is the flash itself, and moves when Storage makes room.
    return new Uint8Array(E.toUint8Array(text).slice(1));
  }

  // A byte before each value: a file cannot be empty.
  set(key: string, value: Uint8Array): void {
    if (!engineRequire("Storage").write(this.prefix + key, `=${E.toString(value)}`))
      throw new Error("no room in Storage");
  }

  remove(key: string): void {
    engineRequire("Storage").erase(this.prefix + key);
  }
}
