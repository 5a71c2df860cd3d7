// The device that everything here knows when no other is named: the platform lets it in, the device command is it, and
// the README's program too.

import type { DeviceOptions } from "../node/index.ts";

export const DEMO_DEVICE = { org: "abc123", type: "thermo", id: "t-01", token: "demo-token" };

export function demoDeviceOptions(): DeviceOptions {
  const { org, type, id, token } = DEMO_DEVICE;
  return { org, type, id, "auth-method": "token", "auth-token": token };
}

export function organization(options: DeviceOptions): string {
  return options.org ?? options.orgId ?? "quickstart";
}
