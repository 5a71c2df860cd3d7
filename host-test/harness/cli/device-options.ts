// Options of a device that a command runs: from an ini file or the environment, and where it connects.

import { type DeviceOptions, parseConfigFile, parseEnvVars } from "../../../targets/node/index.ts";
import { address } from "./args.ts";
import { LOCAL } from "./target.ts";
import { asUsageError } from "./usage-error.ts";

/** Of the file, else of the environment if it names a device, else undefined. @throws UsageError */
export function configuredDevice(path: string | undefined, env: NodeJS.ProcessEnv): DeviceOptions | undefined {
  if (path !== undefined) return asUsageError(() => parseConfigFile(path));
  return env.WIOTP_IDENTITY_ORGID ? asUsageError(() => parseEnvVars(env)) : undefined;
}

/** With the address of `url`; without it and without an address in the options, with that of the local platform. */
export function withAddress(options: DeviceOptions, url: string | undefined): DeviceOptions {
  if (url !== undefined) return { ...options, ...address("--url", url) };
  if (options.host !== undefined || options.domain !== undefined) return options;
  return { ...options, ...address("", LOCAL), ...(options.port === undefined ? {} : { port: options.port }) };
}
