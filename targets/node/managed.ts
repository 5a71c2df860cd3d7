// The package's entry for managed devices on Node: ManagedDeviceClient with Node's sockets, timers and randomness as
// default ports.

import {
  ManagedDeviceClient as CoreManagedDeviceClient,
  type ManagedDeviceOptions,
} from "../../src/device/managed/index.ts";
import { nodePorts, type Ports, portOverride } from "./index.ts";
import { blameCallers, fromCaller } from "./usage-errors.ts";

export * from "../../src/device/managed/index.ts";

export class ManagedDeviceClient extends CoreManagedDeviceClient {
  constructor(options: ManagedDeviceOptions, ports: Ports = portOverride()?.ports ?? nodePorts) {
    try {
      super(options, ports);
    } catch (error) {
      throw fromCaller(error, ManagedDeviceClient);
    }
    portOverride()?.created(this);
  }
}
blameCallers(ManagedDeviceClient.prototype, [
  "connect",
  "publishEvent",
  "setMessageEncoderModule",
  "manage",
  "unmanage",
  "setLocation",
  "addErrorCode",
  "clearErrorCodes",
  "addLog",
  "clearLog",
  "setDeviceInfo",
  "setMetadata",
]);
