// The device of most tests.

import type { DeviceOptions } from "../../../src/device/config.ts";

/** Looks like a token of the platform, with characters that break shells and configuration files. */
export const TOKEN = "MP$08VKz!8rXwnR-Q*";

export const IDENTITY: Readonly<DeviceOptions> = Object.freeze({
  org: "abc123",
  type: "thermo",
  id: "t-01",
  "auth-method": "token",
  "auth-token": TOKEN,
});
