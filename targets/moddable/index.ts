// The package's entry under the "moddable" condition: the bundle, with ECMA-419 sockets, the SDK's timers and
// Math.random as default ports. Preloaded: nothing here may hold state, and no native may run before main does.

import Net from "net";
import Time from "time";
import Timer from "timer";
import {
  DeviceClient as CoreDeviceClient,
  MqttClient as CoreMqttClient,
  type DeviceOptions,
  type Endpoint,
  type MqttOptions,
  type Ports,
  type Store,
  type Transport,
  type TransportListener,
} from "../../src/index.ts";
import { SocketTransport } from "./sockets.ts";

export * from "../../src/index.ts";
export { PreferenceStore } from "./store.ts";

export interface PortsOptions {
  /** How much is taken from a socket at once; each connection has one buffer of that size. Default 512. */
  readBytes?: number;
  /** Where messages of QoS 1 and 2 survive a restart, for example a PreferenceStore. */
  store?: Store;
}

const READ_BYTES = 512;

class DeviceTimer {
  private readonly due: () => void;
  private timer: Timer | undefined;

  constructor(due: () => void) {
    this.due = due;
  }

  set(delayMs: number): void {
    this.clear();
    this.timer = Timer.set(this.due, delayMs);
  }

  clear(): void {
    // May clear a timer that has fired; the SDK ignores that. To note it would take a closure of ten slots.
    if (this.timer) Timer.clear(this.timer);
    this.timer = undefined;
  }
}

const clock = Object.freeze({
  now: () => Time.ticks,
  date: () => Date.now(),
  timer: (due: () => void) => new DeviceTimer(due),
});

class DevicePorts implements Ports {
  readonly clock = clock;
  readonly store?: Store;
  private readonly readBytes: number;

  constructor({ readBytes = READ_BYTES, store }: PortsOptions) {
    this.readBytes = readBytes;
    if (store) this.store = store;
    Object.freeze(this);
  }

  open(endpoint: Endpoint, listener: TransportListener): Transport {
    return new SocketTransport(endpoint, listener, this.readBytes);
  }

  random(): number {
    return Math.random();
  }

  /** The hardware address without its colons; a simulator has none. */
  get serial(): string {
    return Net.get("MAC")?.split(":").join("");
  }
}

/** Ports with options of their own. A store belongs to one client, so each client with a store needs its own ports. */
export function makePorts(options: PortsOptions = {}): Ports {
  return new DevicePorts(options);
}

export const devicePorts: Ports = makePorts();

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
