// Requests of this device that wait for the answer of the server. Each ends once: with its answer, at its deadline, or
// when its message is dropped. Bound: `limits.requests`.

import { ConnectionException, type IotfError } from "../../errors.ts";
import type { Connection } from "../../mqtt/connection.ts";
import { msLeft, sendJson } from "./channel.ts";
import type { RequestCallback } from "./types.ts";

/** An answer of the server, as JSON has it. */
interface Answer {
  rc?: unknown;
  message?: unknown;
  reqId?: unknown;
}

interface Request {
  id: string;
  topic: string;
  done: RequestCallback | undefined;
  /** When the server acknowledged the message; the time-out begins here. */
  since: number | undefined;
}

export class Requests {
  private readonly connection: Connection;
  private readonly limit: number;
  private readonly timeoutMs: number;
  private readonly changed: () => void;
  // Request ids differ after a restart: a durable session may bring answers to those of the last start.
  private readonly prefix: string;
  private lastId = 0;
  private waiting: Request[] = [];

  /** @param changed called when {@link msLeft} has changed */
  constructor(connection: Connection, limit: number, timeoutMs: number, changed: () => void) {
    this.connection = connection;
    this.limit = limit;
    this.timeoutMs = timeoutMs;
    this.changed = changed;
    this.prefix = `${Math.floor(connection.ports.random() * 0x1000000).toString(16)}-`;
  }

  /** False while no further request is accepted. */
  get hasRoom(): boolean {
    return this.waiting.length < this.limit;
  }

  /**
   * @param d the data of the request, undefined if it has none
   * @param done without it, errorCallback gets the error
   * @returns false when it is not accepted: too many wait, or as publishEvent
   * @throws as {@link sendJson}
   */
  send(topic: string, d: object | undefined, done: RequestCallback | undefined): boolean {
    if (!this.hasRoom) {
      this.connection.callbacks.error(
        new ConnectionException(`${topic}: ${this.limit} requests wait for an answer, limits.requests`, "limit"),
      );
      return false;
    }
    const request: Request = { id: `${this.prefix}${++this.lastId}`, topic, done, since: undefined };
    // Before it is sent: the answer may come before the acknowledgement.
    this.waiting.push(request);
    const message = d ? { d, reqId: request.id } : { reqId: request.id };
    let accepted = false;
    try {
      accepted = sendJson(this.connection, topic, message, error => this.acknowledged(request, error));
    } finally {
      if (!accepted) this.remove(request);
    }
    return accepted;
  }

  /** An answer of the server. One without a request is late, or belongs to an earlier start of the device. */
  answered({ rc, message, reqId }: Answer): void {
    const request = this.waiting.find(one => one.id === reqId);
    if (!request) return;
    const refused = typeof rc !== "number" || rc < 200 || rc > 299;
    const text = `${request.topic} refused: ${rc}${typeof message === "string" ? ` ${message}` : ""}`;
    this.end(request, refused ? new ConnectionException(text, "refused", Number(rc) || 0) : undefined);
  }

  /** Milliseconds until the next deadline; undefined if there is none. */
  msLeft(now: number): number | undefined {
    let least: number | undefined;
    for (let i = 0; i < this.waiting.length; i++) {
      const { since } = this.waiting[i]!;
      const left = since === undefined ? undefined : msLeft(now, since, this.timeoutMs);
      if (left !== undefined && (least === undefined || left < least)) least = left;
    }
    return least;
  }

  /** Ends the requests whose time is over. */
  expire(now: number): void {
    const late = this.waiting.filter(({ since }) => since !== undefined && msLeft(now, since, this.timeoutMs) <= 0);
    for (let i = 0; i < late.length; i++) {
      this.end(late[i]!, new ConnectionException(`timed out waiting for the answer to ${late[i]!.topic}`, "timeout"));
    }
  }

  /** Ends all of them: nobody waits for answers any more. */
  clear(error: ConnectionException): void {
    const dropped = this.waiting;
    for (let i = 0; i < dropped.length; i++) this.end(dropped[i]!, error);
  }

  private acknowledged(request: Request, error: Error | undefined): void {
    if (this.waiting.indexOf(request) < 0) return;
    if (error) return this.end(request, error);
    request.since = this.connection.ports.clock.now();
    this.changed();
  }

  private end(request: Request, error: Error | undefined): void {
    this.remove(request);
    const { callbacks } = this.connection;
    if (request.done) callbacks.invoke(request.done, error as IotfError | undefined, undefined);
    else if (error) callbacks.error(error);
    this.changed();
  }

  // A new list: clear() and expire() walk over the old one.
  private remove(request: Request): void {
    this.waiting = this.waiting.filter(one => one !== request);
  }
}
