// The attributes of a managed device: their values, which of them the server observes, and what it has to be told. Bounds:
// `limits.observed` for observed attributes and those to be told, `limits.attributeBytes` for a value.

import type { IotfError } from "../../errors.ts";
import type { Connection } from "../../mqtt/connection.ts";
import { type Deadline, isDue, msLeft, OUTBOX_RETRY_MS, tellEnd } from "./channel.ts";
import type { DeviceRequests } from "./device-requests.ts";
import {
  attributeFault,
  copyOf,
  DEVICE_INFO_MEMBERS,
  FIRMWARE_MEMBERS,
  IMAGE_MEMBERS,
  LOCATION_MEMBERS,
  type ManagedSettings,
} from "./options.ts";
import { NOTIFY } from "./topics.ts";
import type { AttributeName, Firmware } from "./types.ts";

/** A member of `d.fields`: in a request with a value, or the name alone. */
export interface Field {
  field: string;
  value?: unknown;
}

type Members = { [name: string]: unknown };

const FIRMWARE = "mgmt.firmware";
/** Member of the metadata, percent; `mgmt.firmware` has none for it. */
const PROGRESS = "firmwareProgress";
/** Longest path of an observed attribute, characters. */
const MAX_PATH = 255;
/** Members that may be observed; of the metadata any. */
const MEMBERS: Readonly<Record<string, readonly string[] | undefined>> = Object.freeze({
  location: LOCATION_MEMBERS,
  deviceInfo: DEVICE_INFO_MEMBERS,
  metadata: undefined,
  [FIRMWARE]: FIRMWARE_MEMBERS,
});

export class Attributes {
  private readonly connection: Connection;
  private readonly requests: DeviceRequests;
  private readonly schedule: () => void;
  private readonly maxObserved: number;
  private readonly maxBytes: number;
  private readonly values: Record<AttributeName, Members>;
  private progress: number | undefined;
  private observed: string[] = [];
  // Paths to be told; of `mgmt.firmware` the members that have changed. The values are read when they are sent.
  private pending: Record<string, Record<string, true>> | undefined;
  // One notify at a time: what changes meanwhile goes into the next one.
  private notifying = false;
  private retry: Deadline | undefined;

  /** @param schedule called when {@link msLeft} has changed */
  constructor(
    connection: Connection,
    requests: DeviceRequests,
    { deviceInfo, metadata, limits }: ManagedSettings,
    schedule: () => void,
  ) {
    this.connection = connection;
    this.requests = requests;
    this.schedule = schedule;
    this.maxObserved = limits.observed;
    this.maxBytes = limits.attributeBytes;
    this.values = {
      location: {},
      metadata: copyOf(metadata),
      deviceInfo: copyOf(deviceInfo),
      [FIRMWARE]: { state: 0, updateStatus: 0 },
    };
  }

  get firmware(): Firmware {
    return this.values[FIRMWARE] as unknown as Firmware;
  }

  /** A copy of a value, as JSON has it. */
  valueOf(name: AttributeName): Members {
    return copyOf(this.values[name]);
  }

  /** Replaces the value of an attribute as a whole. Until flush(), the server is not told. */
  replace(name: AttributeName, value: object): void {
    const before = this.values[name];
    const after = copyOf(value);
    this.values[name] = after;
    const members = Object.keys(before).concat(Object.keys(after));
    this.changed(
      name,
      members.filter(key => JSON.stringify(before[key]) !== JSON.stringify(after[key])),
    );
  }

  /** Sets members of `mgmt.firmware`. Until flush(), the server is not told. */
  setFirmware(members: Readonly<Members>): void {
    const value = this.values[FIRMWARE];
    const changed = Object.keys(members).filter(key => value[key] !== members[key]);
    Object.assign(value, members);
    this.changed(FIRMWARE, changed);
  }

  /** Percent, shown in the metadata while a download or an update is under way; undefined: none is. */
  setProgress(percent: number | undefined): void {
    if (percent === this.progress) return;
    this.progress = percent;
    this.changed("metadata", [PROGRESS]);
  }

  /** Tells the server what has changed, in one notify. */
  flush(): void {
    const { pending } = this;
    if (!pending || this.notifying || !this.connection.active) return;
    const fields = Object.keys(pending).map(path => this.notifyField(path, pending[path]!));
    // Before it is sent: a callback may change attributes meanwhile.
    this.pending = undefined;
    this.retry = undefined;
    this.notifying = true;
    let sent = false;
    try {
      sent = this.requests.hasRoom && this.requests.send(NOTIFY, { fields }, error => this.notified(error));
    } finally {
      // It throws when the notify is too large, whose changes are then dropped.
      if (!sent) this.notifying = false;
    }
    if (sent) return;
    for (const path in pending) this.addPending(path, Object.keys(pending[path]!));
    this.retry = { since: this.connection.ports.clock.now(), ms: OUTBOX_RETRY_MS };
    this.schedule();
  }

