// A board with two slots as ESP-IDF has them, whose power can fail at every step that changes its flash. Independent of
// targets/moddable/update/boot.ts: the bootloader here follows ESP-IDF's sources. Runs on Node and in XS.

import type { Store } from "../../../src/index.ts";
import type { BootSectors } from "../../../targets/moddable/update/boot.ts";
import type { Slot } from "../../../targets/moddable/update/installer.ts";

export const SECTOR = 4096;
const SLOT_SECTORS = 5;
const ENTRY = 32;
const UNDEFINED = 0xffffffff;
const STATE = { new: 0, pending: 1, valid: 2, invalid: 3, aborted: 4 } as const;
/** First byte of an image. */
export const IMAGE_MAGIC = 0xe9;

export class PowerFailure extends Error {}

/** How a step is cut: it did not happen, or half of it did. */
export type Cut = "before" | "half";

interface Entry {
  number: number;
  state: number;
}

export class Hardware {
  readonly slots = [new Uint8Array(SLOT_SECTORS * SECTOR).fill(0xff), new Uint8Array(SLOT_SECTORS * SECTOR).fill(0xff)];
  readonly otadata = new Uint8Array(2 * SECTOR).fill(0xff);
  readonly nvs = new Map<string, Uint8Array>();
  /** CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE */
  readonly rollback: boolean;
  /** Steps so far that changed flash. */
  steps = 0;
  /** Number of the step at which the power fails, counted from 1. */
  failAt = Number.POSITIVE_INFINITY;
  cut: Cut = "before";
  powered = false;
  running = 0;
  /** What the bootloader finds to be no image. CONFIG_BOOTLOADER_SKIP_VALIDATE_ALWAYS, as in the SDK: nothing. */
  refuses: (slot: Uint8Array) => boolean = () => false;
  /** What the flash of the slot refuses to take. */
  worn = false;
  /** The boot sectors cannot be erased, or not be written. */
  bootFails: "erase" | "write" | undefined;
  /** The slot that runs cannot be read. */
  unreadable = false;

  constructor(rollback: boolean) {
    this.rollback = rollback;
  }

  /** One step that changes flash. */
  private step(whole: () => void, half: () => void): void {
    if (!this.powered) throw new PowerFailure();
    if (++this.steps === this.failAt) {
      this.powered = false;
      if (this.cut === "half") half();
      throw new PowerFailure();
    }
    whole();
  }

  private erase(memory: Uint8Array, at: number): void {
    const sector = memory.subarray(at, at + SECTOR);
    this.step(
      () => sector.fill(0xff),
      () => sector.subarray(0, SECTOR / 2).fill(0x5a),
    );
  }

  private program(memory: Uint8Array, at: number, bytes: Uint8Array): void {
    const place = memory.subarray(at, at + bytes.length);
    if (place.some(byte => byte !== 0xff)) throw new Error("written without an erasure");
    this.step(
      () => place.set(bytes),
      () => place.set(bytes.subarray(0, bytes.length / 2)),
    );
  }

  /** Power on. Sets `running`; throws PowerFailure if the power fails in the bootloader. */
  boot(): void {
    this.powered = true;
    let active = this.active();
    if (this.rollback && active >= 0 && this.entry(active)!.state === STATE.pending) {
      this.put(active, { ...this.entry(active)!, state: STATE.aborted });
      active = this.active();
    }
    if (active < 0) {
      this.running = 0;
      if (this.rollback) this.put(0, { number: 1, state: STATE.valid });
    } else {
      const entry = this.entry(active)!;
      this.running = (entry.number - 1) % 2;
      if (this.rollback && entry.state === STATE.new) this.put(active, { ...entry, state: STATE.pending });
    }
    if (this.refuses(this.slots[this.running]!)) this.running = 1 - this.running;
  }

  off(): void {
    this.powered = false;
  }

