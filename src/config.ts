// Device options to what the MQTT client needs: checked once, before anything is sent. Host, client id and user name are
// derived here and nowhere else (protocol sheet 1 and 5.1). One table says which options there are and of what kind; the
// ini file and the other shapes of a configuration are checked by it too.

import { ConfigurationException, UnsupportedAuthenticationMethod } from "./errors.ts";
import { DEFAULT_LIMITS, type Limits, type MqttOptions, type Will } from "./mqtt-options.ts";
import type { Endpoint, TlsOptions } from "./ports.ts";
import { eventTopic, levelFault } from "./topic.ts";

/**
 * Plain data with the keys of the device ini file. None at all: Quickstart, as an unregistered device. An option that is
 * undefined or null counts as absent.
 */
export interface DeviceOptions {
  /** Organization, six characters on IBM Cloud, the workspace id in some MAS installations. Default "quickstart". */
  org?: string;
  /** The same, as one page of the documentation spells it. */
  orgId?: string;
  /** Device type and id, 1..36 of A-Z a-z 0-9 - _ . (protocol sheet 1.2). Quickstart makes its own when absent. */
  type?: string;
  id?: string;
  /** "token"; "apikey", as one page has it, means the same. With `cert`, this and the token may both be left out. */
  "auth-method"?: string;
  "auth-token"?: string;
  /** Boolean, or "true" or "false" in any case. Default true: the server forgets the device when it disconnects. */
  "clean-session"?: boolean | string;
  /** Default "internetofthings.ibmcloud.com"; for Maximo "iot.<mas-domain>". */
  domain?: string;
  /** The whole host name or address, instead of `<org>.messaging.<domain>`. */
  host?: string;
  /** 1..65535. Default 8883, or 1883 without TLS. */
  port?: number | string;
  /** Default true, except for Quickstart and for ports 1883 and 80. */
  tls?: boolean | string;
  /** Trusted authorities, client certificate and its key: PEM text, or PEM or DER bytes. Only with TLS. */
  ca?: string | Uint8Array;
  cert?: string | Uint8Array;
  key?: string | Uint8Array;
  /** Name for SNI and the certificate check, where it is not the host. Only with TLS. */
  "server-name"?: string;
  /** Seconds, 0..65535, default 60; 0 switches it off. */
  "keep-alive"?: number | string;
  /** Seconds to wait for the connection, then for CONNACK or an HTTP answer; 1..65535, default 30. */
  timeout?: number | string;
  will?: WillOptions;
  limits?: Limits;
}

/** An event the server publishes for a device whose connection breaks (MQTT 3.1.1, 3.1.2.5; protocol sheet 1.5). */
export interface WillOptions {
  /** Event id and format, as for publishEvent. Format: default "json". */
  event: string;
  format?: string;
  /** Sent as it is, text as UTF-8. Part of CONNECT, which must fit `limits.transmitBytes`. */
  payload: string | Uint8Array;
  /** Default 0. */
  qos?: 0 | 1 | 2;
  /** Default false; the platform clears it, other brokers do not. */
  retain?: boolean;
}

/** What a checked set of options comes to. */
export interface DeviceConfig {
  org: string;
  type: string;
  id: string;
  /** Org "quickstart": no credentials, no commands, QoS 0, format json (protocol sheet 2.2). */
  quickstart: boolean;
  mqtt: MqttOptions;
}

export const DEFAULT_DOMAIN = "internetofthings.ibmcloud.com";

const FILE = "file";
const OBJECT = "object";

/** Every option and its kind; the kinds are those of {@link checked}. */
const KINDS: Readonly<Record<string, string>> = Object.freeze({
  org: "name",
  orgId: "name",
  type: "name",
  id: "name",
  "auth-method": "text",
  "auth-token": "text",
  "clean-session": "flag",
  domain: "text",
  host: "text",
  port: "whole",
  tls: "flag",
  ca: FILE,
  cert: FILE,
  key: FILE,
  "server-name": "text",
  "keep-alive": "whole",
  timeout: "whole",
  will: OBJECT,
  limits: OBJECT,
});

