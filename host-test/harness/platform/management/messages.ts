// Messages of a managed device on iotdevice-1/… (docs/protocol.md 7.1, 7.2): parses them, and says what is wrong.

import { attributeFault, type Field, type ManagedDeviceInfo, type ManagedLocation } from "./attributes.ts";
import {
  base64,
  type Check,
  dateTime,
  flag,
  integer,
  isId,
  isObject,
  type Json,
  membersFault,
  object,
  oneOf,
  shown,
  text,
} from "./checks.ts";

/** What a device claims in manage. */
export interface Supports {
  /** Reboot and factory reset. */
  readonly deviceActions: boolean;
  /** Download and update of firmware. */
  readonly firmwareActions: boolean;
  /** Bundles of custom actions. */
  readonly bundles: readonly string[];
}

export interface ManagedLogEntry {
  readonly message: string;
  /** ISO 8601. */
  readonly timestamp: string;
  /** 0 information, 1 warning, 2 error. */
  readonly severity: number;
  /** Base64. */
  readonly data?: string;
}

export interface Manage {
  readonly kind: "manage";
  /** Seconds; 0: no limit. */
  readonly lifetime: number;
  readonly supports: Supports;
  /** Undefined: the stored ones stay. */
  readonly deviceInfo: ManagedDeviceInfo | undefined;
  readonly metadata: Json | undefined;
}

export type DeviceRequest =
  | Manage
  | { readonly kind: "unmanage" | "clearErrorCodes" | "clearLog" }
  | { readonly kind: "location"; readonly location: ManagedLocation }
  | { readonly kind: "addErrorCode"; readonly errorCode: number }
  | { readonly kind: "addLog"; readonly entry: ManagedLogEntry }
  | { readonly kind: "notify"; readonly fields: readonly Field[] };

/** An answer of the device to a request of the platform. */
export interface Answer {
  readonly kind: "response";
  readonly rc: number;
  readonly message: string | undefined;
  readonly fields: readonly Field[];
}

export type DeviceMessage =
  | (DeviceRequest & { readonly reqId: string | undefined })
  | (Answer & { readonly reqId: string });

/** A message is malformed, or a value is out of range. */
export class MessageFault extends Error {
  /** The code that answers it. */
  readonly rc: number;
  /** Undefined: there is no answer. */
  readonly reqId: string | undefined;

  constructor(rc: number, message: string, reqId?: string) {
    super(message);
    this.rc = rc;
    this.reqId = reqId;
  }
}

/** Characters of a reqId, and of the text of an answer. */
const MAX_TEXT = 1024;
/** Fields of one message. */
const MAX_FIELDS = 256;

type Parse = (d: unknown) => DeviceRequest;

const PARSERS: Readonly<Record<string, Parse>> = {
  "mgmt/manage": parseManage,
  "mgmt/unmanage": bare("unmanage"),
  "device/update/location": d => {
    reject(attributeFault({ field: "location", value: d }));
    return { kind: "location", location: d as ManagedLocation };
  },
  "add/diag/errorCodes": d => {
    reject(membersFault("d", d, { errorCode: integer }, ["errorCode"]));
    return { kind: "addErrorCode", errorCode: (d as { errorCode: number }).errorCode };
  },
  "clear/diag/errorCodes": bare("clearErrorCodes"),
  "add/diag/log": d => {
    reject(membersFault("d", d, LOG, ["message", "timestamp", "severity"]));
    return { kind: "addLog", entry: d as ManagedLogEntry };
  },
  "clear/diag/log": bare("clearLog"),
  notify: d => {
    reject(membersFault("d", d, { fields: list }, ["fields"]));
    const fields = fieldsOf(d);
    if (fields.length === 0) throw new MessageFault(400, "fields is empty");
    for (const field of fields) reject(attributeFault(field));
    return { kind: "notify", fields };
  },
};

const LOG: Readonly<Record<string, Check>> = {
  message: text,
  timestamp: dateTime,
  severity: oneOf(0, 1, 2),
  data: base64,
};
const MANAGE: Readonly<Record<string, Check>> = { metadata: object, lifetime, supports: object, deviceInfo: object };
const RESPONSE: Readonly<Record<string, Check>> = { rc: integer, message: text, d: object, reqId: text };

/**
 * Parses a message of a device.
 * @param payload undefined: it is not UTF-8
 * @throws MessageFault
 */
