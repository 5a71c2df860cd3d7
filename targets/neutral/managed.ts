// The package's entry for managed devices where no condition of "exports" names an engine: ManagedDeviceClient without
// default ports.

import {
  ManagedDeviceClient as CoreManagedDeviceClient,
  type ManagedDeviceOptions,
} from "../../src/device/managed/index.ts";
import type { Ports } from "../../src/index.ts";
import { noPorts } from "./no-ports.ts";

export * from "../../src/device/managed/index.ts";

export class ManagedDeviceClient extends CoreManagedDeviceClient {
  /** @throws ConfigurationException without `ports` */
  constructor(options: ManagedDeviceOptions, ports: Ports = noPorts()) {
    super(options, ports);
  }
}
