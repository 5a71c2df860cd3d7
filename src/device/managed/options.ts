// The options of device management and the arguments of its requests, checked before anything is sent.

import { encodeUtf8 } from "../../utf8.ts";
import { consistsOf, DIGITS, hasForm, LETTERS } from "../characters.ts";
import { jsonText } from "../codec/text.ts";
import { wrong } from "../option-values.ts";
import type { DeviceInfo, LogEntry, ManagedLimits, ManagedOptions } from "./types.ts";

const MIN_LIFETIME = 3600;
const MAX_LIFETIME = 4_294_967;
const MAX_TIMEOUT = 2_147_483_647;
const MAX_BUNDLES = 8;
const MAX_BUNDLE_ID = 255;
const BUNDLE_CHARACTERS = `${LETTERS}${DIGITS}-_.`;

/** {@link ManagedLimits} that are not given. */
export const DEFAULT_MANAGED_LIMITS: Readonly<Required<ManagedLimits>> = Object.freeze({
  requests: 8,
  observed: 16,
  attributeBytes: 1024,
});

/** The members of {@link DeviceInfo}. */
export const DEVICE_INFO_MEMBERS: readonly string[] = Object.freeze([
  "serialNumber",
  "manufacturer",
  "model",
  "deviceClass",
  "description",
  "fwVersion",
  "hwVersion",
  "descriptiveLocation",
]);

/** The members of {@link Location}. */
export const LOCATION_MEMBERS: readonly string[] = Object.freeze([
  "longitude",
  "latitude",
  "elevation",
  "accuracy",
  "measuredDateTime",
  "updatedDateTime",
]);

/** Members of `mgmt.firmware` that the server sets; each a string. */
export const IMAGE_MEMBERS: readonly string[] = Object.freeze(["version", "name", "uri", "verifier"]);

/** All members of `mgmt.firmware`. */
export const FIRMWARE_MEMBERS: readonly string[] = Object.freeze(
  IMAGE_MEMBERS.concat("state", "updateStatus", "updatedDateTime"),
);

/** Bundle ids that would not be claims of a bundle in `supports`. */
const RESERVED: readonly string[] = Object.freeze(["deviceActions", "firmwareActions", "__proto__"]);

const ATTRIBUTES: readonly string[] = Object.freeze(["location", "metadata", "deviceInfo", "mgmt.firmware"]);
const TIME_FORM = "0000-00-00T00:00:00";

const OPTIONS: readonly string[] = Object.freeze([
  "lifetime",
  "deviceInfo",
  "metadata",
  "bundles",
  "installer",
  "requestTimeout",
  "limits",
]);

/** {@link ManagedOptions} with their defaults. */
export interface ManagedSettings {
  lifetime: number;
  deviceInfo: DeviceInfo;
  metadata: Readonly<Record<string, unknown>>;
  bundles: readonly string[];
  installer: ManagedOptions["installer"];
  requestTimeout: number;
  limits: Readonly<Required<ManagedLimits>>;
}

/** @throws ConfigurationException naming the option */
export function checkManaged(options: ManagedOptions = {}): ManagedSettings {
  if (typeof options !== "object" || !options) throw wrong("managed must be an object");
  checkMembers("managed.", options, OPTIONS);
  const { lifetime = MIN_LIFETIME, requestTimeout = 30_000, bundles = [], installer } = options;
  if (lifetime !== 0) checkWhole("managed.lifetime", lifetime, MIN_LIFETIME, MAX_LIFETIME, " or 0");
  checkWhole("managed.requestTimeout", requestTimeout, 1, MAX_TIMEOUT);
  const limits = checkLimits(options.limits);
  const deviceInfo = options.deviceInfo ?? {};
  const metadata = options.metadata ?? {};
  throwFault(attributeFault("deviceInfo", deviceInfo, limits.attributeBytes));
  throwFault(attributeFault("metadata", metadata, limits.attributeBytes));
  if (installer !== undefined && !(hasMethod(installer, "download") && hasMethod(installer, "update"))) {
    throw wrong("managed.installer must have the methods download and update");
  }
  return {
    lifetime,
    deviceInfo,
    metadata,
    bundles: checkBundles(bundles),
    installer,
    requestTimeout,
    limits,
  };
}

function checkLimits(given: ManagedLimits = {}): Readonly<Required<ManagedLimits>> {
  checkMembers("managed.limits.", given, Object.keys(DEFAULT_MANAGED_LIMITS));
  const limits: Required<ManagedLimits> = Object.assign({}, DEFAULT_MANAGED_LIMITS);
  for (const key in given) {
    const name = key as keyof ManagedLimits;
    if (given[name] !== undefined) limits[name] = given[name]!;
  }
  checkWhole("managed.limits.requests", limits.requests, 1, 255);
  checkWhole("managed.limits.observed", limits.observed, 4, 255);
  checkWhole("managed.limits.attributeBytes", limits.attributeBytes, 2, 32_768);
  return limits;
}

