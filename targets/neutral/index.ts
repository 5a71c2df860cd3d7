// The package's entry where no condition of "exports" names an engine: the bundle without default ports. Tools that do
// not set the condition "node" or "moddable" resolve to it, so that the constructors take the arguments of every engine.

import {
  DeviceClient as CoreDeviceClient,
  MqttClient as CoreMqttClient,
  type DeviceOptions,
  type MqttOptions,
  type Ports,
} from "../../src/index.ts";
import { noPorts } from "./no-ports.ts";

export * from "../../src/index.ts";

export class DeviceClient extends CoreDeviceClient {
  /** @throws ConfigurationException without `ports` */
  constructor(options?: DeviceOptions, ports: Ports = noPorts()) {
    super(options, ports);
  }
}

export class MqttClient extends CoreMqttClient {
  /** @throws ConfigurationException without `ports` */
  constructor(options: MqttOptions, ports: Ports = noPorts()) {
    super(options, ports);
  }
}
