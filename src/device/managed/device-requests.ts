// Requests of this device that wait for the answer of the server. Each ends once: with its answer, at its deadline, when
// its message is dropped, or when the client stops. Bound: `limits.requests`.

import { ConnectionException, type IotfError } from "../../errors.ts";
import type { Connection } from "../../mqtt/connection.ts";
import { type Deadline, earlier, isDue, msLeft, sendJson, tellEnd } from "./channel.ts";
import type { RequestCallback } from "./types.ts";

/** A response of the server, as JSON has it. */
interface Response {
  rc?: unknown;
  message?: unknown;
  reqId?: unknown;
}

interface Request {
  id: string;
  topic: string;
  done: RequestCallback | undefined;
  /** Begins when the server has acknowledged the message. */
  deadline: Deadline | undefined;
}

export class DeviceRequests {
  private readonly connection: Connection;
  private readonly limit: number;
  private readonly timeoutMs: number;
  private readonly schedule: () => void;
  // Request ids differ after a restart: a durable session may bring responses to those of the last start.
  private readonly prefix: string;
  private lastId = 0;
  private waiting: Request[] = [];

  /** @param schedule called when a deadline has changed */
  constructor(connection: Connection, limit: number, timeoutMs: number, schedule: () => void) {
    this.connection = connection;
    this.limit = limit;
    this.timeoutMs = timeoutMs;
    this.schedule = schedule;
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
    const request: Request = { id: `${this.prefix}${++this.lastId}`, topic, done, deadline: undefined };
    // Before it is sent: the response may come before the acknowledgement.
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

  /** A response of the server. One without a request is late, or belongs to an earlier start of the device. */
  responded({ rc, message, reqId }: Response): void {
    const request = this.waiting.find(one => one.id === reqId);
    if (!request) return;
    if (typeof rc === "number" && rc >= 200 && rc < 300) return this.end(request, undefined);
    const text = `${request.topic} refused: ${rc}${typeof message === "string" ? ` ${message}` : ""}`;
    this.end(request, new ConnectionException(text, "refused", Number(rc) || 0));
  }

  /** Milliseconds until the next deadline; undefined if there is none. */
  msLeft(now: number): number | undefined {
    return this.waiting.reduce<number | undefined>(
      (least, one) => earlier(least, msLeft(now, one.deadline)),
      undefined,
    );
  }

  /** Ends the requests whose time is over. */
  expire(now: number): void {
    const late = this.waiting.filter(({ deadline }) => isDue(now, deadline));
    for (let i = 0; i < late.length; i++) {
      this.end(late[i]!, new ConnectionException(`timed out waiting for the answer to ${late[i]!.topic}`, "timeout"));
    }
  }

  /** The client has stopped: ends all requests. */
  stopped(error: IotfError): void {
    const dropped = this.waiting;
    for (let i = 0; i < dropped.length; i++) this.end(dropped[i]!, error);
  }

  private acknowledged(request: Request, error: Error | undefined): void {
    if (error) return this.end(request, error as IotfError);
    request.deadline = { since: this.connection.ports.clock.now(), ms: this.timeoutMs };
    this.schedule();
  }

  private end(request: Request, error: IotfError | undefined): void {
    if (this.waiting.indexOf(request) < 0) return;
    this.remove(request);
    tellEnd(this.connection, request.done, error);
    this.schedule();
  }

  // A new list: stopped() and expire() walk over the old one.
  private remove(request: Request): void {
    this.waiting = this.waiting.filter(one => one !== request);
  }
}
