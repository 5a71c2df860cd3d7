// The package's entry under the "moddable" condition: the bundle, with the device's ECMA-419 network, the SDK's timers
// and Math.random as default ports.

import Time from "time";
import Timer from "timer";
import {
  ConfigurationException,
  DeviceClient as CoreDeviceClient,
  MqttClient as CoreMqttClient,
  type DeviceOptions,
  type Endpoint,
  type MqttOptions,
  type Ports,
} from "../../src/index.ts";
import { type Network, SocketTransport } from "./sockets.ts";

export * from "../../src/index.ts";
export type { Network } from "./sockets.ts";

declare const device: { network?: { mqtt?: Network; mqtts?: Network } };

class DeviceTimer {
  private readonly due: () => void;
  private timer: Timer | undefined;

  constructor(due: () => void) {
    this.due = due;
  }

  set(delayMs: number): void {
    this.clear();
    this.timer = Timer.set(() => {
      this.timer = undefined;
      this.due();
    }, delayMs);
  }

  clear(): void {
    if (this.timer) Timer.clear(this.timer);
    this.timer = undefined;
  }
}

/** `device.network.mqtts` for TLS, `device.network.mqtt` without, as the SDK's MQTT manifests set them up. */
function deviceNetwork(endpoint: Endpoint): Network {
  const network = endpoint.tls ? device.network?.mqtts : device.network?.mqtt;
  if (network) return network;
  throw new ConfigurationException(
    `device.network.${endpoint.tls ? "mqtts" : "mqtt"} is missing: include its manifest`,
  );
}

export const devicePorts: Ports = Object.freeze({
  open: (endpoint, listener) => new SocketTransport(deviceNetwork(endpoint), endpoint, listener),
  clock: Object.freeze({
    now: () => Time.ticks,
    date: () => Date.now(),
    timer: (due: () => void) => new DeviceTimer(due),
  }),
  random: () => Math.random(),
} satisfies Ports);

export class DeviceClient extends CoreDeviceClient {
  constructor(options?: DeviceOptions, ports: Ports = devicePorts) {
    super(options, ports);
  }
}

export class MqttClient extends CoreMqttClient {
  constructor(options: MqttOptions, ports: Ports = devicePorts) {
    super(options, ports);
  }
}
