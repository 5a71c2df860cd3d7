// Attributes of a managed device (docs/protocol.md 7.2 to 7.4): which there are, which values they take, how a change is
// stored.

import {
  type Check,
  dateTime,
  finite,
  isId,
  isObject,
  type Json,
  membersFault,
  number,
  object,
  oneOf,
  shown,
  text,
} from "./checks.ts";

/** What a device is made of; members that the device did not send are absent. */
export interface ManagedDeviceInfo {
  readonly serialNumber?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly deviceClass?: string;
  readonly description?: string;
  readonly fwVersion?: string;
  readonly hwVersion?: string;
  readonly descriptiveLocation?: string;
}

export interface ManagedLocation {
  /** Degrees, WGS84. */
  readonly longitude: number;
  /** Degrees, WGS84. */
  readonly latitude: number;
  /** Metres. */
  readonly elevation?: number;
  /** Metres. */
  readonly accuracy?: number;
  /** ISO 8601. */
  readonly measuredDateTime?: string;
  /** ISO 8601. */
  readonly updatedDateTime?: string;
}

/** Attribute `mgmt.firmware`, as far as the platform knows it. */
export interface ManagedFirmware {
  readonly version?: string;
  readonly name?: string;
  readonly uri?: string;
  readonly verifier?: string;
  /** 0 idle, 1 downloading, 2 downloaded. */
  readonly state?: number;
  /** 0 success, 1 in progress, 2 out of memory, 3 connection lost, 4 verification failed, 5 unsupported image, 6 invalid URI. */
  readonly updateStatus?: number;
  readonly updatedDateTime?: string;
}

export interface Field {
  readonly field: string;
  readonly value?: unknown;
}

export interface Attributes {
  location: ManagedLocation | undefined;
  metadata: Json;
  deviceInfo: ManagedDeviceInfo;
  firmware: ManagedFirmware;
}

const DEVICE_INFO: Readonly<Record<string, Check>> = {
  serialNumber: text,
  manufacturer: text,
  model: text,
  deviceClass: text,
  description: text,
  fwVersion: text,
  hwVersion: text,
  descriptiveLocation: text,
};

const LOCATION: Readonly<Record<string, Check>> = {
  longitude: number(-180, 180),
  latitude: number(-90, 90),
  elevation: finite,
  accuracy: number(0, Number.POSITIVE_INFINITY),
  measuredDateTime: dateTime,
  updatedDateTime: dateTime,
};

/** Members that a location must have. */
const REQUIRED = ["longitude", "latitude"];

const FIRMWARE: Readonly<Record<string, Check>> = {
  version: text,
  name: text,
  uri: text,
  verifier: text,
  state: oneOf(0, 1, 2),
  updateStatus: oneOf(0, 1, 2, 3, 4, 5, 6),
  // Empty in IBM's examples.
  updatedDateTime: value => (value === "" ? undefined : dateTime(value)),
};

/** The parameters of a firmware request, which the operator chooses. */
export const FIRMWARE_PARAMETERS: readonly string[] = ["version", "name", "uri", "verifier"];

export const ROOTS = ["location", "metadata", "deviceInfo", "mgmt.firmware"] as const;

/** Members of each attribute; those of metadata are up to the device. */
const MEMBERS = { location: LOCATION, deviceInfo: DEVICE_INFO, "mgmt.firmware": FIRMWARE };

/** What is wrong with an attribute that a device reports, or an operator sets; undefined if nothing. */
export function attributeFault({ field, value }: Field): string | undefined {
  const [root, member] = split(field);
  if (root === "metadata") {
    if (member === undefined) return object(value) && `metadata must be an object, not ${shown(value)}`;
    return isId(member) && value !== undefined ? undefined : `${shown(field)} has no value`;
  }
  const table = root && MEMBERS[root];
  if (!table || (member !== undefined && !Object.hasOwn(table, member))) return `there is no attribute ${shown(field)}`;
  if (member === undefined) return membersFault(root, value, table, root === "location" ? REQUIRED : []);
  const rule = table[member]!(value);
  return rule && `${field} must be ${rule}, not ${shown(value)}`;
}

/** True if an observation of `observed` covers a notify of `field`: one of them is the other, or a part of it. */
export function covers(observed: string, field: string): boolean {
  return `${field}.`.startsWith(`${observed}.`) || `${observed}.`.startsWith(`${field}.`);
}

/**
 * Stores a valid attribute. A location replaces the stored one; members of the others are merged.
 * @param merge false: metadata and deviceInfo replace the stored ones too, as an operator's change does
 */
export function store(attributes: Attributes, { field, value }: Field, merge = true): void {
  const [root, member] = split(field);
  const change = member === undefined ? (value as Json) : { [member]: value };
  const merged = (stored: Json): Json => (merge || member !== undefined ? { ...stored, ...change } : change);
  if (root === "location") {
    attributes.location = (member === undefined ? change : { ...attributes.location, ...change }) as never;
  } else if (root === "metadata")
    attributes.metadata =
      member === undefined ? merged(attributes.metadata) : deep(attributes.metadata, member.split("."), value);
  else if (root === "deviceInfo") attributes.deviceInfo = merged(attributes.deviceInfo as Json);
  else if (root === "mgmt.firmware") attributes.firmware = { ...attributes.firmware, ...change };
}

/** Attribute and member of a dotted path; the name `mgmt.firmware` has a dot itself. */
function split(field: string): [root: (typeof ROOTS)[number] | undefined, member: string | undefined] {
  const root = ROOTS.find(name => field === name || field.startsWith(`${name}.`));
  return [root, root === undefined || field === root ? undefined : field.slice(root.length + 1)];
}

function deep(stored: Json, path: readonly string[], value: unknown): Json {
  const [key, ...rest] = path as [string, ...string[]];
  const inner = Object.hasOwn(stored, key) && isObject(stored[key]) ? stored[key] : {};
  return { ...stored, [key]: rest.length === 0 ? value : deep(inner, rest, value) };
}
