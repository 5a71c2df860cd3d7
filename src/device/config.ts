// From the options of a device to those of the MQTT client, checked once, before anything is sent. Host, client id and user
// name are derived here and nowhere else (docs/protocol.md 1, 5.1). option-values.ts checks the single values.

import { type ConfigurationException, UnsupportedAuthenticationMethod } from "../errors.ts";
import { DEFAULT_LIMITS, type Limits, type MqttOptions, type ServerEndpoint, type Will } from "../mqtt/options.ts";
import type { TlsOptions } from "../ports.ts";
import { lowerCase } from "./characters.ts";
import { checked, OPTION_KINDS, wrong } from "./option-values.ts";
import { eventTopic, levelFault } from "./topic.ts";

/**
 * Options of DeviceClient and HttpClient: plain data with the keys of the device ini file. Without options the device is an
 * unregistered Quickstart device. An option that is undefined or null counts as absent. The client copies the options;
 * the bytes of certificates are not copied and must not change.
 */
export interface DeviceOptions {
  /**
   * Organization, 1..36 of A-Z a-z 0-9 - _ . (six characters on IBM Cloud, the workspace id in some Maximo installations).
   * Default "quickstart": no credentials, no commands, QoS 0 and format "json" only.
   */
  org?: string;
  /** The same as `org`: one page of IBM's documentation spells it so. */
  orgId?: string;
  /** Device type, 1..36 of A-Z a-z 0-9 - _ . Required, except for Quickstart, where the default is "iotf-embedded". */
  type?: string;
  /**
   * Device id, 1..36 of A-Z a-z 0-9 - _ . Required, except for Quickstart, where the default is `serial` of the ports, else
   * 12 random hexadecimal digits.
   */
  id?: string;
  /**
   * "apikey" means the same as "token": one page of IBM's documentation spells it so. Required, unless `cert` is set and
   * `auth-token` is not.
   */
  "auth-method"?: "token" | "apikey";
  /** Token of the device. Kept in memory as long as the client, for reconnecting; no error text contains it. */
  "auth-token"?: string;
  /**
   * A boolean, or "true" or "false" in any case. Default true: the server forgets subscriptions and messages of the device
   * when it disconnects.
   */
  "clean-session"?: boolean | string;
  /** The host is `<org>.messaging.<domain>`. Default "internetofthings.ibmcloud.com"; for Maximo "iot.<mas-domain>". */
  domain?: string;
  /**
   * The whole host name or address, instead of `<org>.messaging.<domain>`; without scheme and without port. Or 1..16 of
   * them, as a list or as one text with commas: DeviceClient moves on to the next one when an attempt fails, also by
   * CONNACK 3, and stays with the one that works. HttpClient sends a request to one of them, and the requests after one that
   * got no answer to the next.
   */
  host?: string | readonly string[];
  /** A whole number 1..65535. Default 8883 with TLS, 1883 without. */
  port?: number | string;
  /** A boolean, or "true" or "false" in any case. Default true, but false for Quickstart and for ports 1883 and 80. */
  tls?: boolean | string;
  /**
   * Certificate authorities to trust instead of those of the engine: PEM text, or PEM or DER bytes. Only with TLS. An
   * engine without authorities of its own, such as an ESP32, needs this.
   */
  ca?: string | Uint8Array;
  /** Client certificate: PEM text, or PEM or DER bytes. Only with TLS and `key`. */
  cert?: string | Uint8Array;
  /** Private key of `cert`: PEM text, or PEM or DER bytes. Kept in memory as long as the client. */
  key?: string | Uint8Array;
  /** Passphrase of an encrypted `key`. Node only: other engines cannot decrypt keys. Kept in memory as long as the client. */
  "key-passphrase"?: string;
  /** Name for SNI and for checking the certificate of the server. Default: the host. Only with TLS. */
  "server-name"?: string;
  /** Longest time without a packet to the server, whole seconds, 0..65535, default 60; 0 switches keep-alive off. */
  "keep-alive"?: number | string;
  /**
   * Seconds, above 0, at most 65535; default 30, for CONNACK 10. DeviceClient waits so long for the connection, and then
   * again for CONNACK; HttpClient waits so long for an answer.
   */
  timeout?: number | string;
  /**
   * Seconds, above 0, at most 65535, default 20. The client looks at the oldest packet that is not acknowledged, at
   * intervals of at most this time and more than half of it. When it finds the same one twice, it sends it again; at the
   * third time it reconnects. DeviceClient only.
   */
  "ack-timeout"?: number | string;
  /**
   * Seconds, 2..120, default 2: the first back-off delay. The client waits between half of it and all of it, at random, and
   * doubles it after each failed attempt, up to 120 s. DeviceClient only.
   */
  "reconnect-delay"?: number | string;
  /** DeviceClient only. Default: no will. */
  will?: WillOptions;
  /** See {@link Limits}. HttpClient uses `frameBytes` and `values`. */
  limits?: Limits;
}

