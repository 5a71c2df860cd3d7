// Environment variables of the newer SDKs (docs/protocol.md 5.3) to options of DeviceClient.

import { env as processEnv } from "node:process";
import { ConfigurationException, type DeviceOptions } from "../../src/index.ts";
import { type NestedConfig, parseNestedConfig } from "./nested.ts";
import { blameCaller } from "./usage-errors.ts";

/**
 * Reads options from environment variables, those of this process by default. An empty variable counts as absent.
 * - Required: WIOTP_IDENTITY_ORGID, WIOTP_IDENTITY_TYPEID, WIOTP_IDENTITY_DEVICEID, and, except for Quickstart,
 *   WIOTP_AUTH_TOKEN or WIOTP_API_TOKEN.
 * - Optional: WIOTP_OPTIONS_DOMAIN, WIOTP_OPTIONS_LOGLEVEL, and WIOTP_OPTIONS_MQTT_PORT, _TRANSPORT, _CAFILE (path of a PEM
 *   file, which is read), _CLEANSTART (True, true, 1, False, false or 0; default true), _SESSIONEXPIRY, _KEEPALIVE.
 *
 * LOGLEVEL and SESSIONEXPIRY are checked and have no effect.
 * @throws ConfigurationException that names the variable; it never shows a token
 */
export function parseEnvVars(env: Readonly<Record<string, string | undefined>> = processEnv): DeviceOptions {
  return blameCaller(parseEnvVars, () => readVariables(env));
}

function readVariables(env: Readonly<Record<string, string | undefined>>): DeviceOptions {
  const get = (name: string): string | undefined => env[`WIOTP_${name}`] || undefined;
  const number = (name: string): string | undefined => {
    const value = get(name);
    if (value !== undefined && !/^\d+$/.test(value)) throw wrong(`WIOTP_${name} must be a number`);
    return value;
  };
  const token = get("AUTH_TOKEN") ?? get("API_TOKEN");
  for (const name of ["IDENTITY_ORGID", "IDENTITY_TYPEID", "IDENTITY_DEVICEID"]) if (!get(name)) throw missing(name);
  if (!token && get("IDENTITY_ORGID") !== "quickstart") throw missing("AUTH_TOKEN");
  number("OPTIONS_MQTT_SESSIONEXPIRY");
  const settings = {
    identity: { orgId: get("IDENTITY_ORGID"), typeId: get("IDENTITY_TYPEID"), deviceId: get("IDENTITY_DEVICEID") },
    ...(token ? { auth: { token } } : {}),
    options: {
      domain: get("OPTIONS_DOMAIN"),
      logLevel: get("OPTIONS_LOGLEVEL"),
      mqtt: {
        port: number("OPTIONS_MQTT_PORT"),
        transport: get("OPTIONS_MQTT_TRANSPORT"),
        caFile: get("OPTIONS_MQTT_CAFILE"),
        cleanStart: flag("OPTIONS_MQTT_CLEANSTART", get("OPTIONS_MQTT_CLEANSTART")),
        keepAlive: number("OPTIONS_MQTT_KEEPALIVE"),
      },
    },
  };
  try {
    return parseNestedConfig(settings as NestedConfig);
  } catch (error) {
    if (error instanceof ConfigurationException) throw wrong(inVariables(error.message));
    throw error;
  }
}

function missing(name: string): ConfigurationException {
  return wrong(`Missing WIOTP_${name} environment variable`);
}

function wrong(message: string): ConfigurationException {
  return new ConfigurationException(message);
}

// The SDKs disagree on the default (docs/protocol.md 5.3). Here it is that of the other ways to configure.
function flag(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (["True", "true", "1"].includes(value)) return true;
  if (["False", "false", "0"].includes(value)) return false;
  throw wrong(`WIOTP_${name} must be true or false`);
}

/** Replaces options.mqtt.port by WIOTP_OPTIONS_MQTT_PORT, and so on. */
function inVariables(message: string): string {
  return message
    .replace(/^Optional setting /, "")
    .replace(/\b(identity|auth|options)(\.[a-zA-Z]+)+/, path => `WIOTP_${path.replaceAll(".", "_").toUpperCase()}`);
}
