// The nested configuration of the newer SDKs (docs/protocol.md 5.2) to options of DeviceClient. Values may all be strings,
// as in a YAML file. `cleanStart` true is a clean session, which some SDKs reverse (9.1 no. 8). logLevel, sessionExpiry and
// sharedSubscription have no effect in those SDKs and none here; logLevel is checked as there.

import { readFileSync } from "node:fs";
import { checked } from "../../src/device/option-values.ts";
import { ConfigurationException, type DeviceOptions } from "../../src/index.ts";
import { blameCaller } from "./usage-errors.ts";

/** Configuration in the form of `wiotp-sdk`. */
export interface NestedConfig {
  identity: { orgId: string; typeId: string; deviceId: string };
  /** Required, but not allowed for Quickstart. */
  auth?: { token: string };
  options?: {
    /** Default "internetofthings.ibmcloud.com". */
    domain?: string;
    /** Checked; no effect. */
    logLevel?: "error" | "warning" | "info" | "debug";
    mqtt?: {
      /** 1..65535, default 8883. */
      port?: number | string;
      transport?: "tcp";
      /** true, the default: a clean session. */
      cleanStart?: boolean | string;
      /** No effect. */
      sessionExpiry?: number | string;
      /** Seconds, 0..65535, default 60. */
      keepAlive?: number | string;
      /** No effect. */
      sharedSubscription?: boolean | string;
      /** Path of a PEM file with the certificate authorities to trust, or "_os_" for those of the system (the default). */
      caFile?: string;
    };
  };
}

type Settings = Record<string, unknown>;

/** All settings: an object has settings below it, true is a value. */
const SHAPE: Settings = {
  identity: { orgId: true, typeId: true, deviceId: true },
  auth: { token: true },
  options: {
    domain: true,
    logLevel: true,
    mqtt: {
      port: true,
      transport: true,
      cleanStart: true,
      sessionExpiry: true,
      keepAlive: true,
      sharedSubscription: true,
      caFile: true,
    },
  },
};
const LOG_LEVELS = ["error", "warning", "info", "debug"];

/**
 * Converts a configuration in the form of `wiotp-sdk` to options. Reads the file at `caFile`.
 * @param name what errors call the configuration, for example the path of its file; may be empty
 * @throws ConfigurationException for a missing, unknown or wrong setting, with the texts of those SDKs; it names the setting
 * and never shows a token
 */
export function parseNestedConfig(config: NestedConfig, name = ""): DeviceOptions {
  return blameCaller(parseNestedConfig, () => toOptions(config, name));
}

function toOptions(config: NestedConfig, name: string): DeviceOptions {
  const prefix = name ? `${name}: ` : "";
  checkShape(config as unknown as Settings, SHAPE, prefix, "");
  const get = (path: string): unknown => lookUp(config as unknown as Settings, path);
  const fail = (text: string): never => {
    throw new ConfigurationException(`${prefix}${text}`);
  };
  const need = (path: string): void => {
    if (get(path) === undefined) fail(`Missing ${path} from configuration`);
  };

  for (const path of ["identity", "identity.orgId", "identity.typeId", "identity.deviceId"]) need(path);
  const quickstart = get("identity.orgId") === "quickstart";
  if (quickstart && get("auth") !== undefined) fail("Quickstart service does not support device authentication");
  if (!quickstart) for (const path of ["auth", "auth.token"]) need(path);
  const level = get("options.logLevel");
  if (level !== undefined && !LOG_LEVELS.includes(String(level))) {
    fail(`Optional setting options.logLevel must be one of ${LOG_LEVELS.join(", ")}`);
  }
  const transport = get("options.mqtt.transport");
  if (transport !== undefined && transport !== "tcp")
    fail("options.mqtt.transport must be tcp: WebSocket is not supported");

  const options: Settings = quickstart ? {} : { "auth-method": "token" };
  for (const [path, key] of MEANINGS) {
    const value = get(path);
    if (value !== undefined) options[key] = checked(key, value, prefix + path);
  }
  const caFile = get("options.mqtt.caFile");
  if (caFile !== undefined && caFile !== "_os_") options.ca = readAuthorities(String(caFile), prefix);
  return options;
}

/** Settings and the options they become. */
const MEANINGS = [
  ["identity.orgId", "org"],
  ["identity.typeId", "type"],
  ["identity.deviceId", "id"],
  ["auth.token", "auth-token"],
  ["options.domain", "domain"],
  ["options.mqtt.port", "port"],
  ["options.mqtt.cleanStart", "clean-session"],
  ["options.mqtt.keepAlive", "keep-alive"],
] as const;

function checkShape(settings: Settings, shape: Settings, prefix: string, path: string): void {
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) {
    throw new ConfigurationException(`${prefix}${path || "the configuration"} must have settings below it`);
  }
  for (const [key, value] of Object.entries(settings)) {
    const below = Object.hasOwn(shape, key) ? shape[key] : undefined;
    const full = path ? `${path}.${key}` : key;
    if (!below) throw new ConfigurationException(`${prefix}Unknown setting: ${full}`);
    if (below !== true && value !== undefined && value !== null) {
      checkShape(value as Settings, below as Settings, prefix, full);
    }
  }
}

/** Returns undefined for a missing setting and for null, which YAML and Python write for none. */
function lookUp(settings: Settings, path: string): unknown {
  let value: unknown = settings;
  for (const key of path.split(".")) value = (value as Settings | undefined)?.[key] ?? undefined;
  return value;
}

function readAuthorities(path: string, prefix: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigurationException(
      `${prefix}options.mqtt.caFile: cannot read '${path}' (${(error as NodeJS.ErrnoException).code ?? error})`,
    );
  }
}
