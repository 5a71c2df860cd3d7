// A store of src/ports.ts in memory: it outlives a client, not the process.

import type { Store } from "../../src/index.ts";

/** Holds copies of what it is given. */
export function memoryStore(): Store {
  const entries = new Map<string, Uint8Array>();
  return {
    keys: () => [...entries.keys()],
    get: key => entries.get(key)?.slice(),
    set: (key, value) => void entries.set(key, value.slice()),
    remove: key => void entries.delete(key),
  };
}
