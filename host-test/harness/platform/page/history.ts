// History of the devices for the page: numbers and last messages. Bounded: whatever devices send, it holds at most
// `devices` times (`fields` times `points`, and twice `messages`) entries of limited length.

import { closeText, connackText } from "../codes.ts";
import { deviceClientId, parseClientId } from "../identity.ts";
import { violationText } from "../log-entry.ts";
import type { Platform, PlatformMessage } from "../platform.ts";
import { payloadText, printable, shorten } from "../printable.ts";
import { fieldValues } from "./field-values.ts";
import { managedSummary } from "./managed-summary.ts";
import { RecentList } from "./recent-list.ts";
import type { ManagedSummary, Message, MessageKind, Point } from "./update.ts";

export interface Limits {
  /** One more replaces the device that has been disconnected the longest; it is left out if all are connected. */
  readonly devices: number;
  /** Per device; later fields are left out. */
  readonly fields: number;
  /** Per field; the oldest are dropped. */
  readonly points: number;
  /** Per device: the last events, and as many other messages. */
  readonly messages: number;
}

export const LIMITS: Limits = { devices: 50, fields: 24, points: 400, messages: 30 };

/** Characters kept of a name, and of a payload. */
const NAME_LENGTH = 64;
const TEXT_LENGTH = 300;

export interface Field {
  /** Printable and short. */
  readonly event: string;
  readonly path: string;
  readonly points: RecentList<Point>;
}

export interface DeviceRecord {
  readonly clientId: string;
  connected: boolean;
  /** Time of the last connect or disconnect, milliseconds since 1970; undefined before the first one. */
  since: number | undefined;
  /** Time of that, or of the first message. */
  changedAt: number;
  events: number;
  commands: number;
  lastEvent: { readonly name: string; readonly at: number } | undefined;
  /** The last number with a name like free memory, in bytes. */
  heap: number | undefined;
  /** Undefined if it has not used device management. */
  managed: ManagedSummary | undefined;
  readonly fields: Map<string, Field>;
  /** Values were left out because of `fields`. */
  moreFields: boolean;
  /** Two lists, so that many events do not replace commands and connections. */
  readonly lastEvents: RecentList<Message>;
  readonly lastOthers: RecentList<Message>;
}

const HEAP = /^(free[-_]?)?(heap|memory)([-_]?free)?$/i;

export class History {
  readonly devices = new Map<string, DeviceRecord>();
  /** Messages of devices that were left out because of `devices`. */
  leftOut = 0;
  /** Called after each change. */
  readonly listeners = new Set<() => void>();
  readonly #limits: Limits;
  readonly #now: () => number;
  #removeListeners: () => void = () => {};

  constructor(platform: Platform, limits: Limits = LIMITS, now: () => number = Date.now) {
    this.#limits = limits;
    this.#now = now;
    for (const clientId of platform.connectedClients) {
      this.#presence(clientId, true, "connect", "");
      this.#managed(platform, clientId);
    }
    this.#listen(platform);
  }

  /** Stops listening to the platform. */
  close(): void {
    this.#removeListeners();
  }