/** An event that the server publishes when the connection of the device breaks (MQTT 3.1.1, 3.1.2.5). */
export interface WillOptions {
  /** Event id: one topic level, as for publishEvent. */
  event: string;
  /** Format name: one topic level. The payload is not encoded; the format only names it. Default "json". */
  format?: string;
  /** Sent as it is; text as UTF-8. CONNECT with the will must fit into `limits.transmitBytes`. */
  payload: string | Uint8Array;
  /** Default 0. */
  qos?: 0 | 1 | 2;
  /** Default false. The platform ignores it; other brokers store the will for later subscribers. */
  retain?: boolean;
}

/** The result of {@link configure}. */
export interface DeviceConfig {
  org: string;
  type: string;
  id: string;
  /** The organization is "quickstart": no credentials, no commands, QoS 0, format json (docs/protocol.md 2.2). */
  quickstart: boolean;
  mqtt: MqttOptions;
  /** For errorCallback: the token would cross the network in clear text, and the options do not accept that. */
  warning?: ConfigurationException;
}

export const DEFAULT_DOMAIN = "internetofthings.ibmcloud.com";

/** Options after {@link checked}: flags are booleans, numbers are numbers. */
interface CheckedOptions
  extends Omit<
    DeviceOptions,
    "clean-session" | "port" | "tls" | "keep-alive" | "timeout" | "ack-timeout" | "reconnect-delay"
  > {
  "clean-session"?: boolean;
  port?: number;
  tls?: boolean;
  "keep-alive"?: number;
  timeout?: number;
  "ack-timeout"?: number;
  "reconnect-delay"?: number;
}

/**
 * @param random used for the id of a Quickstart device without `id`, if there is no `serial`
 * @param serial the name that the engine has for this device; see Ports
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
  if (quickstart && !mqtt.clean) throw wrong("Quickstart needs clean-session: true");
  if (!quickstart && hasToken(given)) {
    mqtt.username = "use-token-auth";
    mqtt.password = given["auth-token"]!;
  }
  if (given.timeout) mqtt.timeout = given.timeout;
  if (given["ack-timeout"]) mqtt.ackTimeout = given["ack-timeout"];
  if (given["reconnect-delay"]) mqtt.reconnectDelay = given["reconnect-delay"];
  if (given.will) mqtt.will = will(given.will, quickstart);
  if (given.limits) {
    checkKeys("limits.", given.limits, DEFAULT_LIMITS);
    mqtt.limits = given.limits;
  }
  const config: DeviceConfig = { org, type, id, quickstart, mqtt };
  if (mqtt.password && !mqtt.endpoint.tls && given.tls === undefined) {
    const { port } = mqtt.endpoint;
    config.warning = wrong(`port ${port} without TLS: the token is sent in clear text; set tls: false to accept that`);
  }
  return config;
}

function missing(key: string): never {
  throw wrong(`Missing required property: ${key}`);
}

function checkedOptions(options: DeviceOptions): CheckedOptions {
  if (typeof options !== "object" || !options) throw wrong("options must be an object");
  const given: Record<string, unknown> = {};
  checkKeys("", options, OPTION_KINDS);
  for (const key in options) {
    const value: unknown = options[key as keyof DeviceOptions];
    if (value !== undefined && value !== null) given[key] = checked(key, value);
  }
  return given;
}

/** Throws for a key that `known` does not have, and suggests the nearest one. */
function checkKeys(prefix: string, options: object, known: object): void {
  const keys = Object.keys(known);
  for (const key in options) {
    if (keys.indexOf(key) >= 0) continue;
    const near = nearest(key, keys);
    throw wrong(`Unknown option: ${prefix}${key}${near ? `; did you mean ${prefix}${near}?` : ""}`);
  }
}

