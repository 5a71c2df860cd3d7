// Device management of a local platform (docs/protocol.md 7): one ManagedDevice for each device that uses it, and the
// operator's functions as promises.

import { randomBytes } from "node:crypto";
import { type ActionOutcome, type Parameter, type Plan, plan } from "./management/actions.ts";
import { type ActionTimeouts, ManagedDevice, ManagementRefusal } from "./management/managed-device.ts";
import { type FirmwareParameters, toNames, toParameters } from "./management/operator.ts";
import { DeviceRecord, type ManagementState } from "./management/record.ts";

/** What device management needs of the platform. */
export interface ManagementBackend {
  send(clientId: string, topic: string, payload: string): void;
  violation(clientId: string, text: string): void;
  changed(clientId: string): void;
  ended(clientId: string, outcome: ActionOutcome): void;
  connected(clientId: string): boolean;
}

/** Devices with a record. One more replaces the oldest that is not connected and has nothing under way. */
const MAX_DEVICES = 1000;
/** The longest delay of a timer of Node, milliseconds. */
const MAX_DELAY = 2 ** 31 - 1;

interface Entry {
  readonly device: ManagedDevice;
  /** Reports the end of the lifetime. */
  timer: NodeJS.Timeout | undefined;
}

export class Management {
  readonly #backend: ManagementBackend;
  readonly #devices = new Map<string, Entry>();
  readonly #maxDevices: number;
  /** A device ignores a reqId that it has seen, and may outlive a platform. */
  readonly #reqIdPrefix = `${randomBytes(4).toString("hex")}-`;

  constructor(backend: ManagementBackend, maxDevices = MAX_DEVICES) {
    this.#backend = backend;
    this.#maxDevices = maxDevices;
  }

  /** A message of the device. `payload` undefined: it is not UTF-8. */
  receive(clientId: string, topic: string, payload: string | undefined, dup: boolean): void {
    const entry = this.#devices.get(clientId) ?? this.#add(clientId);
    if (entry) entry.device.receive(topic, payload, dup);
    else this.#backend.violation(clientId, `more than ${this.#maxDevices} devices use device management`);
  }

  /** The device has a new connection. */
  connected(clientId: string): void {
    this.#devices.get(clientId)?.device.connected();
  }

  /** A request that was sent by hand. */
  sent(clientId: string, topic: string, payload: string): void {
    const entry = this.#devices.get(clientId) ?? this.#add(clientId);
    entry?.device.sent(topic, payload);
  }

  state(clientId: string): ManagementState {
    return this.#devices.get(clientId)?.device.state ?? new DeviceRecord().snapshot(0);
  }

  /**
   * Resolves when the action has ended.
   * @throws ManagementRefusal, and nothing is sent
   */
  start(clientId: string, action: Plan, timeouts: ActionTimeouts = {}): Promise<ActionOutcome> {
    const entry = this.#devices.get(clientId);
    if (!entry) throw new ManagementRefusal(`${action.action}: ${clientId} is not managed`);
    let resolve!: (outcome: ActionOutcome) => void;
    const end = new Promise<ActionOutcome>(resolved => {
      resolve = resolved;
    });
    entry.device.start(action, timeouts, outcome => {
      this.#backend.ended(clientId, outcome);
      resolve(outcome);
    });
    return end;
  }

  close(): void {
    for (const { device, timer } of this.#devices.values()) {
      clearTimeout(timer);
      device.close("the platform closed");
    }
  }

  #add(clientId: string): Entry | undefined {
    if (this.#devices.size >= this.#maxDevices && !this.#removeOne()) return undefined;
    const backend = this.#backend;
    const device = new ManagedDevice(clientId, {
      now: Date.now,
      send: (topic, payload) => backend.send(clientId, topic, payload),
      later: (ms, due) => {
        const timer = setTimeout(due, ms);
        return () => clearTimeout(timer);
      },
      violation: text => backend.violation(clientId, text),
      changed: () => {
        this.#watchLifetime(clientId);
        backend.changed(clientId);
      },
      connected: () => backend.connected(clientId),
      reqIdPrefix: this.#reqIdPrefix,
    });
    const entry: Entry = { device, timer: undefined };
    this.#devices.set(clientId, entry);
    return entry;
  }

