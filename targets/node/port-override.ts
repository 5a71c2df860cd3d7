// Other default ports for a while: host-test/harness/testing runs a device program with the ports of the test, though the
// program makes its clients without naming ports.

import type { DeviceClient, MqttClient, Ports } from "../../src/index.ts";

export interface PortOverride {
  /** Ports of clients that are made without ports. */
  readonly ports: Ports;
  /** Called with each client that is made, with these ports or others. */
  created(client: DeviceClient | MqttClient): void;
}

const current: { override: PortOverride | undefined } = { override: undefined };

/** Applies `override` until the returned function is called, which restores the one before. */
export function overridePorts(override: PortOverride): () => void {
  const before = current.override;
  current.override = override;
  return () => {
    current.override = before;
  };
}

export function portOverride(): PortOverride | undefined {
  return current.override;
}