  private entry(sector: number): Entry | undefined {
    const view = new DataView(this.otadata.buffer, sector * SECTOR, ENTRY);
    const number = view.getUint32(0, true);
    if (number === UNDEFINED || view.getUint32(28, true) !== crc32(number)) return undefined;
    return { number, state: view.getUint32(24, true) };
  }

  private active(): number {
    const [a, b] = [0, 1].map(sector => {
      const entry = this.entry(sector);
      return !entry || entry.state === STATE.invalid || entry.state === STATE.aborted ? 0 : entry.number;
    }) as [number, number];
    return !a && !b ? -1 : a >= b ? 0 : 1;
  }

  private put(sector: number, { number, state }: Entry): void {
    const bytes = new Uint8Array(ENTRY).fill(0xff);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, number, true);
    view.setUint32(24, state, true);
    view.setUint32(28, crc32(number), true);
    this.erase(this.otadata, sector * SECTOR);
    this.program(this.otadata, sector * SECTOR, bytes);
  }

  /** As flashed by USB, or after an earlier update. */
  install(slot: 0 | 1, image: Uint8Array): void {
    this.slots[slot]!.set(image);
    if (slot === 0) return;
    this.powered = true;
    this.put(0, { number: 2, state: STATE.valid });
    this.powered = false;
  }

  /** `embedded:update` and `embedded:storage/flash`, as targets/moddable/update/index.ts uses them. */
  slot(): Slot {
    const memory = this.slots[1 - this.running]!;
    let written = -1;
    const slot: Slot = {
      size: memory.length,
      begin: () => {
        written = 0;
      },
      write: bytes => {
        if (this.worn) throw new Error("write failed");
        if (written === 0 && bytes[0] !== IMAGE_MAGIC) throw new Error("write failed");
        this.erase(memory, written);
        this.program(memory, written, bytes);
        written += bytes.length;
      },
      read: (at, into) => into.set(memory.subarray(at, at + into.length)),
      select: () => {
        if (written < 0) {
          const first = memory.slice(0, SECTOR);
          slot.begin();
          slot.write(first);
        }
        if (memory[1] !== 1) throw new Error("end failed"); // see imageOf()
        const active = this.active();
        const target = 2 - this.running; // smallest number of the slot that does not run
        const state = this.rollback ? STATE.new : UNDEFINED;
        if (active < 0) return this.put(0, { number: target, state });
        let { number } = this.entry(active)!;
        do number++;
        while ((number - target) % 2);
        this.put(1 - active, { number, state });
      },
    };
    return slot;
  }

  sectors(): BootSectors {
    return {
      read: sector => this.otadata.slice(sector * SECTOR, sector * SECTOR + ENTRY),
      erase: sector => {
        if (this.bootFails === "erase") throw new Error("erase failed");
        this.erase(this.otadata, sector * SECTOR);
      },
      write: (sector, entry) => {
        if (this.bootFails === "write") throw new Error("write failed");
        this.program(this.otadata, sector * SECTOR, entry);
      },
    };
  }

  /** The SDK's preferences: what replaces an entry is erased first. */
  store(): Store {
    const { nvs } = this;
    const remove = (key: string) => {
      if (!nvs.has(key)) return;
      this.step(
        () => nvs.delete(key),
        () => nvs.delete(key),
      );
    };
    return {
      keys: () => [...nvs.keys()],
      get: key => nvs.get(key),
      set: (key, value) => {
        remove(key);
        const kept = value.slice();
        this.step(
          () => nvs.set(key, kept),
          () => nvs.set(key, kept),
        );
      },
      remove,
    };
  }
}

/** esp_rom_crc32_le(UINT32_MAX, …): the usual CRC-32 table, other beginning and end. */
function crc32(number: number): number {
  let crc = 0;
  for (let at = 0; at < 4; at++) {
    let low = (crc ^ (number >>> (8 * at))) & 0xff;
    for (let bit = 0; bit < 8; bit++) low = low & 1 ? (low >>> 1) ^ 0xedb88320 : low >>> 1;
    crc = (crc >>> 8) ^ low;
  }
  return (crc ^ 0xffffffff) >>> 0;
}
