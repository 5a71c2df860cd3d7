// The library's errors about configurations are the user's to mend.

import { ConfigurationException, InvalidEventException, UnsupportedAuthenticationMethod } from "../node/index.ts";
import { UsageError } from "./errors.ts";

const MENDABLE = [ConfigurationException, InvalidEventException, UnsupportedAuthenticationMethod];

/** What `make` returns; what it throws because of a wrong configuration becomes a UsageError. */
export function usage<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (MENDABLE.some(type => error instanceof type)) throw new UsageError((error as Error).message);
    throw error;
  }
}
