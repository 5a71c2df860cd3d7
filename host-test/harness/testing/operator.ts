// Device management of the platform of a test (docs/protocol.md 7): it answers the requests of the device, and the test is
// the operator. The rules are those of the local platform.

import { type ActionOutcome, type Plan, plan } from "../platform/management/actions.ts";
import { ManagedDevice, type ManagementAction, ManagementRefusal } from "../platform/management/managed-device.ts";
import { type FirmwareParameters, toNames, toParameters } from "../platform/management/operator.ts";
import { DeviceRecord, type ManagementState } from "../platform/management/record.ts";

/** A message to a device that waits for its turn. */
interface Outgoing {
  readonly clientId: string;
  readonly topic: string;
  readonly payload: string;
}

export abstract class Operator {
  private readonly devices = new Map<string, ManagedDevice>();
  private readonly outgoing: Outgoing[] = [];
  private readonly verdicts: (number | "silence")[] = [];

  // --- what a test does ---

  /** What the device has told: whether it is managed, its attributes, error codes, log and notifies. */
  get management(): ManagementState {
    const clientId = this.lastClientId;
    const device = clientId === undefined ? undefined : this.devices.get(clientId);
    return device?.state ?? new DeviceRecord().snapshot(0);
  }

  /**
   * Asks the device to reboot. The outcome is there when the device has sent manage again: restart() it.
   * @throws ExpectationError, as every action: the device is not managed, does not claim the action, is not connected, or
   * has not subscribed to iotdm-1/#
   */
  reboot(): ManagementAction {
    return this.start(plan("device/reboot"));
  }

  /** As reboot(). */
  factoryReset(): ManagementAction {
    return this.start(plan("device/factoryReset"));
  }

  /** The outcome is there when the device has notified state 2, or an error. */
  downloadFirmware(firmware: FirmwareParameters = {}): ManagementAction {
    return this.start(plan("firmware/download", toParameters(firmware)));
  }

  /** Installs what was downloaded. The outcome is there when the device has notified state 0 and updateStatus 0, or an error. */
  updateFirmware(firmware: FirmwareParameters = {}): ManagementAction {
    return this.start(plan("firmware/update", toParameters(firmware)));
  }

  /** The outcome has the values that the device answered. */
  observe(...fields: string[]): ManagementAction {
    return this.start(plan("device/observe", toNames(fields)));
  }

  cancel(...fields: string[]): ManagementAction {
    return this.start(plan("device/cancel", toNames(fields)));
  }

  /** @param bundle one that the device claimed in supports */
  customAction(bundle: string, action: string, parameters: Readonly<Record<string, unknown>> = {}): ManagementAction {
    return this.start(plan(`${bundle}/${action}`, toParameters(parameters)));
  }

  /**
   * @param field `location`, `metadata`, `deviceInfo` or `mgmt.firmware`
   * @param options `unanswered`: without reqId, so that the device must not answer
   */
  setAttribute(field: string, value: unknown, options: { readonly unanswered?: boolean } = {}): ManagementAction {
    return this.start(plan("device/update", [{ name: field, value }], options));
  }

  /** The next requests of the device are answered with this code, and not done unless it is 200. */
  refuseRequests(rc: number, count = 1): this {
    if (!Number.isInteger(rc) || rc < 200 || rc > 599) throw new RangeError(`a code is 200..599, not ${rc}`);
    for (let i = 0; i < count; i++) this.verdicts.push(rc);
    return this;
  }

  /** The next requests of the device are not answered, and not done. */
  ignoreRequests(count = 1): this {
    for (let i = 0; i < count; i++) this.verdicts.push("silence");
    return this;
  }

  // --- what the platform around it has and calls ---

  protected abstract get lastClientId(): string | undefined;
  protected abstract elapsed(): number;
  /** Why no request reaches the device now; undefined if one does. */
  protected abstract undeliverable(clientId: string | undefined): string | undefined;
  /** Publishes to the device, if it has subscribed. */
  protected abstract deliverTo(clientId: string, topic: string, payload: string): void;
  protected abstract brokeRule(text: string): void;
  protected abstract operate(what: () => void): void;
  protected abstract failure(message: string): Error;

  protected manages(clientId: string, topic: string, payload: string, dup: boolean): void {
    this.device(clientId).receive(topic, payload, dup);
  }

  protected sentByHand(clientId: string, topic: string, payload: string): void {
    this.device(clientId).sent(topic, payload);
  }

  protected newConnection(clientId: string): void {
    this.devices.get(clientId)?.connected();
  }

  /** Sends what waits: after the acknowledgement of the message that it answers. */
  protected sendAnswers(): void {
    for (const { clientId, topic, payload } of this.outgoing.splice(0)) this.deliverTo(clientId, topic, payload);
  }

  private start(action: Plan): ManagementAction {
    const clientId = this.lastClientId;
    const obstacle = this.undeliverable(clientId);
    if (obstacle) throw this.failure(`${action.action} cannot be delivered: ${obstacle}`);
    let started: ManagementAction | undefined;
    this.operate(() => {
      started = this.begin(this.device(clientId!), action);
      this.sendAnswers();
    });
    return started!;
  }

  private begin(device: ManagedDevice, action: Plan): ManagementAction {
    try {
      return device.start(action, {}, (_: ActionOutcome) => {});
    } catch (error) {
      if (error instanceof ManagementRefusal) throw this.failure(error.message);
      throw error;
    }
  }

  private device(clientId: string): ManagedDevice {
    const known = this.devices.get(clientId);
    if (known) return known;
    const device = new ManagedDevice(clientId, {
      now: () => this.elapsed(),
      send: (topic, payload) => this.outgoing.push({ clientId, topic, payload }),
      // Nothing times out: the test decides how long it waits.
      later: () => () => {},
      violation: text => this.brokeRule(text),
      changed: () => {},
      connected: () => this.undeliverable(clientId) === undefined,
      verdict: () => this.verdicts.shift(),
      reqIdPrefix: "s",
    });
    this.devices.set(clientId, device);
    return device;
  }
}
