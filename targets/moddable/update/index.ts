// Firmware update on an ESP32 with the Moddable SDK: `iotf-embedded/update`. Preloaded: nothing here may hold state, and
// no native may run before main does.

import { Digest } from "crypt";
import Modules from "modules";
import { ConfigurationException, type Ports } from "../../../src/index.ts";
import { devicePorts, PreferenceStore } from "../index.ts";
import { primitives } from "../tls/primitives.ts";
import { type BootSectors, ENTRY_BYTES } from "./boot.ts";
import { type Slot, UpdateInstaller, type UpdateOptions, type UpdatePorts } from "./installer.ts";
import { CHUNK_BYTES, type Sha256 } from "./intake.ts";

export { type Slot, UpdateInstaller, type UpdateOptions, type UpdatePorts } from "./installer.ts";

/** embedded:storage/flash and embedded:update of the SDK, as far as they are used here. */
interface Partition {
  read(into: Uint8Array, at: number): number;
  write(bytes: Uint8Array, at: number): void;
  eraseBlock(from: number, to: number): void;
  status(): { size: number };
}
interface FlashStorage {
  open(options: { path: string; mode?: "r" | "r+" }): Partition;
}
interface Updater {
  write(bytes: Uint8Array): void;
  complete(): void;
  close(): void;
}
interface UpdateApi {
  open(options: { partition: Partition; mode: "a" }): Updater;
}

declare const System: { restart(): void };
declare function trace(text: string): void;

const UPDATE = "embedded:update";
const FLASH = "embedded:storage/flash";
/** Entries in the SDK's preferences. */
const DOMAIN = "iotf-update";

function partition(path: string): Partition {
  return (Modules.importNow(FLASH) as FlashStorage).open({ path });
}

class DeviceSlot implements Slot {
  private readonly partition = partition("nextota");
  /** Since begin(). None after a restart. */
  private updater: Updater | undefined;

  get size(): number {
    return this.partition.status().size;
  }

  begin(): void {
    this.updater?.close();
    // "a": each write erases what it needs. "w" would erase the whole slot at once, which blocks for seconds.
    this.updater = (Modules.importNow(UPDATE) as UpdateApi).open({ partition: this.partition, mode: "a" });
  }

  write(bytes: Uint8Array): void {
    this.updater!.write(bytes);
  }

  read(at: number, into: Uint8Array): void {
    this.partition.read(into, at);
  }

  select(): void {
    if (!this.updater) this.rewriteFirst();
    const updater = this.updater!;
    this.updater = undefined;
    updater.complete();
  }

  /** The SDK selects a slot only after a write: after a restart, the first sector is written once more. */
  private rewriteFirst(): void {
    const first = new Uint8Array(CHUNK_BYTES);
    this.read(0, first);
    this.begin();
    this.write(first);
  }
}

class DeviceBoot implements BootSectors {
  private readonly partition = partition("otadata");

  read(sector: number): Uint8Array {
    const entry = new Uint8Array(ENTRY_BYTES);
    this.partition.read(entry, sector * CHUNK_BYTES);
    return entry;
  }

  // With the end: without it, the SDK 8.2.3 hands undefined to its native, which then erases nothing.
  erase(sector: number): void {
    this.partition.eraseBlock(sector, sector + 1);
  }

  write(sector: number, entry: Uint8Array): void {
    this.partition.write(entry, sector * CHUNK_BYTES);
  }
}

class DeviceDigest implements Sha256 {
  private readonly digest = new Digest("SHA256");

  write(bytes: Uint8Array): void {
    this.digest.write(bytes);
  }

  close(): Uint8Array {
    return new Uint8Array(this.digest.close());
  }
}

/** @throws ConfigurationException if this program or this board cannot be updated */
export function makeUpdatePorts(network: Ports = devicePorts): UpdatePorts {
  if (!canUpdate()) throw new ConfigurationException("there is no embedded:update here: only an ESP32 has one");
  let slot: Slot;
  let boot: BootSectors;
  try {
    slot = new DeviceSlot();
    boot = new DeviceBoot();
  } catch {
    throw new ConfigurationException("this board has no second slot: flash it once more by USB");
  }
  return {
    network,
    slot,
    boot,
    readRunning: into => void partition("running").read(into, 0),
    record: new PreferenceStore(DOMAIN),
    primitives,
    sha256: () => new DeviceDigest(),
    restart: () => System.restart(),
    trace: text => trace(`${text}\n`),
  };
}

/** False in the simulator. */
export function canUpdate(): boolean {
  return Modules.has(UPDATE) && Modules.has(FLASH);
}

/** For `managed.installer` of ManagedDeviceClient. Call `confirm()` in connectedCallback. */
export class FirmwareUpdater extends UpdateInstaller {
  constructor(options: UpdateOptions, ports: UpdatePorts = makeUpdatePorts()) {
    super(options, ports);
  }
}
