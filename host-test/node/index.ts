// The package's entry on Node: the bundle, with Node's sockets, timers and randomness as default ports, and the
// configuration of a device from files and from the environment.

import { randomBytes } from "node:crypto";
import {
  DeviceClient as CoreDeviceClient,
  MqttClient as CoreMqttClient,
  type DeviceOptions,
  type MqttOptions,
  type Ports,
} from "../../src/index.ts";
import { nodeClock } from "./clock.ts";
import { borrowed } from "./lent.ts";
import { openSocket } from "./sockets.ts";

export * from "../../src/index.ts";
export { parseConfigFile, parseConfigYaml } from "./config-file.ts";
export { parseEnvVars } from "./environment.ts";
/** @internal */
export { borrowed, type Lender, lend } from "./lent.ts";
export { memoryStore } from "./memory-store.ts";
export { type NestedConfig, parseNestedConfig } from "./nested.ts";
export { type FileStoreOptions, fileStore } from "./store.ts";

/**
 * Node's sockets (net, tls), timers and Math.random. Quickstart devices of one process share one id. No store: for one,
 * pass `{ ...nodePorts, store: fileStore(folder) }`, a folder for each client.
 */
export const nodePorts: Ports = {
  open: openSocket,
  clock: nodeClock,
  random: Math.random,
  serial: randomBytes(6).toString("hex"),
};

export class DeviceClient extends CoreDeviceClient {
  constructor(options?: DeviceOptions, ports: Ports = borrowed()?.ports ?? nodePorts) {
    super(options, ports);
    borrowed()?.made(this);
  }
}

export class MqttClient extends CoreMqttClient {
  constructor(options: MqttOptions, ports: Ports = borrowed()?.ports ?? nodePorts) {
    super(options, ports);
    borrowed()?.made(this);
  }
}