  #listen(platform: Platform): void {
    const on: Platform["on"] = (name, listener) => {
      const before = this.#removeListeners;
      this.#removeListeners = () => {
        platform.off(name, listener);
        before();
      };
      return platform.on(name, listener);
    };
    on("connect", ({ clientId, cleanSession }) => {
      this.#presence(clientId, true, "connect", cleanSession ? "" : "durable session");
    });
    on("disconnect", ({ clientId, reason, clean }) => {
      this.#presence(clientId, false, "disconnect", clean ? "" : `${reason}: ${closeText(reason)}`);
    });
    on("refused", ({ clientId, returnCode }) => {
      this.#notice(clientId, "refused", `CONNACK ${returnCode}: ${connackText(returnCode)}`);
    });
    on("violation", ({ clientId, reason, detail }) => {
      this.#notice(clientId, "violation", violationText({ reason, detail }));
    });
    on("action", ({ clientId, action, status, text }) => {
      this.#notice(clientId, "action", `${action} ${status}: ${text}`);
    });
    on("managed", ({ clientId }) => this.#managed(platform, clientId));
    on("event", event => this.#event(event, event.event));
    on("command", command => this.#command(command, command.command));
  }

  #managed(platform: Platform, clientId: string): void {
    const record = this.#record(clientId);
    if (!record) return;
    record.managed = managedSummary(platform.management(clientId).state);
    for (const listener of this.listeners) listener();
  }

  #presence(clientId: string, connected: boolean, kind: MessageKind, text: string): void {
    const record = this.#record(clientId);
    if (!record) return;
    record.connected = connected;
    record.since = this.#now();
    record.changedAt = record.since;
    // The plots have no line from the last value before a disconnect to the first one after it.
    if (!connected) for (const { points } of record.fields.values()) points.add([record.since, null]);
    this.#note(record, kind, text);
  }

  #notice(clientId: string, kind: MessageKind, text: string): void {
    const record = this.#record(clientId);
    if (record) this.#note(record, kind, text);
  }

  #event(message: PlatformMessage, event: string): void {
    const record = this.#record(deviceClientId(message));
    if (!record) return;
    record.events++;
    record.lastEvent = { name: displayName(event), at: this.#now() };
    for (const { path, value } of fieldValues(message.format, message.payload)) {
      if (typeof value === "number" && HEAP.test(path.slice(path.lastIndexOf(".") + 1))) record.heap = value;
      this.#value(record, event, path, value);
    }
    this.#note(record, "event", payloadText(message.payload, TEXT_LENGTH), message, event);
  }

  #command(message: PlatformMessage, command: string): void {
    const record = this.#record(deviceClientId(message));
    if (!record) return;
    record.commands++;
    this.#note(record, "command", payloadText(message.payload, TEXT_LENGTH), message, command);
  }

  #value(record: DeviceRecord, event: string, path: string, value: number | boolean): void {
    const shown = { event: displayName(event), path: displayName(path) };
    const key = JSON.stringify([shown.event, shown.path]);
    const field = record.fields.get(key) ?? { ...shown, points: new RecentList(this.#limits.points) };
    if (!record.fields.has(key)) {
      if (record.fields.size >= this.#limits.fields) {
        record.moreFields = true;
        return;
      }
      record.fields.set(key, field);
    }
    field.points.add([this.#now(), value]);
  }

  #note(record: DeviceRecord, kind: MessageKind, text: string, message?: PlatformMessage, name = ""): void {
    const { format = "", qos } = message ?? {};
    const list = kind === "event" ? record.lastEvents : record.lastOthers;
    list.add({
      at: this.#now(),
      kind,
      name: displayName(name),
      format: displayName(format),
      qos,
      text: printable(text),
    });
    for (const listener of this.listeners) listener();
  }

  /** The record of a device; undefined if there is no room for a new one. */
  #record(clientId: string): DeviceRecord | undefined {
    const known = this.devices.get(clientId);
    if (known) return known;
    const identity = parseClientId(clientId);
    if (typeof identity === "number" || identity.kind !== "device") return undefined;
    if (this.devices.size >= this.#limits.devices && !this.#removeOne()) {
      this.leftOut++;
      return undefined;
    }
    const record: DeviceRecord = {
      clientId,
      connected: false,
      since: undefined,
      changedAt: this.#now(),
      events: 0,
      commands: 0,
      lastEvent: undefined,
      heap: undefined,
      managed: undefined,
      fields: new Map(),
      moreFields: false,
      lastEvents: new RecentList(this.#limits.messages),
      lastOthers: new RecentList(this.#limits.messages),
    };
    this.devices.set(clientId, record);
    return record;
  }

  #removeOne(): boolean {
    const absent = [...this.devices.values()].filter(({ connected }) => !connected);
    const [oldest] = absent.sort((a, b) => a.changedAt - b.changedAt);
    return oldest !== undefined && this.devices.delete(oldest.clientId);
  }
}

function displayName(name: string): string {
  return printable(shorten(name, NAME_LENGTH));
}
