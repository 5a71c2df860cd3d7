// The nested configuration of the newer SDKs (protocol sheet 5.2) to the options of DeviceClient.
//
// In: an object, as a YAML or JSON file holds it; its values may all be strings. Out: options. `cleanStart` has the
// meaning its name says (§9.1 no. 8). What those SDKs read and do nothing with (logLevel, sessionExpiry,
// sharedSubscription) is checked where they check it, and has no effect.

import { readFileSync } from "node:fs";
import { ConfigurationException, checked, type DeviceOptions } from "../../src/index.ts";

export interface NestedConfig {
  identity: { orgId: string; typeId: string; deviceId: string };
  /** Left out for Quickstart. */
  auth?: { token: string };
  options?: {
    /** Default "internetofthings.ibmcloud.com". */
    domain?: string;
    logLevel?: "error" | "warning" | "info" | "debug";
    mqtt?: {
      port?: number | string;
      transport?: "tcp";
      cleanStart?: boolean | string;
      sessionExpiry?: number | string;
      keepAlive?: number | string;
      sharedSubscription?: boolean | string;
      /** Path of a PEM file with the authorities to trust; "_os_": those of the system. */
      caFile?: string;
    };
  };
}

type Settings = Record<string, unknown>;

/** Every setting: those it has below it, or true. */
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
 * @param name what errors call the configuration: a file's path, or nothing
 * @throws ConfigurationException with the texts of those SDKs, naming the setting; never with a token
 */
export function parseNestedConfig(config: NestedConfig, name = ""): DeviceOptions {
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

/** Where a setting goes. */
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

/** undefined where there is nothing, or null as YAML and Python have it. */
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
