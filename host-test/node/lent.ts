// Which ports does a client get that was given none? Those of this process; but while a test runs a device program, those
// of the test (host-test/testing).

import type { DeviceClient, MqttClient, Ports } from "../../src/index.ts";

export interface Lender {
  readonly ports: Ports;
  /** A client was made, with these ports or with others. */
  made(client: DeviceClient | MqttClient): void;
}

const now: { lender: Lender | undefined } = { lender: undefined };

/** From now on clients belong to `to`, until the function that is returned is called. */
export function lend(to: Lender): () => void {
  const before = now.lender;
  now.lender = to;
  return () => {
    now.lender = before;
  };
}

export function borrowed(): Lender | undefined {
  return now.lender;
}