  #removeOne(): boolean {
    const free = [...this.#devices].find(
      ([clientId, { device }]) => !this.#backend.connected(clientId) && !device.busy,
    );
    clearTimeout(free?.[1].timer);
    return free !== undefined && this.#devices.delete(free[0]);
  }

  #watchLifetime(clientId: string): void {
    const entry = this.#devices.get(clientId);
    if (!entry) return;
    clearTimeout(entry.timer);
    const { managed, managedUntil } = entry.device.state;
    if (!managed || managedUntil === undefined) return;
    const check = () => {
      if (entry.device.state.managed) this.#watchLifetime(clientId);
      else this.#backend.changed(clientId);
    };
    entry.timer = setTimeout(check, Math.min(managedUntil - Date.now(), MAX_DELAY));
  }
}

export interface ActionOptions extends ActionTimeouts {}

export interface UpdateOptions extends ActionOptions {
  /** True: without reqId, so that the device must not answer. Default false. */
  readonly unanswered?: boolean;
}

/**
 * What a device told the platform, and what an operator can do with it. Each action resolves when it has ended, with an
 * outcome that is `done`, `failed` or `timeout`. It rejects with ManagementRefusal when the device is not managed, does not
 * claim the action, or has another firmware action under way; with TypeError for an illegal name or value.
 */
export class DeviceManagement {
  readonly clientId: string;
  readonly #management: Management;

  /** @internal */
  constructor(clientId: string, management: Management) {
    this.clientId = clientId;
    this.#management = management;
  }

  /** A snapshot. A device that never sent anything is not managed. */
  get state(): ManagementState {
    return this.#management.state(this.clientId);
  }

  /** Done when the device has sent manage after it accepted. */
  reboot(options?: ActionOptions): Promise<ActionOutcome> {
    return this.run("device/reboot", [], options);
  }

  /** Done when the device has sent manage after it accepted. */
  factoryReset(options?: ActionOptions): Promise<ActionOutcome> {
    return this.run("device/factoryReset", [], options);
  }

  /** Done when the device has notified state 2. Without parameters the device uses those that it has. */
  downloadFirmware(firmware: FirmwareParameters = {}, options?: ActionOptions): Promise<ActionOutcome> {
    return this.run("firmware/download", toParameters(firmware), options);
  }

  /** Installs what was downloaded. Done when the device has notified state 0 and updateStatus 0. */
  updateFirmware(firmware: FirmwareParameters = {}, options?: ActionOptions): Promise<ActionOutcome> {
    return this.run("firmware/update", toParameters(firmware), options);
  }

  /** @param bundle one that the device claimed in supports */
  customAction(
    bundle: string,
    action: string,
    parameters: Readonly<Record<string, unknown>> = {},
    options?: ActionOptions,
  ): Promise<ActionOutcome> {
    return this.run(`${bundle}/${action}`, toParameters(parameters), options);
  }

  /** The device notifies each change of these attributes from now on. The outcome has their values. */
  observe(fields: readonly string[], options?: ActionOptions): Promise<ActionOutcome> {
    return this.run("device/observe", toNames(fields), options);
  }

  cancel(fields: readonly string[], options?: ActionOptions): Promise<ActionOutcome> {
    return this.run("device/cancel", toNames(fields), options);
  }

  /** @param field `location`, `metadata`, `deviceInfo` or `mgmt.firmware` */
  setAttribute(field: string, value: unknown, options?: UpdateOptions): Promise<ActionOutcome> {
    return this.run("device/update", [{ name: field, value }], options);
  }

  /**
   * Any action by the name of the REST API: `device/reboot`, `device/factoryReset`, `firmware/download`,
   * `firmware/update`, `<bundleId>/<actionId>`; and `device/observe`, `device/cancel`, `device/update`, whose parameters
   * are attributes.
   */
  async run(
    action: string,
    parameters: readonly Parameter[] = [],
    options: UpdateOptions = {},
  ): Promise<ActionOutcome> {
    return this.#management.start(this.clientId, plan(action, parameters, options), options);
  }
}
