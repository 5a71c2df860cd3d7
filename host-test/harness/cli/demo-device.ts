// The default device of all commands: the platform registers it, the `device` command and the README's program use it.

import type { DeviceOptions } from "../../../targets/node/index.ts";

export const DEMO_DEVICE = { org: "abc123", type: "thermo", id: "t-01", token: "demo-token" };

export function demoDeviceOptions(): DeviceOptions {
  const { org, type, id, token } = DEMO_DEVICE;
  return { org, type, id, "auth-method": "token", "auth-token": token };
}

export function organization(options: DeviceOptions): string {
  return options.org ?? options.orgId ?? "quickstart";
}
