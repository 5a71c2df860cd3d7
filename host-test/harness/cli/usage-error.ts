// Turns the library's errors about a configuration into usage errors.

import {
  ConfigurationException,
  InvalidEventException,
  UnsupportedAuthenticationMethod,
} from "../../../targets/node/index.ts";
import { UsageError } from "./errors.ts";

const CONFIGURATION_ERRORS = [ConfigurationException, InvalidEventException, UnsupportedAuthenticationMethod];

/** Returns the result of `call`. A ConfigurationException and the like becomes a UsageError. */
export function asUsageError<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (CONFIGURATION_ERRORS.some(type => error instanceof type)) throw new UsageError((error as Error).message);
    throw error;
  }
}
