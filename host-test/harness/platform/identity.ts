// Parses client ids (docs/protocol.md 1.2). The registry checks the credentials.

import { CONNACK } from "./codes.ts";

export interface DeviceIdentity {
  readonly kind: "device";
  readonly org: string;
  readonly type: string;
  readonly id: string;
}

export interface ApplicationIdentity {
  readonly kind: "application";
  readonly org: string;
  readonly appId: string;
}

export type Identity = DeviceIdentity | ApplicationIdentity;

const NAME = /^[A-Za-z0-9_.-]{1,36}$/;
const ORG = /^[A-Za-z0-9_-]{1,36}$/;

// mqtt-packet decodes bytes that are not UTF-8 to this.
const REPLACEMENT = "\uFFFD";

/** True for a legal typeId, deviceId or appId. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** True for a legal event id, command id or format: one topic level (docs/protocol.md 2.1). */
export function isLevel(text: string): boolean {
  return /^[^+#/\p{Cc}]+$/u.test(text);
}

/** The hosted service has six characters; Maximo workspace ids are longer. */
export function isOrg(text: string): boolean {
  return ORG.test(text);
}

/** True for an address or name of this machine. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

export function deviceClientId(device: { org: string; type: string; id: string }): string {
  return `d:${device.org}:${device.type}:${device.id}`;
}

/** The identity in a client id, or the CONNACK code that refuses it. */
export function parseClientId(clientId: string): Identity | number {
  if (clientId.includes(REPLACEMENT)) return CONNACK.badClientId;
  const [kind, org = "", ...names] = clientId.split(":");
  if (!isOrg(org)) return CONNACK.notAuthorized;
  if (kind === "d") return parseDevice(org, names);
  if (kind === "a") return parseApplication(org, names);
  return CONNACK.notAuthorized;
}

function parseDevice(org: string, names: string[]): Identity | number {
  const [type, id] = names;
  if (names.length !== 2 || !isName(type!) || !isName(id!)) return CONNACK.badClientId;
  return { kind: "device", org, type: type!, id: id! };
}

function parseApplication(org: string, names: string[]): Identity | number {
  const [appId] = names;
  if (names.length !== 1 || !isName(appId!)) return CONNACK.badClientId;
  return { kind: "application", org, appId: appId! };
}
