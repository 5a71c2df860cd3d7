// The package's entry for managed devices under the "moddable" condition: ManagedDeviceClient on the sockets of
// DeviceClient, which it takes from there. Preloaded: nothing here may hold state, and no native may run before main does.

import {
  ManagedDeviceClient as CoreManagedDeviceClient,
  type ManagedDeviceOptions,
} from "../../src/device/managed/index.ts";
import { devicePorts, type Ports } from "./index.ts";

export * from "../../src/device/managed/index.ts";

export class ManagedDeviceClient extends CoreManagedDeviceClient {
  constructor(options: ManagedDeviceOptions, ports: Ports = devicePorts) {
    super(options, ports);
  }
}
