// What makes a device a managed one: hands the server's messages to the parts that answer them, and owns their one timer.
//   in:   Connection -> Management -> Requests (answers), ServerRequests (requests), or on to Commands
//   out:  Requests, ServerRequests -> channel -> Connection

import { ConnectionException, InvalidEventException } from "../../errors.ts";
import type { MessageReceiver } from "../../mqtt/callbacks.ts";
import type { Connection } from "../../mqtt/connection.ts";
import type { Packet } from "../../mqtt/wire/decoder.ts";
import type { Clock, Timer } from "../../ports.ts";
import { boundsFault } from "../codec/json-bounds.ts";
import { payloadJson } from "../codec/text.ts";
import { Attributes, type Field } from "./attributes.ts";
import { DOWNLOAD, FirmwareActions, UPDATE } from "./firmware.ts";
import { Lifetime } from "./lifetime.ts";
import { isObject, type ManagedSettings } from "./options.ts";
import { Requests } from "./requests.ts";
import { type RequestId, ServerRequests } from "./server-requests.ts";
import {
  ANSWER,
  CANCEL,
  CUSTOM_PREFIX,
  FACTORY_RESET,
  FIRMWARE_DOWNLOAD,
  FIRMWARE_UPDATE,
  OBSERVE,
  REBOOT,
  SERVER_FILTER,
  SERVER_PREFIX,
  SET_ATTRIBUTES,
} from "./topics.ts";
import type { AttributeName, CustomAction, ServerRequest } from "./types.ts";

/** When notifies that found no room are tried again, milliseconds. */
const RETRY_MS = 1000;

/** The callbacks of ManagedDeviceClient; read at each call. */
export interface ManagedCallbacks {
  rebootCallback: ((request: ServerRequest) => void) | undefined;
  factoryResetCallback: ((request: ServerRequest) => void) | undefined;
  customActionCallback: ((request: CustomAction) => void) | undefined;
  attributeCallback: ((name: AttributeName, value: unknown) => void) | undefined;
}

export class Management implements MessageReceiver {
  readonly requests: Requests;
  readonly attributes: Attributes;
  readonly lifetime: Lifetime;
  readonly settings: ManagedSettings;
  readonly clock: Clock;
  private readonly connection: Connection;
  private readonly client: ManagedCallbacks;
  private readonly maxValues: number;
  private readonly commands: MessageReceiver;
  private readonly serverRequests: ServerRequests;
  private readonly firmware: FirmwareActions;
  private readonly timer: Timer;

  /** @param maxValues most JSON values in one message of the server */
  constructor(connection: Connection, client: ManagedCallbacks, settings: ManagedSettings, maxValues: number) {
    this.clock = connection.ports.clock;
    this.connection = connection;
    this.client = client;
    this.settings = settings;
    this.maxValues = maxValues;
    this.timer = this.clock.timer(() => this.onTimer());
    const { limits, requestTimeout } = settings;
    const changed = () => this.schedule();
    this.requests = new Requests(connection, limits.requests, requestTimeout, changed);
    this.serverRequests = new ServerRequests(connection, limits.requests, requestTimeout, changed);
    this.attributes = new Attributes(this.requests, settings);
    this.firmware = new FirmwareActions(connection, this.attributes, this.serverRequests, settings.installer);
    this.lifetime = new Lifetime(
      connection,
      this.requests,
      settings.lifetime,
      () => this.manageData(),
      () => this.firmware.managed(),
    );
    this.commands = connection.receiver;
    connection.receiver = this;
    connection.session.subscribe([{ topic: SERVER_FILTER, qos: 1 }], undefined);
  }

  receive(packet: Packet): void {
    const topic = packet.topic!;
    if (topic.indexOf(SERVER_PREFIX) !== 0) return this.commands.receive(packet);
    if (packet.oversize) {
      throw new InvalidEventException(`request on ${topic} of ${packet.oversize} bytes exceeds limits.frameBytes`);
    }
    const fault = boundsFault(packet.payload!, this.maxValues);
    if (fault) throw new InvalidEventException(`request on ${topic}: ${fault}`);
    const message = payloadJson({ payload: packet.payload! });
    if (!isObject(message)) throw new InvalidEventException(`request on ${topic} is not an object`);
    const kind = topic.slice(SERVER_PREFIX.length);
    if (kind === ANSWER) return this.requests.answered(message);
    const reqId = message.reqId ?? undefined;
    if (reqId !== undefined && typeof reqId !== "string" && typeof reqId !== "number") {
      throw new InvalidEventException(`request on ${topic}: reqId is not a string`);
    }
    if (!this.serverRequests.isNew(reqId)) return;
    this.serve(kind, reqId, isObject(message.d) ? message.d.fields : undefined);
  }

  /** connect() was called. */
  connecting(): void {
    this.lifetime.resume();
    this.schedule();
  }