/** Options after {@link checked}: flags are booleans, numbers are numbers. */
interface CheckedOptions {
  org?: string;
  orgId?: string;
  type?: string;
  id?: string;
  "auth-method"?: string;
  "auth-token"?: string;
  "clean-session"?: boolean;
  domain?: string;
  host?: string;
  port?: number;
  tls?: boolean;
  ca?: string | Uint8Array;
  cert?: string | Uint8Array;
  key?: string | Uint8Array;
  "server-name"?: string;
  "keep-alive"?: number;
  timeout?: number;
  will?: WillOptions;
  limits?: Limits;
}

/**
 * @param random used for the id of a Quickstart device that has none, where there is no `serial` either
 * @param serial the engine's own name for this device; see Ports
 * @throws ConfigurationException naming the key, UnsupportedAuthenticationMethod
 */
export function configure(options: DeviceOptions, random: () => number, serial?: string): DeviceConfig {
  const given = checkedOptions(options);
  const org = organization(given);
  const quickstart = org === "quickstart";
  const type = given.type ?? (quickstart ? "iotf-embedded" : missing("type"));
  const id = given.id ?? (quickstart ? (serial ?? generatedId(random)) : missing("id"));
  const mqtt: MqttOptions = {
    endpoint: endpoint(given, org, quickstart),
    clientId: `d:${org}:${type}:${id}`,
    clean: given["clean-session"] ?? true,
    keepAlive: given["keep-alive"] ?? 60,
  };
  if (quickstart && !mqtt.clean) throw wrong("Quickstart has no durable sessions: clean-session");
  if (!quickstart && hasToken(given)) {
    mqtt.username = "use-token-auth";
    mqtt.password = given["auth-token"]!;
  }
  if (given.timeout) mqtt.timeoutMs = given.timeout * 1000;
  if (given.will) mqtt.will = will(given.will, quickstart);
  if (given.limits) {
    checkKeys("limits.", given.limits, DEFAULT_LIMITS);
    mqtt.limits = given.limits;
  }
  return { org, type, id, quickstart, mqtt };
}

/**
 * The value of one option, checked, of its own type. `name` is what an error calls it; tokens are never shown.
 * @throws ConfigurationException
 */
export function checked(key: string, value: unknown, name: string = key): unknown {
  switch (KINDS[key]) {
    case "flag":
      return flag(value, name);
    case "whole":
      return whole(value, name, key === "keep-alive" ? 0 : 1);
    case OBJECT:
      if (typeof value === "object") return value;
      throw wrong(`${name} must be an object`);
    case FILE:
      if (value instanceof Uint8Array && value.length) return value;
  }
  if (typeof value !== "string" || !value) {
    throw wrong(`${name} must be a string${KINDS[key] === FILE ? " or Uint8Array" : ""} that is not empty`);
  }
  if (KINDS[key] === "name" && !/^[A-Za-z0-9_.-]{1,36}$/.test(value)) {
    throw wrong(`${name} must be 1 to 36 of A-Z a-z 0-9 - _ . and is "${value}"`);
  }
  return value;
}

/** Whether `key` is an option that can be written as one line of text. */
export function isTextOption(key: string): boolean {
  const kind = KINDS[key];
  return typeof kind === "string" && kind !== FILE && kind !== OBJECT;
}

function wrong(message: string): ConfigurationException {
  return new ConfigurationException(message);
}

function missing(key: string): never {
  throw wrong(`Missing required property: ${key}`);
}

function checkedOptions(options: DeviceOptions): CheckedOptions {
  if (typeof options !== "object" || !options) throw wrong("options must be an object");
  const given: Record<string, unknown> = {};
  checkKeys("", options, KINDS);
  for (const key in options) {
    const value: unknown = options[key as keyof DeviceOptions];
    if (value !== undefined && value !== null) given[key] = checked(key, value);
  }
  return given;
}

/** Refuses keys that are not among those of `known`, and names the nearest one. */
function checkKeys(prefix: string, options: object, known: object): void {
  const keys = Object.keys(known);
  for (const key in options) {
    if (keys.indexOf(key) >= 0) continue;
    const near = nearest(key, keys);
    throw wrong(`Unknown option: ${prefix}${key}${near ? `; did you mean ${prefix}${near}?` : ""}`);
  }
}

