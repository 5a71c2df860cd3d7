// Types of device.js for programs that run it in their own process; see xs/engines.ts.

import type { DeviceClient, DeviceOptions, Ports } from "../../../../targets/node/index.ts";

export function start(context: {
  lib: { DeviceClient: typeof DeviceClient };
  ports: Ports;
  argument: { options: DeviceOptions; qos: 0 | 1 | 2; managed?: boolean };
  call(name: string, value?: unknown): unknown;
}): { stop(): Promise<void> };