  msLeft(now: number): number | undefined {
    return msLeft(now, this.retry);
  }

  expire(now: number): void {
    if (isDue(now, this.retry)) this.flush();
  }

  /** Observes all of the names or none. Returns the unknown names and those above the limit. */
  observe(names: readonly string[]): { unknown: string[]; tooMany: string[] } {
    const unknown = names.filter(name => !isKnown(name));
    const added = names.filter((name, i) => this.observed.indexOf(name) < 0 && names.indexOf(name) === i);
    const tooMany = added.slice(this.maxObserved - this.observed.length);
    if (!unknown.length && !tooMany.length) this.observed = this.observed.concat(added);
    return { unknown, tooMany };
  }

  cancel(names: readonly string[]): void {
    this.observed = this.observed.filter(name => names.indexOf(name) < 0);
    const { pending } = this;
    for (let i = 0; pending && i < names.length; i++) delete pending[names[i]!];
    if (pending && !Object.keys(pending).length) this.pending = undefined;
  }

  /** The current values; a field that has none comes without one. */
  read(names: readonly string[]): Field[] {
    return names.map(name => this.field(name));
  }

  /** The server sets attributes: all of them, or none. Returns those that it cannot set, each with the reason as value. */
  set(fields: readonly Field[]): Field[] {
    const values = Object.assign({}, this.values);
    const faulty: Field[] = [];
    for (let i = 0; i < fields.length; i++) {
      const { field, value } = fields[i]! as { field: AttributeName; value: Members };
      let fault = attributeFault(field, value, this.maxBytes);
      if (!fault) {
        values[field] = field === FIRMWARE ? withImage(values[field], value) : merged(field, values[field], value);
        // The device info is merged: the result has the same bound.
        if (field === "deviceInfo") fault = attributeFault(field, values[field], this.maxBytes);
      }
      if (fault) faulty.push({ field, value: fault });
    }
    if (!faulty.length) Object.assign(this.values, values);
    return faulty;
  }

  private notified(error: IotfError | undefined): void {
    this.notifying = false;
    tellEnd(this.connection, undefined, error);
    this.flush();
  }

  private notifyField(path: string, members: Record<string, true>): Field {
    if (path !== FIRMWARE) return this.field(path);
    // The server keeps `mgmt.firmware` member by member, the others as a whole.
    const value: Members = {};
    for (const key in members) value[key] = this.values[FIRMWARE][key];
    return { field: path, value };
  }

  private field(path: string): Field {
    const root = rootOf(path) as AttributeName;
    const whole =
      root === "metadata" && this.progress !== undefined
        ? Object.assign(this.valueOf(root), { [PROGRESS]: this.progress })
        : this.values[root];
    if (path === root) return { field: path, value: whole };
    const member = path.slice(root.length + 1);
    return Object.keys(whole).indexOf(member) < 0 ? { field: path } : { field: path, value: whole[member] };
  }

  private changed(name: AttributeName, members: readonly string[]): void {
    for (let i = 0; i < this.observed.length && members.length; i++) {
      const path = this.observed[i]!;
      const whole = path === name;
      if (whole || (rootOf(path) === name && members.indexOf(path.slice(name.length + 1)) >= 0)) {
        this.addPending(path, members);
      }
    }
  }

  private addPending(path: string, members: readonly string[]): void {
    const pending = this.pending || {};
    const known = pending[path] || {};
    for (let i = 0; i < members.length && path === FIRMWARE; i++) known[members[i]!] = true;
    pending[path] = known;
    this.pending = pending;
  }
}

/** The attribute that a path such as "mgmt.firmware.state" is in. */
function rootOf(path: string): string {
  if (path === FIRMWARE || path.indexOf(`${FIRMWARE}.`) === 0) return FIRMWARE;
  const dot = path.indexOf(".");
  return dot < 0 ? path : path.slice(0, dot);
}

function isKnown(path: string): boolean {
  const root = rootOf(path);
  if (Object.keys(MEMBERS).indexOf(root) < 0 || path.length > MAX_PATH) return false;
  if (path === root) return true;
  const member = path.slice(root.length + 1);
  const members = MEMBERS[root];
  return members ? members.indexOf(member) >= 0 : member !== "" && member.indexOf(".") < 0;
}

/** Device info with the members of `changes`, another attribute with these alone; null deletes a member. */
function merged(name: AttributeName, value: Members, changes: Members): Members {
  const result = name === "deviceInfo" ? Object.assign(copyOf(value), copyOf(changes)) : copyOf(changes);
  for (const key in result) if (result[key] === null) delete result[key];
  return result;
}

/** `mgmt.firmware` with the image that the server offers: a member that is absent is deleted. */
function withImage(firmware: Members, offered: Members): Members {
  const result: Members = Object.assign({}, firmware);
  for (let i = 0; i < IMAGE_MEMBERS.length; i++) result[IMAGE_MEMBERS[i]!] = offered[IMAGE_MEMBERS[i]!] ?? undefined;
  return result;
}
