// Device options to what the MQTT client needs: checked once, before anything is sent. Host, client id and user name are
// derived here and nowhere else (protocol sheet 1 and 5.1).

import { ConfigurationException, UnsupportedAuthenticationMethod } from "./errors.ts";
import type { Limits, MqttOptions } from "./mqtt.ts";
import type { Endpoint, TlsOptions } from "./ports.ts";
import { levelFault } from "./topic.ts";

/** Plain data with the keys of the device ini file. None at all: Quickstart, as an unregistered device. */
export interface DeviceOptions {
  /** Organization, six characters on IBM Cloud, the workspace id in some MAS installations. Default "quickstart". */
  org?: string;
  /** The same, as one page of the documentation spells it. */
  orgId?: string;
  /** Device type and id, 1..36 of A-Z a-z 0-9 - _ . (protocol sheet 1.2). */
  type?: string;
  id?: string;
  /** "token"; "apikey", as one page has it, means the same. */
  "auth-method"?: string;
  "auth-token"?: string;
  /** Boolean, or "true" or "false" in any case. Default true. */
  "clean-session"?: boolean | string;
  /** Default "internetofthings.ibmcloud.com"; for Maximo "iot.<mas-domain>". */
  domain?: string;
  /** The whole host name or address, instead of `<org>.messaging.<domain>`. */
  host?: string;
  /** 1..65535. Default 8883, or 1883 without TLS. */
  port?: number | string;
  /** Default true, except for Quickstart and for ports 1883 and 80. */
  tls?: boolean | string;
  /** Trusted authorities, client certificate and key: PEM text, or PEM or DER bytes. */
  ca?: string | Uint8Array;
  cert?: string | Uint8Array;
  key?: string | Uint8Array;
  /** Name for SNI and the certificate check, where it is not the host. */
  "server-name"?: string;
  /** Seconds, 0..65535, default 60. */
  "keep-alive"?: number | string;
  limits?: Limits;
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

const KEYS: readonly string[] = Object.freeze([
  "org",
  "orgId",
  "type",
  "id",
  "auth-method",
  "auth-token",
  "clean-session",
  "domain",
  "host",
  "port",
  "tls",
  "ca",
  "cert",
  "key",
  "server-name",
  "keep-alive",
  "limits",
]);

/**
 * @param random used for the id of a Quickstart device that has none
 * @throws ConfigurationException naming the key, UnsupportedAuthenticationMethod
 */
export function configure(options: DeviceOptions, random: () => number): DeviceConfig {
  checkKeys(options);
  const org = text(options, "org") ?? text(options, "orgId") ?? "quickstart";
  const quickstart = org === "quickstart";
  if (!quickstart) checkCredentials(options);
  const type = identifier("type", text(options, "type") ?? (quickstart ? "iotf-embedded" : undefined));
  const id = identifier("id", text(options, "id") ?? (quickstart ? generatedId(random) : undefined));
  if (levelFault(org) || org.indexOf(":") >= 0) throw new ConfigurationException(`org ${levelFault(org) || "has a :"}`);
  const mqtt: MqttOptions = {
    endpoint: endpoint(options, org, quickstart),
    clientId: `d:${org}:${type}:${id}`,
    clean: flag(options, "clean-session") ?? true,
    keepAlive: whole(options, "keep-alive", 0) ?? 60,
  };
  if (quickstart && !mqtt.clean) throw new ConfigurationException("Quickstart has no durable sessions: clean-session");
  if (!quickstart) {
    mqtt.username = "use-token-auth";
    mqtt.password = options["auth-token"]!;
  }
  if (options.limits) mqtt.limits = options.limits;
  return { org, type, id, quickstart, mqtt };
}

function checkKeys(options: DeviceOptions): void {
  for (const key in options) {
    if (KEYS.indexOf(key) >= 0) continue;
    const near = nearest(key);
    throw new ConfigurationException(`Unknown option: ${key}${near ? `; did you mean ${near}?` : ""}`);
  }
}

// In the order, and with the texts, of the Python client (protocol sheet 5.1).
function checkCredentials(options: DeviceOptions): void {
  identifier("type", text(options, "type"));
  identifier("id", text(options, "id"));
  const method = text(options, "auth-method");
  if (method === undefined) throw missing("auth-method");
  if (method !== "token" && method !== "apikey") throw new UnsupportedAuthenticationMethod(method);
  if (!text(options, "auth-token")) {
    throw new ConfigurationException("Missing required property for token based authentication: auth-token");
  }
}

function missing(key: string): ConfigurationException {
  return new ConfigurationException(`Missing required property: ${key}`);
}

function identifier(key: string, value: string | undefined): string {
  if (value === undefined) throw missing(key);
  if (!/^[A-Za-z0-9_.-]{1,36}$/.test(value)) {
    throw new ConfigurationException(`${key} must be 1 to 36 of A-Z a-z 0-9 - _ . and is "${value}"`);
  }
  return value;
}

function generatedId(random: () => number): string {
  let id = "";
  while (id.length < 12) id += Math.floor(random() * 16).toString(16);
  return id;
}

function endpoint(options: DeviceOptions, org: string, quickstart: boolean): Endpoint {
  const named = whole(options, "port", 1);
  const tls = flag(options, "tls") ?? (!quickstart && named !== 1883 && named !== 80);
  const domain = text(options, "domain") ?? DEFAULT_DOMAIN;
  const result: Endpoint = {
    host: text(options, "host") ?? `${org}.messaging.${domain}`,
    port: named ?? (tls ? 8883 : 1883),
  };
  if (tls) result.tls = tlsOptions(options);
  return result;
}

function tlsOptions(options: DeviceOptions): TlsOptions {
  const tls: TlsOptions = {};
  if (options.ca !== undefined) tls.ca = options.ca;
  if (options.cert !== undefined) tls.cert = options.cert;
  if (options.key !== undefined) tls.key = options.key;
  const serverName = text(options, "server-name");
  if (serverName !== undefined) tls.serverName = serverName;
  return tls;
}

function text(options: DeviceOptions, key: keyof DeviceOptions): string | undefined {
  const value: unknown = options[key];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || !value) {
    throw new ConfigurationException(`${key} must be a string that is not empty`); // the value may be a token
  }
  return value;
}

function flag(options: DeviceOptions, key: "clean-session" | "tls"): boolean | undefined {
  const value = options[key];
  if (value === undefined || typeof value === "boolean") return value;
  const lower = typeof value === "string" ? value.toLowerCase() : "";
  if (lower === "true" || lower === "false") return lower === "true";
  throw new ConfigurationException(`${key} must be true or false, not ${value}`);
}

function whole(options: DeviceOptions, key: "port" | "keep-alive", least: number): number | undefined {
  const value = options[key];
  if (value === undefined) return undefined;
  const number = typeof value === "string" && /^[0-9]+$/.test(value) ? Number(value) : value;
  if (typeof number !== "number" || number % 1 !== 0 || number < least || number > 65535) {
    throw new ConfigurationException(`${key} must be a whole number ${least}..65535, not ${value}`);
  }
  return number;
}

/** The known key with the fewest edits to `key`, if they are few. */
function nearest(key: string): string | undefined {
  let best: string | undefined;
  let least = 3;
  for (let i = 0; i < KEYS.length; i++) {
    const edits = distance(key.toLowerCase().replace("_", "-"), KEYS[i]!.toLowerCase());
    if (edits >= least) continue;
    least = edits;
    best = KEYS[i];
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
