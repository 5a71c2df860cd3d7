// What the platform keeps of one managed device. Every list is bounded: the oldest entries go.

import {
  type Attributes,
  covers,
  type Field,
  type ManagedDeviceInfo,
  type ManagedFirmware,
  type ManagedLocation,
  store,
} from "./attributes.ts";
import type { Json } from "./checks.ts";
import type { DeviceRequest, Manage, ManagedLogEntry, Supports } from "./messages.ts";

/** A snapshot of what is known about a device. */
export interface ManagementState {
  /** The device has sent manage, not unmanage, and its lifetime has not ended. */
  readonly managed: boolean;
  /** The lifetime ended without another manage. */
  readonly dormant: boolean;
  /** When the lifetime ends or ended, milliseconds of the platform's clock; undefined: never. */
  readonly managedUntil: number | undefined;
  /** What it claimed in its last manage. */
  readonly supports: Supports;
  readonly deviceInfo: ManagedDeviceInfo;
  readonly metadata: Json;
  readonly location: ManagedLocation | undefined;
  /** The last 100, oldest first. */
  readonly errorCodes: readonly number[];
  /** The last 100, at most 500,000 characters; oldest first. */
  readonly log: readonly ManagedLogEntry[];
  readonly firmware: ManagedFirmware;
  /** Attributes that the platform observes. */
  readonly observed: readonly string[];
  /** The last 100 changes that the device notified, oldest first. */
  readonly notifies: readonly Field[];
}

const MAX_ERROR_CODES = 100;
const MAX_LOG_ENTRIES = 100;
const MAX_NOTIFIES = 100;
/** Characters of a log, and of the notified values (docs/protocol.md 7.2: 500 KB of logs per device). */
const MAX_CHARACTERS = 500_000;
/** Characters; each notify may add a member. */
export const MAX_METADATA = 131_072;
export const MAX_OBSERVED = 64;

const NOTHING: Supports = { deviceActions: false, firmwareActions: false, bundles: [] };

export class DeviceRecord implements Attributes {
  supports = NOTHING;
  deviceInfo: ManagedDeviceInfo = {};
  metadata: Json = {};
  location: ManagedLocation | undefined;
  firmware: ManagedFirmware = {};
  readonly observed = new Set<string>();
  private state: "unmanaged" | "managed" = "unmanaged";
  private until: number | undefined;
  private errorCodes: number[] = [];
  private log: ManagedLogEntry[] = [];
  private notifies: Field[] = [];

  isManaged(now: number): boolean {
    return this.state === "managed" && (this.until === undefined || now < this.until);
  }

  /** Why it is not managed. */
  unmanagedText(): string {
    return this.state === "managed" ? "is dormant: its lifetime has ended without another manage" : "is not managed";
  }

  manage({ lifetime, supports, deviceInfo, metadata }: Manage, now: number): void {
    this.state = "managed";
    this.until = lifetime === 0 ? undefined : now + lifetime * 1000;
    this.supports = supports;
    this.deviceInfo = deviceInfo ?? this.deviceInfo;
    this.metadata = metadata ?? this.metadata;
  }

  unmanage(): void {
    this.state = "unmanaged";
    this.until = undefined;
    this.observed.clear();
  }

  /** Stores what needs no decision. */
  keep(request: DeviceRequest): void {
    if (request.kind === "location") this.location = request.location;
    else if (request.kind === "addErrorCode")
      this.errorCodes = [...this.errorCodes, request.errorCode].slice(-MAX_ERROR_CODES);
    else if (request.kind === "clearErrorCodes") this.errorCodes = [];
    else if (request.kind === "addLog") this.log = last(this.log, request.entry, MAX_LOG_ENTRIES);
    else if (request.kind === "clearLog") this.log = [];
  }

  /** Stores what the device notified. Returns false and stores nothing if the metadata would be too large. */
  notify(fields: readonly Field[]): boolean {
    const { metadata } = this;
    for (const field of fields) store(this, field);
    if (sizeOf(this.metadata) > MAX_METADATA) {
      this.metadata = metadata;
      return false;
    }
    for (const field of fields) this.notifies = last(this.notifies, field, MAX_NOTIFIES);
    return true;
  }

  isObserved(field: string): boolean {
    return [...this.observed].some(observed => covers(observed, field));
  }

  snapshot(now: number): ManagementState {
    const managed = this.isManaged(now);
    return {
      managed,
      dormant: this.state === "managed" && !managed,
      managedUntil: this.until,
      supports: this.supports,
      deviceInfo: this.deviceInfo,
      metadata: this.metadata,
      location: this.location,
      errorCodes: this.errorCodes,
      log: this.log,
      firmware: this.firmware,
      observed: [...this.observed],
      notifies: this.notifies,
    };
  }
}

function last<T>(list: readonly T[], entry: T, most: number): T[] {
  const kept = [...list, entry].slice(-most);
  let characters = kept.reduce((sum, one) => sum + sizeOf(one), 0);
  while (characters > MAX_CHARACTERS) characters -= sizeOf(kept.shift());
  return kept;
}

function sizeOf(value: unknown): number {
  return JSON.stringify(value).length;
}
