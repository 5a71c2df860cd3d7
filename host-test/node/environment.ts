// The environment variables of the newer SDKs (protocol sheet 5.3) to the options of DeviceClient.

import { env as processEnv } from "node:process";
import { ConfigurationException, type DeviceOptions } from "../../src/index.ts";
import { type NestedConfig, parseNestedConfig } from "./nested.ts";

/**
 * WIOTP_IDENTITY_ORGID, _TYPEID, _DEVICEID and WIOTP_AUTH_TOKEN (or WIOTP_API_TOKEN) are required, the token not for
 * Quickstart; WIOTP_OPTIONS_DOMAIN, _LOGLEVEL, _MQTT_PORT, _MQTT_TRANSPORT, _MQTT_CAFILE, _MQTT_CLEANSTART (True, true
 * or 1; False, false or 0; default true), _MQTT_SESSIONEXPIRY, _MQTT_KEEPALIVE are not. An empty variable is absent.
 * @throws ConfigurationException naming the variable, never with a token
 */
export function parseEnvVars(env: Readonly<Record<string, string | undefined>> = processEnv): DeviceOptions {
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

// The earlier SDKs disagree on the default (§5.3); here it is that of the other ways to configure.
function flag(name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (["True", "true", "1"].includes(value)) return true;
  if (["False", "false", "0"].includes(value)) return false;
  throw wrong(`WIOTP_${name} must be true or false`);
}

/** Says WIOTP_OPTIONS_MQTT_PORT where the nested shape says options.mqtt.port. */
function inVariables(message: string): string {
  return message
    .replace(/^Optional setting /, "")
    .replace(/\b(identity|auth|options)(\.[a-zA-Z]+)+/, path => `WIOTP_${path.replaceAll(".", "_").toUpperCase()}`);
}
