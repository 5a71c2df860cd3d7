// Keeps events until a test asks for them, so a test may ask before or after an event arrives. Each event is returned
// once.

import type { DeviceEvent } from "./events.ts";
import { deviceClientId } from "./identity.ts";
import { payloadText, utf8 } from "./printable.ts";

/** Conditions for an event; all are optional. */
export interface EventFilter {
  /** Client id, or org, type and id. */
  readonly device?: DeviceRef;
  readonly event?: string;
  readonly format?: string;
  /** Called with each event that meets the other conditions. An exception rejects the promise. */
  readonly where?: (event: ReceivedEvent) => boolean;
}

/** A device: its client id `d:<org>:<type>:<id>`, or its parts. */
export type DeviceRef = string | { readonly org: string; readonly type: string; readonly id: string };

export interface ReceivedEvent extends DeviceEvent {
  /**
   * The JSON value if the format is json or json-iotf and the payload is JSON; else the text if it is UTF-8; else the
   * bytes.
   */
  readonly data: unknown;
}

interface Waiter {
  readonly filter: EventFilter;
  take(event: ReceivedEvent): void;
  fail(error: unknown): void;
}

/** Limits; the oldest events are dropped. */
const MAX_EVENTS = 1000;
const MAX_BYTES = 4 * 1024 * 1024;
/** Events that an error lists. */
const MAX_LISTED = 5;
/** Characters of each payload in an error. */
const SHOWN_LENGTH = 80;

export function clientIdOf(device: DeviceRef): string {
  return typeof device === "string" ? device : deviceClientId(device);
}

export class EventInbox {
  readonly #kept: ReceivedEvent[] = [];
  readonly #waiters = new Set<Waiter>();
  #bytes = 0;

  put(event: DeviceEvent): void {
    const received: ReceivedEvent = { ...event, data: readPayload(event) };
    for (const waiter of this.#waiters) {
      try {
        if (fits(waiter.filter, received)) return waiter.take(received);
      } catch (error) {
        waiter.fail(error);
      }
    }
    this.#kept.push(received);
    this.#bytes += event.payload.length;
    while (this.#kept.length > MAX_EVENTS || this.#bytes > MAX_BYTES) this.#take(0);
  }

  async next(filter: EventFilter, timeoutMs: number): Promise<ReceivedEvent> {
    const at = this.#kept.findIndex(event => fits(filter, event));
    if (at >= 0) return this.#take(at);
    const start = new Error();
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        act();
      };
      const waiter: Waiter = {
        filter,
        take: event => settle(() => resolve(event)),
        fail: error => settle(() => reject(error)),
      };
      const timer = setTimeout(() => waiter.fail(errorAt(start, this.#missed(filter, timeoutMs))), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  /** Rejects every waiting promise. */
  close(): void {
    for (const waiter of this.#waiters) waiter.fail(new Error("the platform closed while an event was awaited"));
  }

  #take(at: number): ReceivedEvent {
    const [event] = this.#kept.splice(at, 1);
    this.#bytes -= event!.payload.length;
    return event!;
  }

  #missed(filter: EventFilter, timeoutMs: number): string {
    const { device, event, format, where } = filter;
    const wanted = [
      event === undefined ? "event" : `event '${event}'`,
      ...(format === undefined ? [] : [`in format ${format}`]),
      ...(device === undefined ? [] : [`of ${clientIdOf(device)}`]),
      ...(where ? ["with the given condition"] : []),
    ].join(" ");
    const others = this.#kept
      .slice(-MAX_LISTED)
      .map(other => `'${other.event}' of ${deviceClientId(other)} ${payloadText(other.payload, SHOWN_LENGTH)}`);
    return `no ${wanted} within ${timeoutMs} ms; ${others.length ? `what came: ${others.join(", ")}` : "nothing came"}`;
  }
}

function fits({ device, event, format, where }: EventFilter, candidate: ReceivedEvent): boolean {
  if (device !== undefined && clientIdOf(device) !== deviceClientId(candidate)) return false;
  if (event !== undefined && event !== candidate.event) return false;
  if (format !== undefined && format !== candidate.format) return false;
  return !where || where(candidate);
}

/** An error with the stack of the call that began to wait; the stack of the timer has no frame of the test. */
function errorAt(start: Error, message: string): Error {
  const error = new Error(message);
  error.stack = `Error: ${message}\n${start.stack?.split("\n").slice(1).join("\n")}`;
  return error;
}

/** See {@link ReceivedEvent.data}. */
export function readPayload({ format, payload }: { format: string; payload: Buffer }): unknown {
  const text = utf8(payload);
  if (text === undefined || !/^json(-iotf)?$/.test(format)) return text ?? payload;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
