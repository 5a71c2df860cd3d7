// The package's entry on Node: the bundle, with Node's sockets, timers and randomness as default ports.

import { readFileSync } from "node:fs";
import {
  ConfigurationException,
  DeviceClient as CoreDeviceClient,
  MqttClient as CoreMqttClient,
  type DeviceOptions,
  type MqttOptions,
  type Ports,
  parseConfig,
} from "../../src/index.ts";
import { nodeClock } from "./clock.ts";
import { openSocket } from "./sockets.ts";

export * from "../../src/index.ts";

/** Node's sockets (net, tls), timers and Math.random. */
export const nodePorts: Ports = { open: openSocket, clock: nodeClock, random: Math.random };

export class DeviceClient extends CoreDeviceClient {
  constructor(options?: DeviceOptions, ports: Ports = nodePorts) {
    super(options, ports);
  }
}

export class MqttClient extends CoreMqttClient {
  constructor(options: MqttOptions, ports: Ports = nodePorts) {
    super(options, ports);
  }
}

/**
 * Reads a device ini file; see {@link parseConfig}.
 * @throws ConfigurationException naming the file, and line and key where they are wrong
 */
export function parseConfigFile(path: string): DeviceOptions {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigurationException(
      `Error reading device configuration file '${path}' (${(error as NodeJS.ErrnoException).code ?? error})`,
    );
  }
  return parseConfig(text, path);
}
