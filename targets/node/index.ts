// The package's entry on Node: the bundle, with Node's sockets, timers and randomness as default ports, and configuration
// from files and from the environment.

import { randomBytes } from "node:crypto";
import {
  DeviceClient as CoreDeviceClient,
  MqttClient as CoreMqttClient,
  type DeviceOptions,
  type MqttOptions,
  type Ports,
} from "../../src/index.ts";
import { nodeClock } from "./clock.ts";
import { type PortsOptions, withOptions } from "./make-ports.ts";
import { portOverride } from "./port-override.ts";
import { openSocket } from "./sockets.ts";
import { blameCallers, fromCaller } from "./usage-errors.ts";

export * from "../../src/index.ts";
export { parseConfigFile, parseConfigYaml } from "./config-file.ts";
export { parseEnvVars } from "./environment.ts";
export type { PortsOptions } from "./make-ports.ts";
export { memoryStore } from "./memory-store.ts";
export { type NestedConfig, parseNestedConfig } from "./nested.ts";
/** @internal */
export { overridePorts, type PortOverride, portOverride } from "./port-override.ts";
export { type FileStoreOptions, fileStore } from "./store.ts";

/** Default ports: Node's sockets (net, tls), timers and Math.random. No store. Quickstart devices of one process share one id. */
export const nodePorts: Ports = {
  open: openSocket,
  clock: nodeClock,
  random: Math.random,
  serial: randomBytes(6).toString("hex"),
};

/**
 * The default ports with a store: `makePorts({ store: fileStore(folder) })`. A store belongs to one client, so each client
 * with a store needs its own ports.
 */
export function makePorts(options: PortsOptions = {}): Ports {
  return withOptions(portOverride()?.ports ?? nodePorts, options);
}

export class DeviceClient extends CoreDeviceClient {
  constructor(options?: DeviceOptions, ports: Ports = portOverride()?.ports ?? nodePorts) {
    try {
      super(options, ports);
    } catch (error) {
      throw fromCaller(error, DeviceClient);
    }
    portOverride()?.created(this);
  }
}
blameCallers(DeviceClient.prototype, ["connect", "publishEvent", "setMessageEncoderModule"]);

export class MqttClient extends CoreMqttClient {
  constructor(options: MqttOptions, ports: Ports = portOverride()?.ports ?? nodePorts) {
    try {
      super(options, ports);
    } catch (error) {
      throw fromCaller(error, MqttClient);
    }
    portOverride()?.created(this);
  }
}
blameCallers(MqttClient.prototype, ["connect", "publish", "subscribe", "unsubscribe"]);
