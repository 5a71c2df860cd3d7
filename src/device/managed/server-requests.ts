// Requests of the server, from their arrival to their answer: each is answered exactly once. Bounds: `limits.requests` for
// those that the application has not answered, for answers that the outbox has no room for, and for remembered ids.

import { ConfigurationException, ConnectionException } from "../../errors.ts";
import type { Connection } from "../../mqtt/connection.ts";
import type { PublishCallback } from "../../mqtt/session/message.ts";
import { msLeft, sendJson } from "./channel.ts";
import { RESPONSE } from "./topics.ts";
import type { CustomAction } from "./types.ts";

/** Ids up to this length are remembered, to recognize a request that comes twice. */
const MAX_REMEMBERED = 64;
/** When an answer is offered to the outbox again, milliseconds. */
const RETRY_MS = 1000;

/** undefined: the server wants no answer. */
export type RequestId = string | number | undefined;

interface Response {
  rc: number;
  message?: string;
  d?: object;
}

interface UnsentResponse {
  message: object;
  done: PublishCallback | undefined;
}

/** What the application is to do, before it has answered. */
export interface Task {
  reqId: RequestId;
  action: string;
  bundle?: string;
  parameters?: Readonly<Record<string, unknown>>;
}

/** What the application gets: it has the one method `answer`. */
class OpenRequest implements CustomAction {
  readonly action: string;
  readonly bundle!: string;
  readonly parameters!: Readonly<Record<string, unknown>>;
  private readonly reply: (rc: number, message: string | undefined, confirmed: (() => void) | undefined) => boolean;

  constructor({ action, bundle, parameters }: Task, reply: OpenRequest["reply"]) {
    this.action = action;
    if (bundle) this.bundle = bundle;
    if (parameters) this.parameters = parameters;
    this.reply = reply;
  }

  answer(rc: number, message?: string, confirmed?: () => void): boolean {
    if (!(rc % 1 === 0 && rc >= 200 && rc < 600)) throw new ConfigurationException(`rc must be 200..599, not ${rc}`);
    return this.reply(rc, message, confirmed);
  }
}

interface Open {
  reqId: RequestId;
  since: number;
}

export class ServerRequests {
  private readonly connection: Connection;
  private readonly limit: number;
  private readonly timeoutMs: number;
  private readonly changed: () => void;
  private open: Open[] = [];
  private unsent: UnsentResponse[] = [];
  private recent: RequestId[] = [];

  /** @param changed called when {@link msLeft} has changed */
  constructor(connection: Connection, limit: number, timeoutMs: number, changed: () => void) {
    this.connection = connection;
    this.limit = limit;
    this.timeoutMs = timeoutMs;
    this.changed = changed;
  }

  /** False for a request that came before: the server sends it again when it has not seen the acknowledgement. */
  isNew(reqId: RequestId): boolean {
    const { recent } = this;
    if (reqId === undefined || String(reqId).length > MAX_REMEMBERED) return true;
    if (recent.indexOf(reqId) >= 0) return false;
    recent.push(reqId);
    if (recent.length > this.limit) recent.shift();
    return true;
  }

  /** @param confirmed called when the server has acknowledged the answer, with an error when it was dropped */
  respond(reqId: RequestId, { rc, message, d }: Response, confirmed?: PublishCallback): void {
    if (reqId === undefined) return this.connection.callbacks.invoke(confirmed, undefined, undefined);
    const response: Record<string, unknown> = { rc };
    if (message) response.message = message;
    if (d) response.d = d;
    response.reqId = reqId;
    this.send({ message: response, done: confirmed });
  }

  /** Hands `task` to the application, whose callback answers now or later. */
  ask<R>(callback: ((request: R) => void) | undefined, task: Task): void {
    const { reqId } = task;
    if (!callback) return this.respond(reqId, { rc: 501, message: `${task.action} is not supported` });
    if (this.open.length >= this.limit) {
      return this.respond(reqId, { rc: 500, message: `${this.limit} requests wait for the device program` });
    }
    const one: Open = { reqId, since: this.connection.ports.clock.now() };
    this.open.push(one);
    const request = new OpenRequest(task, (rc, message, confirmed) => this.reply(one, rc, message, confirmed));
    try {
      callback(request as unknown as R);
    } catch (error) {
      this.reply(one, 500, (error as Error).message, undefined);
      throw error; // for errorCallback
    }
    this.changed();
  }

  /** Milliseconds until something is due; undefined if nothing is. */
  msLeft(now: number): number | undefined {
    const first = this.open[0]; // the oldest has the earliest deadline
    const left = first && msLeft(now, first.since, this.timeoutMs);
    return this.unsent.length && !(left !== undefined && left < RETRY_MS) ? RETRY_MS : left;
  }

  /** Answers for the application where its time is over; offers answers to the outbox again. */
  expire(now: number): void {
    while (this.open[0] && msLeft(now, this.open[0].since, this.timeoutMs) <= 0) {
      this.reply(this.open[0], 500, "the device program has not answered", undefined);
    }
    const waiting = this.unsent;
    this.unsent = [];
    for (let i = 0; i < waiting.length; i++) this.send(waiting[i]!);
  }

  /** Nobody waits for answers any more. */
  clear(): void {
    this.open = [];
    this.unsent = [];
  }

  private reply(one: Open, rc: number, message: string | undefined, confirmed: (() => void) | undefined): boolean {
    const index = this.open.indexOf(one);
    if (index < 0) return false;
    this.open.splice(index, 1);
    this.respond(one.reqId, message === undefined ? { rc } : { rc, message }, error => {
      if (!error) confirmed?.();
    });
    this.changed();
    return true;
  }

  private send(response: UnsentResponse): void {
    const { connection } = this;
    if (!this.unsent.length && sendJson(connection, RESPONSE, response.message, response.done)) return;
    if (!connection.active || this.unsent.length >= this.limit) {
      const error = new ConnectionException("the answer to a request of the server was dropped", "limit");
      connection.callbacks.error(error);
      return connection.callbacks.invoke(response.done, error, undefined);
    }
    this.unsent.push(response);
    this.changed();
  }
}
