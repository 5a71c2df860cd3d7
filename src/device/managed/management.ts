// Routes the server's messages to the parts of device management, and owns their one timer.
//   in:   Connection -> Management -> DeviceRequests (responses), ServerRequests (requests), or on to the commands
//   out:  DeviceRequests, ServerRequests -> channel -> Connection

import { ConfigurationException, ConnectionException, InvalidEventException } from "../../errors.ts";
import type { MessageReceiver } from "../../mqtt/callbacks.ts";
import type { Connection } from "../../mqtt/connection.ts";
import type { Packet } from "../../mqtt/wire/decoder.ts";
import type { Timer } from "../../ports.ts";
import { boundsFault } from "../codec/json-bounds.ts";
import { payloadJson } from "../codec/text.ts";
import { Attributes, type Field } from "./attributes.ts";
import { earlier } from "./channel.ts";
import { DeviceRequests } from "./device-requests.ts";
import { DOWNLOAD, FirmwareActions, UPDATE } from "./firmware.ts";
import { Lifetime } from "./lifetime.ts";
import { attributeFault, isObject, type ManagedSettings, throwFault } from "./options.ts";
import { type RequestId, ServerRequests } from "./server-requests.ts";
import {
  CANCEL,
  CUSTOM_PREFIX,
  FACTORY_RESET,
  FIRMWARE_DOWNLOAD,
  FIRMWARE_UPDATE,
  OBSERVE,
  REBOOT,
  SERVER_FILTER,
  SERVER_PREFIX,
  SERVER_RESPONSE,
  SET_ATTRIBUTES,
} from "./topics.ts";
import type { AttributeName, CustomAction, Firmware, RequestCallback, ServerRequest } from "./types.ts";

/** The callbacks of ManagedDeviceClient; read at each call. */
export interface ManagedCallbacks {
  rebootCallback: ((request: ServerRequest) => void) | undefined;
  factoryResetCallback: ((request: ServerRequest) => void) | undefined;
  customActionCallback: ((request: CustomAction) => void) | undefined;
  attributeCallback: ((name: AttributeName, value: unknown) => void) | undefined;
}

export class Management implements MessageReceiver {
  readonly lifetime: Lifetime;
  private readonly connection: Connection;
  private readonly client: ManagedCallbacks;
  private readonly settings: ManagedSettings;
  private readonly maxValues: number;
  private readonly commands: MessageReceiver;
  private readonly deviceRequests: DeviceRequests;
  private readonly serverRequests: ServerRequests;
  private readonly attributes: Attributes;
  private readonly firmwareActions: FirmwareActions;
  private readonly timer: Timer;

  /**
   * @param maxValues most JSON values in one message of the server
   * @throws ConfigurationException if there is no room for the subscription
   */
  constructor(connection: Connection, client: ManagedCallbacks, settings: ManagedSettings, maxValues: number) {
    this.connection = connection;
    this.client = client;
    this.settings = settings;
    this.maxValues = maxValues;
    this.timer = connection.ports.clock.timer(() => this.onTimer());
    const { limits, requestTimeout, installer } = settings;
    const schedule = () => this.schedule();
    this.deviceRequests = new DeviceRequests(connection, limits.requests, requestTimeout, schedule);
    this.serverRequests = new ServerRequests(connection, limits.requests, requestTimeout, schedule);
    this.attributes = new Attributes(connection, this.deviceRequests, settings, schedule);
    this.firmwareActions = new FirmwareActions(
      connection,
      this.attributes,
      this.deviceRequests,
      this.serverRequests,
      installer,
    );
    this.lifetime = new Lifetime(
      connection,
      this.deviceRequests,
      settings.lifetime,
      () => this.manageData(),
      () => this.firmwareActions.onManaged(),
      schedule,
    );
    this.commands = connection.callbacks.receiver;
    connection.callbacks.receiver = this;
    if (!connection.session.subscribe([{ topic: SERVER_FILTER, qos: 1 }], undefined)) {
      throw new ConfigurationException("limits.subscriptions of a managed device must be 2 or more", "limit");
    }
  }

  get firmware(): Firmware {
    return this.attributes.valueOf("mgmt.firmware") as unknown as Firmware;
  }