// Without this check a registered device whose org is missing would connect to Quickstart, in the clear.
function organization(given: CheckedOptions): string {
  if (given.org && given.orgId && given.org !== given.orgId) throw wrong("org and orgId differ");
  const org = given.org ?? given.orgId;
  if (!org && (given["auth-method"] || given["auth-token"] || given.cert)) missing("org");
  return org ?? "quickstart";
}

// Order and texts are those of the Python client (docs/protocol.md 5.1).
function hasToken(given: CheckedOptions): boolean {
  const method = given["auth-method"];
  const token = given["auth-token"];
  if (given.cert && !method && !token) return false; // the certificate identifies the device (docs/protocol.md 1.3)
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

function endpoint(given: CheckedOptions, org: string, quickstart: boolean): ServerEndpoint {
  const tls = given.tls ?? (!quickstart && given.port !== 1883 && given.port !== 80);
  const result: ServerEndpoint = {
    host: given.host ?? `${org}.messaging.${given.domain ?? DEFAULT_DOMAIN}`,
    port: given.port ?? (tls ? 8883 : 1883),
  };
  const files = tlsOptions(given);
  if (tls) result.tls = files;
  // Options for TLS show that the application expects it: the token must not be sent in the clear.
  else for (const name in files) throw wrong(`${OPTION_OF[name] ?? name} needs tls: true`);
  return result;
}

/** Options whose names differ in {@link TlsOptions}. */
const OPTION_OF: Readonly<Record<string, string>> = Object.freeze({
  serverName: "server-name",
  passphrase: "key-passphrase",
});

function tlsOptions(given: CheckedOptions): TlsOptions {
  const tls: TlsOptions = {};
  if (given.ca) tls.ca = given.ca;
  if (given.cert) tls.cert = given.cert;
  if (given.key) tls.key = given.key;
  if (given["key-passphrase"]) tls.passphrase = given["key-passphrase"];
  if (given["server-name"]) tls.serverName = given["server-name"];
  if (!tls.cert !== !tls.key) throw wrong(tls.key ? "key without cert" : "cert without key");
  if (tls.passphrase && !tls.key) throw wrong("key-passphrase without key");
  return tls;
}

const WILL: Required<WillOptions> = Object.freeze({ event: "", format: "json", payload: "", qos: 0, retain: false });

// The platform silently drops a will whose topic is not an event topic of the device (docs/protocol.md 1.5).
function will(options: WillOptions, quickstart: boolean): Will {
  checkKeys("will.", options, WILL);
  const {
    event = WILL.event,
    format = WILL.format,
    payload = WILL.payload,
    qos = WILL.qos,
    retain = WILL.retain,
  } = options;
  const fault = levelFault(event) ? `event ${levelFault(event)}` : levelFault(format) && `format ${levelFault(format)}`;
  if (fault) throw wrong(`will.${fault}`);
  if (quickstart && (qos || format !== "json")) throw wrong("will: Quickstart takes format json at QoS 0 only");
  if (typeof retain !== "boolean") throw wrong("will.retain must be true or false");
  return { topic: eventTopic(event, format), payload, qos, retain };
}

/** The known key that differs least from `key`, if by at most 2 characters in one place. */
function nearest(key: string, keys: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (let i = 0; i < keys.length; i++) {
    const differing = difference(lowerCase(key).split("_").join("-"), lowerCase(keys[i]!));
    if (differing >= least) continue;
    least = differing;
    best = keys[i];
  }
  return best;
}

/** Length of what is left of the longer text without the beginning and the end that both have. */
function difference(a: string, b: string): number {
  let start = 0;
  while (start < a.length && a.charAt(start) === b.charAt(start)) start++;
  const shorter = Math.min(a.length, b.length);
  let end = 0;
  while (end < shorter - start && a.charAt(a.length - 1 - end) === b.charAt(b.length - 1 - end)) end++;
  return Math.max(a.length, b.length) - start - end;
}
