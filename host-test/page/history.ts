// What does the page remember? For each device its numbers and its last messages, all of it bounded: whatever devices
// send, this holds at most `devices` times (`fields` times `points` and twice `messages`) small entries.

import { deviceClientId, parseClientId } from "../platform/identity.ts";
import type { Platform, PlatformMessage } from "../platform/platform.ts";
import { printable, shorten, show } from "../platform/printable.ts";
import { closeText, connackText } from "../platform/reasons.ts";
import { numbersIn } from "./numbers.ts";
import type { Message, MessageKind } from "./told.ts";
import { Trail } from "./trail.ts";

export interface Bounds {
  /** When one more comes, the one that has been away the longest is forgotten; if all are there, the new one is. */
  readonly devices: number;
  /** Of a device; those that come later are left out. */
  readonly fields: number;
  /** Of a field; the latest are kept. */
  readonly points: number;
  /** Of a device: so many events, and so many commands and other messages; the latest are kept. */
  readonly messages: number;
}

export const BOUNDS: Bounds = { devices: 50, fields: 24, points: 400, messages: 30 };

/** Characters kept of a name that a device chose, and of a payload. */
const NAME_LENGTH = 64;
const TEXT_LENGTH = 300;

export interface Field {
  /** Fit to be shown. */
  readonly event: string;
  readonly path: string;
  /** Milliseconds since 1970, and the number. */
  readonly points: Trail<readonly [at: number, value: number]>;
}

export interface DeviceRecord {
  readonly clientId: string;
  connected: boolean;
  /** When it connected or disconnected; milliseconds since 1970. */
  since: number;
  events: number;
  commands: number;
  lastEvent: { readonly name: string; readonly at: number } | undefined;
  /** The latest number that is named like free memory, in bytes. */
  heap: number | undefined;
  readonly fields: Map<string, Field>;
  /** Numbers came for which there was no room. */
  moreFields: boolean;
  /** Its last events; and, apart from them so that many events do not push them out, what else happened. */
  readonly lastEvents: Trail<Message>;
  readonly lastOthers: Trail<Message>;
}

const HEAP = /^(free[-_]?)?(heap|memory)([-_]?free)?$/i;

export class History {
  readonly devices = new Map<string, DeviceRecord>();
  /** Devices for which there was no room, counted each time they tried. */
  leftOut = 0;
  /** Told after each change. */
  readonly watchers = new Set<() => void>();
  readonly #bounds: Bounds;
  readonly #now: () => number;
  #leave: () => void = () => {};

  constructor(platform: Platform, bounds: Bounds = BOUNDS, now: () => number = Date.now) {
    this.#bounds = bounds;
    this.#now = now;
    for (const clientId of platform.connectedClients) this.#presence(clientId, true, "connect", "");
    this.#watch(platform);
  }

  /** Learns no more. */
  close(): void {
    this.#leave();
  }

  #watch(platform: Platform): void {
    const on: Platform["on"] = (name, listener) => {
      const before = this.#leave;
      this.#leave = () => {
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
      this.#notice(clientId, "violation", `${reason}: ${detail}`);
    });
    on("event", event => this.#event(event, event.event));
    on("command", command => this.#command(command, command.command));
  }

  #presence(clientId: string, connected: boolean, kind: MessageKind, text: string): void {
    const record = this.#record(clientId);
    if (!record) return;
    record.connected = connected;
    record.since = this.#now();
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
    record.lastEvent = { name: fit(event), at: this.#now() };
    for (const { path, value } of numbersIn(message.format, message.payload)) {
      if (HEAP.test(path.slice(path.lastIndexOf(".") + 1))) record.heap = value;
      this.#number(record, event, path, value);
    }
    this.#note(record, "event", show(message.payload, TEXT_LENGTH), message, event);
  }

  #command(message: PlatformMessage, command: string): void {
    const record = this.#record(deviceClientId(message));
    if (!record) return;
    record.commands++;
    this.#note(record, "command", show(message.payload, TEXT_LENGTH), message, command);
  }

  #number(record: DeviceRecord, event: string, path: string, value: number): void {
    const shown = { event: fit(event), path: fit(path) };
    const key = JSON.stringify([shown.event, shown.path]);
    const field = record.fields.get(key) ?? { ...shown, points: new Trail(this.#bounds.points) };
    if (!record.fields.has(key)) {
      if (record.fields.size >= this.#bounds.fields) {
        record.moreFields = true;
        return;
      }
      record.fields.set(key, field);
    }
    field.points.add([this.#now(), value]);
  }

  #note(record: DeviceRecord, kind: MessageKind, text: string, message?: PlatformMessage, name = ""): void {
    const { format = "", qos } = message ?? {};
    const trail = kind === "event" ? record.lastEvents : record.lastOthers;
    trail.add({ at: this.#now(), kind, name: fit(name), format: fit(format), qos, text: printable(text) });
    for (const watcher of this.watchers) watcher();
  }

  /** The record of a device, made when there is room for it. */
  #record(clientId: string): DeviceRecord | undefined {
    const known = this.devices.get(clientId);
    if (known) return known;
    const identity = parseClientId(clientId);
    if (typeof identity === "number" || identity.kind !== "device") return undefined;
    if (this.devices.size >= this.#bounds.devices && !this.#forgetOne()) {
      this.leftOut++;
      return undefined;
    }
    const record: DeviceRecord = {
      clientId,
      connected: false,
      since: this.#now(),
      events: 0,
      commands: 0,
      lastEvent: undefined,
      heap: undefined,
      fields: new Map(),
      moreFields: false,
      lastEvents: new Trail(this.#bounds.messages),
      lastOthers: new Trail(this.#bounds.messages),
    };
    this.devices.set(clientId, record);
    return record;
  }

  #forgetOne(): boolean {
    const absent = [...this.devices.values()].filter(({ connected }) => !connected);
    const [oldest] = absent.sort((a, b) => a.since - b.since);
    return oldest !== undefined && this.devices.delete(oldest.clientId);
  }
}

function fit(name: string): string {
  return printable(shorten(name, NAME_LENGTH));
}
