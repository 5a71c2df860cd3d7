// The module for Espruino: the clients of src/ on Espruino's sockets and timers, without the parser of configuration files.

import { DeviceClient as CoreDeviceClient } from "../../src/device/client.ts";
import type { DeviceOptions } from "../../src/device/config.ts";
import { MqttClient as CoreMqttClient } from "../../src/mqtt/client.ts";
import type { MqttOptions } from "../../src/mqtt/options.ts";
import type { Clock, Endpoint, Ports, Store, Timer, Transport, TransportListener } from "../../src/ports.ts";
import { SocketTransport } from "./sockets.ts";

export { StorageStore } from "./store.ts";

export interface PortsOptions {
  /** Where messages of QoS 1 and 2 survive a restart, for example a StorageStore. */
  store?: Store;
  /** Use Espruino's TLS, which checks no certificate. Default: false, options with TLS are refused. */
  unverifiedTls?: boolean;
}

class EspruinoTimer implements Timer {
  private readonly due: () => void;
  private timer: number | undefined;

  constructor(due: () => void) {
    this.due = due;
  }

  set(delayMs: number): void {
    this.clear();
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.due();
    }, delayMs);
  }

  clear(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = undefined;
  }
}

class EspruinoPorts implements Ports {
  readonly clock: Clock = {
    now: () => Math.floor(getTime() * 1000),
    date: () => Math.floor(getTime() * 1000),
    timer: due => new EspruinoTimer(due),
  };
  readonly store?: Store;
  private readonly unverifiedTls: boolean;

  constructor({ store, unverifiedTls }: PortsOptions) {
    if (store) this.store = store;
    this.unverifiedTls = unverifiedTls === true;
  }

  open(endpoint: Endpoint, listener: TransportListener): Transport {
    return new SocketTransport(endpoint, listener, this.unverifiedTls);
  }

  random(): number {
    return Math.random();
  }

  get serial(): string {
    return getSerial();
  }
}

/** Ports with options of their own. A store belongs to one client, so each client with a store needs its own ports. */
export function makePorts(options: PortsOptions = {}): Ports {
  return new EspruinoPorts(options);
}

export class DeviceClient extends CoreDeviceClient {
  constructor(options?: DeviceOptions, ports?: Ports) {
    super(options, ports ?? makePorts());
  }
}

export class MqttClient extends CoreMqttClient {
  constructor(options: MqttOptions, ports?: Ports) {
    super(options, ports ?? makePorts());
  }
}
