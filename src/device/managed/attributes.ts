// The attributes of a managed device: their values, which of them the server observes, and what it has to be told. Bounds:
// `limits.observed` for observed attributes and for values to be told, `limits.metadataBytes`.

import {
  DEVICE_INFO,
  deviceInfoFault,
  isObject,
  LOCATION_MEMBERS,
  locationFault,
  type ManagedSettings,
  metadataFault,
} from "./options.ts";
import type { Requests } from "./requests.ts";
import { NOTIFY } from "./topics.ts";
import type { AttributeName, DeviceInfo, Firmware } from "./types.ts";

/** A member of `d.fields`: in a request with a value, or the name alone. */
export interface Field {
  field: string;
  value?: unknown;
}

type Members = { [name: string]: unknown };

const FIRMWARE = "mgmt.firmware";
/** Members of `mgmt.firmware` that the server sets; each a string. */
const IMAGE: readonly string[] = Object.freeze(["version", "name", "uri", "verifier"]);
/** Further members that it may send; they are the device's own. */
const IGNORED: readonly string[] = Object.freeze(["state", "updateStatus", "updatedDateTime"]);
/** Members that may be observed; metadata may have any. */
const MEMBERS: Readonly<Record<string, readonly string[] | undefined>> = Object.freeze({
  location: LOCATION_MEMBERS,
  deviceInfo: DEVICE_INFO,
  metadata: undefined,
  [FIRMWARE]: IMAGE.concat(IGNORED),
});

export class Attributes {
  private readonly requests: Requests;
  private readonly most: number;
  private readonly metadataBytes: number;
  private readonly values: Record<AttributeName, Members>;
  private observed: string[] = [];
  // Values to be told, by attribute. They wait while there are too many requests.
  private untold: Members | undefined;

  constructor(requests: Requests, { deviceInfo, metadata, limits }: ManagedSettings) {
    this.requests = requests;
    this.most = limits.observed;
    this.metadataBytes = limits.metadataBytes;
    this.values = {
      location: {},
      metadata: Object.assign({}, metadata),
      deviceInfo: Object.assign({} as Members, deviceInfo),
      [FIRMWARE]: { state: 0, updateStatus: 0 },
    };
  }

  get deviceInfo(): DeviceInfo {
    return this.values.deviceInfo;
  }

  get metadata(): Members {
    return this.values.metadata;
  }

  get firmware(): Firmware {
    return this.values[FIRMWARE] as unknown as Firmware;
  }

  /** Replaces the value of an attribute as a whole, and tells the server if it is observed. */
  replace(name: AttributeName, value: object): void {
    const before = this.values[name];
    const after = Object.assign({} as Members, value);
    this.values[name] = after;
    this.changed(
      name,
      after,
      Object.keys(Object.assign({}, before, after)).filter(key => before[key] !== after[key]),
    );
  }

  /** Sets members of `mgmt.firmware` or of the metadata; tells the server the changed ones, together. */
  assign(name: AttributeName, members: Readonly<Members>): void {
    const value = this.values[name];
    const changed = Object.keys(members).filter(key => value[key] !== members[key]);
    Object.assign(value, members);
    const told: Members = {};
    for (let i = 0; i < changed.length; i++) told[changed[i]!] = value[changed[i]!];
    // The server keeps the metadata as a whole, `mgmt.firmware` member by member.
    this.changed(name, name === FIRMWARE ? told : value, changed);
  }

  /** Tells the server a value although it does not observe the attribute. */
  tell(name: string, value: unknown): void {
    const untold = this.untold || {};
    const waiting = untold[name];
    untold[name] = name === FIRMWARE && isObject(waiting) ? Object.assign(waiting, value) : value;
    this.untold = untold;
    this.flush();
  }

  /** True while values wait because there are too many requests. */
  get isWaiting(): boolean {
    return this.untold !== undefined;
  }

  /** Sends what waits, in one notify. */
  flush(): void {
    const { untold } = this;
    if (!untold || !this.requests.hasRoom) return;
    const fields: Field[] = Object.keys(untold).map(field => ({ field, value: untold[field] }));
    this.untold = undefined;
    if (!this.requests.send(NOTIFY, { fields }, undefined)) this.untold = untold;
  }

  /** Returns the names that cannot be observed; then none of them is. */
  observe(names: readonly string[]): string[] {
    const added = names.filter(name => this.observed.indexOf(name) < 0);
    const room = this.most - this.observed.length;
    const unknown = names.filter(name => !isKnown(name));
    if (unknown.length) return unknown;
    if (added.length > room) return added.slice(room);
    this.observed = this.observed.concat(added);
    return [];
  }

  cancel(names: readonly string[]): void {
    this.observed = this.observed.filter(name => names.indexOf(name) < 0);
  }

  /** The current values; a field that has none comes without one. */
  read(names: readonly string[]): Field[] {
    return names.map(field => {
      const value = this.valueOf(field);
      return value === undefined ? { field } : { field, value };
    });
  }

  /** The server sets attributes: all of them, or none. Returns those that it cannot set. */
  set(fields: readonly Field[]): string[] {
    const faulty = fields.filter(one => this.setFault(one)).map(({ field }) => field);
    if (faulty.length) return faulty;
    for (let i = 0; i < fields.length; i++) {
      const { field, value } = fields[i]! as { field: AttributeName; value: Record<string, unknown> };
      if (field === FIRMWARE) {
        for (let m = 0; m < IMAGE.length; m++) this.values[FIRMWARE][IMAGE[m]!] = value[IMAGE[m]!] ?? undefined;
      } else if (field === "deviceInfo") this.values.deviceInfo = withoutNulls(this.values.deviceInfo, value);
      else this.values[field] = withoutNulls({}, value);
    }
    return [];
  }

  valueOf(name: string): unknown {
    const root = rootOf(name);
    const value = this.values[root as AttributeName];
    return name === root ? value : value?.[name.slice(root.length + 1)];
  }

  private setFault({ field, value }: Field): string {
    if (field === "location") return locationFault(value);
    if (field === "metadata") return metadataFault(value, this.metadataBytes);
    if (!isObject(value)) return "not an object";
    if (field === "deviceInfo") return deviceInfoFault(withoutNulls({}, value));
    if (field !== FIRMWARE) return "unknown";
    const text = (key: string) => typeof (value[key] ?? "") === "string";
    return Object.keys(value).every(key => (IMAGE.indexOf(key) < 0 ? IGNORED.indexOf(key) >= 0 : text(key)))
      ? ""
      : FIRMWARE;
  }

  private changed(name: AttributeName, value: object, members: readonly string[]): void {
    for (let i = 0; i < this.observed.length && members.length; i++) {
      const path = this.observed[i]!;
      if (path === name) this.tell(path, value);
      else if (rootOf(path) === name && members.indexOf(path.slice(name.length + 1)) >= 0) {
        this.tell(path, this.valueOf(path));
      }
    }
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
  if (Object.keys(MEMBERS).indexOf(root) < 0) return false;
  const members = MEMBERS[root];
  return path === root || !members || members.indexOf(path.slice(root.length + 1)) >= 0;
}

/** `value` with the members of `changes`; null deletes a member. */
function withoutNulls(value: object, changes: Readonly<Members>): Members {
  const result = Object.assign({} as Members, value);
  for (const key in changes) {
    if (changes[key] === null) delete result[key];
    else result[key] = changes[key];
  }
  return result;
}