  /** See {@link DeviceRequests.send}. */
  request(topic: string, d: object | undefined, done: RequestCallback | undefined): boolean {
    return this.deviceRequests.send(topic, d, done);
  }

  /** The time by the engine's clock, ISO 8601. */
  get isoTime(): string {
    return new Date(this.connection.ports.clock.date()).toISOString();
  }

  /**
   * Replaces the value of an attribute and tells the server if it observes it.
   * @throws ConfigurationException if it cannot have this value
   */
  setAttribute(name: AttributeName, value: object): void {
    throwFault(attributeFault(name, value, this.settings.limits.attributeBytes));
    this.attributes.replace(name, value);
    this.attributes.flush();
  }

  receive(packet: Packet): void {
    const topic = packet.topic!;
    if (topic.indexOf(SERVER_PREFIX) !== 0) return this.commands.receive(packet);
    const message = this.messageOf(packet);
    const kind = topic.slice(SERVER_PREFIX.length);
    if (kind === SERVER_RESPONSE) {
      this.deviceRequests.responded(message);
      return this.attributes.flush(); // may have waited for room
    }
    const reqId = message.reqId ?? undefined;
    if (reqId !== undefined && typeof reqId !== "string" && typeof reqId !== "number") {
      throw new InvalidEventException(`request on ${topic}: reqId is not a string`);
    }
    // While the client disconnects it could not answer.
    if (!this.connection.active || !this.serverRequests.isNew(reqId, packet.dup)) return;
    this.serve(kind, reqId, isObject(message.d) ? message.d.fields : undefined);
  }

  /** connect() was called. */
  connecting(): void {
    this.attributes.flush();
    this.onTimer();
  }

  /** disconnect() is about to be called. */
  leaving(): void {
    this.serverRequests.leaving();
  }

  stopped(error: ConnectionException | undefined): void {
    const reason = error ?? new ConnectionException("disconnect() was called before the answer", "not-connected");
    this.serverRequests.stopped(reason);
    this.deviceRequests.stopped(reason);
    this.firmwareActions.stopped();
    this.lifetime.stopped(); // last, because it schedules, and callbacks may have called connect()
  }

  // Without a connection to come there is no timer: it would keep a program alive.
  private schedule(): void {
    const { active, ports } = this.connection;
    const now = ports.clock.now();
    const { deviceRequests, serverRequests, attributes, lifetime } = this;
    const requests = earlier(deviceRequests.msLeft(now), serverRequests.msLeft(now));
    const left = earlier(requests, earlier(attributes.msLeft(now), lifetime.msLeft(now)));
    if (left === undefined || !active) this.timer.clear();
    else this.timer.set(Math.max(left, 0));
  }

  private onTimer(): void {
    const { callbacks, ports } = this.connection;
    const now = ports.clock.now();
    const parts = [this.deviceRequests, this.serverRequests, this.attributes, this.lifetime];
    // What one of them throws must not stop the others.
    for (let i = 0; i < parts.length; i++) callbacks.invoke(() => parts[i]!.expire(now), undefined, undefined);
    this.schedule();
  }

  private messageOf(packet: Packet): Record<string, unknown> {
    const what = `request on ${packet.topic}`;
    if (packet.oversize) {
      throw new InvalidEventException(`${what} of ${packet.oversize} bytes exceeds limits.frameBytes`);
    }
    const fault = boundsFault(packet.payload!, this.maxValues);
    if (fault) throw new InvalidEventException(`${what}: ${fault}`);
    const message = payloadJson({ payload: packet.payload! });
    if (!isObject(message)) throw new InvalidEventException(`${what} is not an object`);
    return message;
  }

  private manageData(): object {
    const { settings, client, attributes } = this;
    const supports: Record<string, boolean> = {
      deviceActions: client.rebootCallback !== undefined || client.factoryResetCallback !== undefined,
      firmwareActions: settings.installer !== undefined,
    };
    for (let i = 0; i < settings.bundles.length; i++) supports[settings.bundles[i]!] = true;
    return {
      lifetime: settings.lifetime,
      supports,
      deviceInfo: attributes.valueOf("deviceInfo"),
      metadata: attributes.valueOf("metadata"),
    };
  }