export function parseMessage(topic: string, payload: string | undefined): DeviceMessage {
  const path = topic.slice("iotdevice-1/".length);
  const message = parseJson(payload);
  const reqId = reqIdOf(message);
  if (path === "response") return parseAnswer(message, reqId);
  try {
    const parse = Object.hasOwn(PARSERS, path) ? PARSERS[path]! : undefined;
    if (!parse) throw new MessageFault(400, `there is no request ${topic}`);
    for (const key of Object.keys(message)) {
      if (key !== "d" && key !== "reqId")
        throw new MessageFault(400, `unknown member ${shown(key)} beside d and reqId`);
    }
    return { ...parse(message.d), reqId };
  } catch (error) {
    if (!(error instanceof MessageFault)) throw error;
    throw new MessageFault(error.rc, error.message, reqId);
  }
}

function parseJson(payload: string | undefined): Json {
  let message: unknown;
  try {
    message = JSON.parse(payload ?? "");
  } catch {
    throw new MessageFault(
      400,
      payload === undefined ? "the payload is not UTF-8" : `the payload is not JSON: ${shown(payload)}`,
    );
  }
  if (!isObject(message)) throw new MessageFault(400, `the payload must be a JSON object, not ${shown(message)}`);
  return message;
}

function reqIdOf({ reqId }: Json): string | undefined {
  if (reqId === undefined || (typeof reqId === "string" && reqId !== "" && reqId.length <= MAX_TEXT)) return reqId;
  throw new MessageFault(400, `reqId must be a string of 1 to ${MAX_TEXT} characters, not ${shown(reqId)}`);
}

function parseAnswer(message: Json, reqId: string | undefined): DeviceMessage {
  if (reqId === undefined) throw new MessageFault(400, "an answer without reqId");
  reject(membersFault("the answer", message, RESPONSE, ["rc"]));
  const { rc, message: given } = message as { rc: number; message?: string };
  return { kind: "response", reqId, rc, message: given?.slice(0, MAX_TEXT), fields: fieldsOf(message.d) };
}

function parseManage(d: unknown = {}): DeviceRequest {
  reject(membersFault("d", d, MANAGE));
  const { lifetime = 0, supports = {}, deviceInfo, metadata } = d as Json;
  if (deviceInfo !== undefined) reject(attributeFault({ field: "deviceInfo", value: deviceInfo }));
  return {
    kind: "manage",
    lifetime: lifetime as number,
    supports: parseSupports(supports as Json),
    deviceInfo: deviceInfo as ManagedDeviceInfo | undefined,
    metadata: metadata as Json | undefined,
  };
}

function parseSupports(supports: Json): Supports {
  const bundles: string[] = [];
  for (const key of Object.keys(supports)) {
    if (!isId(key)) throw new MessageFault(403, `supports has ${shown(key)}, which cannot be a bundle id`);
    reject(flag(supports[key]) && `supports.${key} must be true or false, not ${shown(supports[key])}`);
    if (key !== "deviceActions" && key !== "firmwareActions" && supports[key]) bundles.push(key);
  }
  if (bundles.length > MAX_FIELDS) throw new MessageFault(403, `supports has more than ${MAX_FIELDS} bundles`);
  return {
    deviceActions: supports.deviceActions === true,
    firmwareActions: supports.firmwareActions === true,
    bundles,
  };
}

function bare(kind: "unmanage" | "clearErrorCodes" | "clearLog"): Parse {
  return d => {
    if (d !== undefined) reject(membersFault("d", d, {}));
    return { kind };
  };
}

function fieldsOf(d: unknown): Field[] {
  const fields = isObject(d) && d.fields !== undefined ? d.fields : [];
  reject(list(fields) && `fields must be ${list(fields)}, not ${shown(fields)}`);
  for (const entry of fields as unknown[]) {
    reject(membersFault("an entry of fields", entry, { field: text, value: () => undefined }, ["field"]));
  }
  return fields as Field[];
}

function list(value: unknown): string | undefined {
  return Array.isArray(value) && value.length <= MAX_FIELDS ? undefined : `an array of at most ${MAX_FIELDS} entries`;
}

function lifetime(value: unknown): string | undefined {
  return integer(value) === undefined && (value === 0 || (value as number) >= 3600)
    ? undefined
    : "0 or a whole number 3600 or more";
}

function reject(fault: string | undefined): void {
  if (fault) throw new MessageFault(400, fault);
}
