// How does a test wait for an event? What devices publish is kept until it is asked for, so that it does not matter
// which comes first, the event or the question. Each event is handed out once.

import type { DeviceEvent } from "./events.ts";
import { deviceClientId } from "./identity.ts";
import { show } from "./printable.ts";

/** Which event; what is left out matters not. */
export interface EventFilter {
  /** Client id, or org, type and id. */
  readonly device?: DeviceRef;
  readonly event?: string;
  readonly format?: string;
  /** Called with each event that fits the rest. What it throws rejects the wait. */
  readonly where?: (event: ReceivedEvent) => boolean;
}

/** A device: its client id `d:<org>:<type>:<id>`, or the parts of it. */
export type DeviceRef = string | { readonly org: string; readonly type: string; readonly id: string };

export interface ReceivedEvent extends DeviceEvent {
  /**
   * The payload, read: the JSON value where the payload is JSON and the format is json or json-iotf; else the text where
   * it is UTF-8; else its bytes.
   */
  readonly data: unknown;
}

interface Waiter {
  readonly filter: EventFilter;
  take(event: ReceivedEvent): void;
  fail(error: unknown): void;
}

/** Kept at most, then the oldest go. */
const MOST_KEPT = 1000;
const MOST_KEPT_BYTES = 4 * 1024 * 1024;
/** Of the events that came instead, an error names so many. */
const NAMED = 5;
/** And of each payload so many characters. */
const SHOWN = 80;

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
    while (this.#kept.length > MOST_KEPT || this.#bytes > MOST_KEPT_BYTES) this.#take(0);
  }

  async next(filter: EventFilter, timeoutMs: number): Promise<ReceivedEvent> {
    const at = this.#kept.findIndex(event => fits(filter, event));
    if (at >= 0) return this.#take(at);
    const asked = new Error();
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
      const timer = setTimeout(() => waiter.fail(errorAt(asked, this.#missed(filter, timeoutMs))), timeoutMs);
      this.#waiters.add(waiter);
    });
  }

  /** Ends every wait. */
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
      .slice(-NAMED)
      .map(other => `'${other.event}' of ${deviceClientId(other)} ${show(other.payload, SHOWN)}`);
    return `no ${wanted} within ${timeoutMs} ms; ${others.length ? `what came: ${others.join(", ")}` : "nothing came"}`;
  }
}

function fits({ device, event, format, where }: EventFilter, candidate: ReceivedEvent): boolean {
  if (device !== undefined && clientIdOf(device) !== deviceClientId(candidate)) return false;
  if (event !== undefined && event !== candidate.event) return false;
  if (format !== undefined && format !== candidate.format) return false;
  return !where || where(candidate);
}

/** An error that points to where the wait began, as the place where it ended tells nothing. */
function errorAt(begun: Error, message: string): Error {
  const error = new Error(message);
  error.stack = `Error: ${message}\n${begun.stack?.split("\n").slice(1).join("\n")}`;
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

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes: Buffer): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