  private serve(kind: string, reqId: RequestId, given: unknown): void {
    const { serverRequests, client, firmwareActions } = this;
    if (kind === REBOOT) serverRequests.handOver(client.rebootCallback, { reqId, action: "reboot" });
    else if (kind === FACTORY_RESET) {
      serverRequests.handOver(client.factoryResetCallback, { reqId, action: "factory_reset" });
    } else if (kind === FIRMWARE_DOWNLOAD) firmwareActions.request(DOWNLOAD, reqId);
    else if (kind === FIRMWARE_UPDATE) firmwareActions.request(UPDATE, reqId);
    else if (kind.indexOf(CUSTOM_PREFIX) === 0) this.serveCustom(kind, reqId, given);
    else if (kind === SET_ATTRIBUTES || kind === OBSERVE || kind === CANCEL) this.serveFields(kind, reqId, given);
    else serverRequests.respond(reqId, { rc: 501, message: `${kind} is not supported` });
  }

  private serveCustom(kind: string, reqId: RequestId, given: unknown): void {
    const [bundle = "", action = "", rest] = kind.slice(CUSTOM_PREFIX.length).split("/");
    const known = action && rest === undefined && this.settings.bundles.indexOf(bundle) >= 0;
    const fields = given === undefined ? [] : fieldsOf(given);
    if (!fields) return this.serverRequests.respond(reqId, { rc: 400, message: "d.fields is malformed" });
    const parameters: Record<string, unknown> = {};
    for (let i = 0; i < fields.length; i++) parameters[fields[i]!.field] = fields[i]!.value;
    const callback = known ? this.client.customActionCallback : undefined;
    const name = known ? action : `${bundle}/${action}`;
    this.serverRequests.handOver(callback, { reqId, action: name, bundle, parameters });
  }

  private serveFields(kind: string, reqId: RequestId, given: unknown): void {
    const fields = fieldsOf(given);
    if (!fields) {
      return this.serverRequests.respond(reqId, { rc: 400, message: "d.fields is missing or malformed" });
    }
    const names = fields.map(({ field }) => field);
    if (kind === SET_ATTRIBUTES) this.serveSet(reqId, fields);
    else if (kind === OBSERVE) this.serveObserve(reqId, names);
    else {
      this.attributes.cancel(names);
      this.serverRequests.respond(reqId, { rc: 200 });
    }
  }

  private serveObserve(reqId: RequestId, names: readonly string[]): void {
    const { attributes, serverRequests } = this;
    const { unknown, tooMany } = attributes.observe(names);
    if (unknown.length) return serverRequests.respond(reqId, { rc: 404, d: namesOnly(unknown) });
    if (tooMany.length) {
      const message = `at most ${this.settings.limits.observed} attributes can be observed`;
      return serverRequests.respond(reqId, { rc: 500, message, d: namesOnly(tooMany) });
    }
    serverRequests.respond(reqId, { rc: 200, d: { fields: attributes.read(names) } });
  }

  private serveSet(reqId: RequestId, fields: readonly Field[]): void {
    const { attributes, connection, client } = this;
    const faults = attributes.set(fields);
    if (faults.length) {
      const d = namesOnly(faults.map(({ field }) => field));
      return this.serverRequests.respond(reqId, { rc: 404, message: String(faults[0]!.value), d });
    }
    this.serverRequests.respond(reqId, { rc: 204 });
    for (let i = 0; i < fields.length; i++) {
      const name = fields[i]!.field as AttributeName;
      connection.callbacks.invoke(client.attributeCallback, name, attributes.valueOf(name));
    }
  }
}

function namesOnly(names: readonly string[]): { fields: Field[] } {
  return { fields: names.map(field => ({ field })) };
}

/** `d.fields` of a request; undefined if it is not what docs/protocol.md 7.3 says. */
function fieldsOf(given: unknown): readonly Field[] | undefined {
  if (!Array.isArray(given) || !given.length) return undefined;
  for (let i = 0; i < given.length; i++) {
    const one: unknown = given[i];
    // "__proto__" would not become a member of an object.
    if (!isObject(one) || typeof one.field !== "string" || !one.field || one.field === "__proto__") return undefined;
  }
  return given as Field[];
}
