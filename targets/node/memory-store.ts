// A store in memory. It survives the client, but not the process.

import type { Store } from "../../src/index.ts";

/** Store in memory, for tests: entries survive the client, but not the process. Keeps copies of the values. */
export function memoryStore(): Store {
  const entries = new Map<string, Uint8Array>();
  return {
    keys: () => [...entries.keys()],
    get: key => entries.get(key)?.slice(),
    set: (key, value) => void entries.set(key, value.slice()),
    remove: key => void entries.delete(key),
  };
}