  /** disconnect() has ended: nobody waits any more, and no timer keeps the program alive. */
  disconnected(): void {
    this.timer.clear();
    this.serverRequests.clear();
    this.requests.clear(new ConnectionException("dropped by disconnect()", "not-connected"));
    this.timer.clear();
  }

  /** Sets the timer to the earliest deadline. */
  schedule(): void {
    const now = this.clock.now();
    let least = this.attributes.isWaiting ? RETRY_MS : undefined;
    const all = [this.requests.msLeft(now), this.serverRequests.msLeft(now), this.lifetime.msLeft(now)];
    for (let i = 0; i < all.length; i++) if (all[i] !== undefined && !(all[i]! >= least!)) least = all[i];
    if (least === undefined || !this.connection.active) this.timer.clear();
    else this.timer.set(Math.max(least, 0));
  }

  private onTimer(): void {
    const now = this.clock.now();
    this.requests.expire(now);
    this.serverRequests.expire(now);
    this.lifetime.expire(now);
    this.attributes.flush();
    this.schedule();
  }

  private manageData(): object {
    const { settings, client } = this;
    const supports: Record<string, boolean> = {
      deviceActions: client.rebootCallback !== undefined || client.factoryResetCallback !== undefined,
      firmwareActions: settings.installer !== undefined,
    };
    for (let i = 0; i < settings.bundles.length; i++) supports[settings.bundles[i]!] = true;
    const { deviceInfo, metadata } = this.attributes;
    return { lifetime: settings.lifetime, supports, deviceInfo, metadata };
  }

  private serve(kind: string, reqId: RequestId, fields: unknown): void {
    const { serverRequests, client } = this;
    if (kind === REBOOT) serverRequests.ask(client.rebootCallback, { reqId, action: "reboot" });
    else if (kind === FACTORY_RESET)
      serverRequests.ask(client.factoryResetCallback, { reqId, action: "factory_reset" });
    else if (kind === FIRMWARE_DOWNLOAD) this.firmware.request(DOWNLOAD, reqId);
    else if (kind === FIRMWARE_UPDATE) this.firmware.request(UPDATE, reqId);
    else if (kind.indexOf(CUSTOM_PREFIX) === 0) this.custom(kind, reqId, fields);
    else if (kind === SET_ATTRIBUTES || kind === OBSERVE || kind === CANCEL) this.access(kind, reqId, fields);
    else serverRequests.respond(reqId, { rc: 501, message: `${kind} is not supported` });
  }

  private custom(kind: string, reqId: RequestId, fields: unknown): void {
    const [bundle = "", action = "", rest] = kind.slice(CUSTOM_PREFIX.length).split("/");
    const known = action && rest === undefined && this.settings.bundles.indexOf(bundle) >= 0;
    const given = fields === undefined ? [] : checkedFields(fields);
    if (!given) return this.serverRequests.respond(reqId, { rc: 400, message: "d.fields is malformed" });
    const parameters: Record<string, unknown> = {};
    for (let i = 0; i < given.length; i++) parameters[given[i]!.field] = given[i]!.value;
    const callback = known ? this.client.customActionCallback : undefined;
    this.serverRequests.ask(callback, { reqId, action: known ? action : `${bundle}/${action}`, bundle, parameters });
  }

  /** Sets attributes, observes them, or ends that. */
  private access(kind: string, reqId: RequestId, given: unknown): void {
    const { attributes, serverRequests } = this;
    const fields = checkedFields(given);
    if (!fields) return serverRequests.respond(reqId, { rc: 400, message: "d.fields is missing or malformed" });
    const names = fields.map(({ field }) => field);
    if (kind === CANCEL) {
      attributes.cancel(names);
      return serverRequests.respond(reqId, { rc: 200 });
    }
    const faulty = kind === OBSERVE ? attributes.observe(names) : attributes.set(fields);
    if (faulty.length) {
      return serverRequests.respond(reqId, { rc: 404, d: { fields: faulty.map(field => ({ field })) } });
    }
    if (kind === OBSERVE) return serverRequests.respond(reqId, { rc: 200, d: { fields: attributes.read(names) } });
    serverRequests.respond(reqId, { rc: 204 });
    for (let i = 0; i < names.length; i++) {
      const { callbacks } = this.connection;
      callbacks.invoke(this.client.attributeCallback, names[i] as AttributeName, attributes.valueOf(names[i]!));
    }
  }
}

/** `d.fields` of a request; undefined if it is not what docs/protocol.md 7.3 says. */
function checkedFields(given: unknown): readonly Field[] | undefined {
  if (!Array.isArray(given) || !given.length) return undefined;
  for (let i = 0; i < given.length; i++) {
    const one: unknown = given[i];
    if (!isObject(one) || typeof one.field !== "string" || !one.field) return undefined;
  }
  return given as Field[];
}