// A forgotten org must not turn a registered device into an unregistered one.
function organization(given: CheckedOptions): string {
  if (given.org && given.orgId && given.org !== given.orgId) throw wrong("org and orgId differ");
  const org = given.org ?? given.orgId;
  if (!org && (given["auth-method"] || given["auth-token"] || given.cert)) missing("org");
  return org ?? "quickstart";
}

// In the order, and with the texts, of the Python client (protocol sheet 5.1).
function hasToken(given: CheckedOptions): boolean {
  const method = given["auth-method"];
  const token = given["auth-token"];
  if (given.cert && !method && !token) return false; // the certificate says who it is (protocol sheet 1.3)
  if (!method) missing("auth-method");
  if (method !== "token" && method !== "apikey") throw new UnsupportedAuthenticationMethod(method!);
  if (!token) throw wrong("Missing required property for token based authentication: auth-token");
  return true;
}

function generatedId(random: () => number): string {
  let id = "";
  while (id.length < 12) id += Math.floor(random() * 16).toString(16);
  return id;
}

function endpoint(given: CheckedOptions, org: string, quickstart: boolean): Endpoint {
  const tls = given.tls ?? (!quickstart && given.port !== 1883 && given.port !== 80);
  const result: Endpoint = {
    host: given.host ?? `${org}.messaging.${given.domain ?? DEFAULT_DOMAIN}`,
    port: given.port ?? (tls ? 8883 : 1883),
  };
  const files = tlsOptions(given);
  if (tls) result.tls = files;
  // It would be sent in the clear while its owner believes otherwise.
  else for (const name in files) throw wrong(`${name === "serverName" ? "server-name" : name} is for TLS: set tls`);
  return result;
}

function tlsOptions(given: CheckedOptions): TlsOptions {
  const tls: TlsOptions = {};
  if (given.ca) tls.ca = given.ca;
  if (given.cert) tls.cert = given.cert;
  if (given.key) tls.key = given.key;
  if (given["server-name"]) tls.serverName = given["server-name"];
  if (!tls.cert !== !tls.key) throw wrong(tls.key ? "key without cert" : "cert without key");
  return tls;
}

const WILL: Required<WillOptions> = Object.freeze({ event: "", format: "json", payload: "", qos: 0, retain: false });

// The platform drops a will with an illegal topic without a word, so topics are made here, not taken.
function will(options: WillOptions, quickstart: boolean): Will {
  checkKeys("will.", options, WILL);
  const { event, format, payload, qos, retain } = Object.assign({}, WILL, options);
  const fault = levelFault(event) ? `event ${levelFault(event)}` : levelFault(format) && `format ${levelFault(format)}`;
  if (fault) throw wrong(`will.${fault}`);
  if (quickstart && (qos || format !== "json")) throw wrong("will: Quickstart takes format json at QoS 0 only");
  if (typeof retain !== "boolean") throw wrong("will.retain must be true or false");
  return { topic: eventTopic(event, format), payload, qos, retain };
}

function flag(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  const lower = typeof value === "string" ? value.toLowerCase() : "";
  if (lower === "true" || lower === "false") return lower === "true";
  throw wrong(`${name} must be true or false, not ${value}`);
}

function whole(value: unknown, name: string, least: number): number {
  const number = typeof value === "string" && /^[0-9]+$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && number % 1 === 0 && number >= least && number <= 65535) return number;
  throw wrong(`${name} must be a whole number ${least}..65535, not ${value}`);
}

/** The known key with the fewest edits to `key`, if they are few. */
function nearest(key: string, keys: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (let i = 0; i < keys.length; i++) {
    const edits = distance(key.toLowerCase().replace(/_/g, "-"), keys[i]!.toLowerCase());
    if (edits >= least) continue;
    least = edits;
    best = keys[i];
  }
  return best;
}

// Levenshtein.
function distance(a: string, b: string): number {
  let row: number[] = [];
  for (let j = 0; j <= b.length; j++) row.push(j);
  for (let i = 1; i <= a.length; i++) {
    const above = row;
    row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = above[j - 1]! + (a.charAt(i - 1) === b.charAt(j - 1) ? 0 : 1);
      row.push(Math.min(change, above[j]! + 1, row[j - 1]! + 1));
    }
  }
  return row[b.length]!;
}
