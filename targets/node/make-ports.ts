// Ports of an application's choice, made from the default ports.

import type { Ports, Store } from "../../src/index.ts";

export interface PortsOptions {
  /** Where messages of QoS 1 and 2 survive a restart, for example `fileStore(folder)`. Default: none. */
  store?: Store;
}

/** The same ports with these options. Methods are called on `ports`, which may be an instance of a class. */
export function withOptions(ports: Ports, options: PortsOptions): Ports {
  const { serial } = ports;
  const store = options.store ?? ports.store;
  return {
    open: (endpoint, listener) => ports.open(endpoint, listener),
    clock: ports.clock,
    random: () => ports.random(),
    ...(serial === undefined ? {} : { serial }),
    ...(store === undefined ? {} : { store }),
  };
}