function checkBundles(bundles: readonly string[]): readonly string[] {
  if (!Array.isArray(bundles) || bundles.length > MAX_BUNDLES) {
    throw wrong(`managed.bundles must be an array of at most ${MAX_BUNDLES} bundle ids`);
  }
  for (let i = 0; i < bundles.length; i++) {
    const id: unknown = bundles[i];
    if (typeof id !== "string" || !consistsOf(id, BUNDLE_CHARACTERS) || id.length > MAX_BUNDLE_ID) {
      throw wrong(`managed.bundles: a bundle id is 1 to ${MAX_BUNDLE_ID} of A-Z a-z 0-9 - _ . and not "${id}"`);
    }
    if (RESERVED.indexOf(id) >= 0) throw wrong(`managed.bundles: "${id}" cannot be a bundle id`);
  }
  return bundles.slice();
}

function checkMembers(prefix: string, given: object, known: readonly string[]): void {
  for (const key in given) if (known.indexOf(key) < 0) throw wrong(`Unknown option: ${prefix}${key}`);
}

function checkWhole(name: string, value: unknown, least: number, most: number, or = ""): void {
  if (typeof value === "number" && value % 1 === 0 && value >= least && value <= most) return;
  throw wrong(`${name} must be a whole number ${least}..${most}${or}, not ${value}`);
}

function hasMethod(value: object, name: string): boolean {
  return typeof (value as Record<string, unknown>)[name] === "function";
}

export function throwFault(fault: string): void {
  if (fault) throw wrong(fault);
}

// The faults below are thrown for arguments of the application, and answered to the server for what it sends.

/** Says why `value` cannot be the value of an attribute, "" if it can. A member that is null is absent. */
export function attributeFault(name: string, value: unknown, maxBytes: number): string {
  if (ATTRIBUTES.indexOf(name) < 0) return `unknown attribute ${name}`;
  if (!isObject(value)) return `${name} must be an object`;
  if (name === "location") return locationFault(value);
  if (name !== "metadata") {
    const known = name === "deviceInfo" ? DEVICE_INFO_MEMBERS : FIRMWARE_MEMBERS;
    const texts = name === "deviceInfo" ? known : IMAGE_MEMBERS;
    for (const key in value) {
      if (known.indexOf(key) < 0) return `${name} has no member ${key}`;
      if (texts.indexOf(key) >= 0 && typeof (value[key] ?? "") !== "string") return `${name}.${key} must be a string`;
    }
  }
  const bytes = encodeUtf8(jsonText(value)).length;
  return bytes > maxBytes ? `${name} of ${bytes} bytes, managed.limits.attributeBytes is ${maxBytes}` : "";
}

function locationFault(value: Record<string, unknown>): string {
  for (const key in value) if (LOCATION_MEMBERS.indexOf(key) < 0) return `location has no member ${key}`;
  const { longitude, latitude, elevation, accuracy, measuredDateTime, updatedDateTime } = value;
  if (!isBetween(longitude, -180, 180)) return `longitude must be -180..180 degrees, not ${longitude}`;
  if (!isBetween(latitude, -90, 90)) return `latitude must be -90..90 degrees, not ${latitude}`;
  if (!isBetween(elevation ?? 0, -1e9, 1e9)) return `elevation must be metres, not ${elevation}`;
  if (!isBetween(accuracy ?? 0, 0, 1e9)) return `accuracy must be metres from 0, not ${accuracy}`;
  return timeFault("measuredDateTime", measuredDateTime) || timeFault("updatedDateTime", updatedDateTime);
}

export function logFault(entry: LogEntry): string {
  if (!isObject(entry)) return "a log entry must be an object";
  const { message, severity = 0, timestamp, data = "" } = entry;
  if (typeof message !== "string" || !message) return "message must be a string that is not empty";
  if (severity !== 0 && severity !== 1 && severity !== 2) return `severity must be 0, 1 or 2, not ${severity}`;
  if (typeof data !== "string" && !((data as unknown) instanceof Uint8Array)) {
    return "data must be a string or a Uint8Array";
  }
  return timeFault("timestamp", timestamp);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As JSON has it: later changes of `value` do not change the copy. */
export function copyOf(value: object): Record<string, unknown> {
  return JSON.parse(jsonText(value));
}

function isBetween(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value >= least && value <= most;
}

function timeFault(name: string, value: unknown): string {
  if (value === undefined || value === null) return "";
  const form = typeof value === "string" && hasForm(value.slice(0, TIME_FORM.length), TIME_FORM);
  const valid = form && Date.parse(value as string) < Infinity; // false for NaN
  return valid ? "" : `${name} must be a time in ISO 8601, not ${value}`;
}
