// Requests of the server that the device answers, each exactly once while the client is active. Bounds: `limits.requests`
// for those that the application has not answered and for answers that found no room; MAX_REMEMBERED ids.

import { ConfigurationException, ConnectionException } from "../../errors.ts";
import type { Connection } from "../../mqtt/connection.ts";
import type { PublishCallback } from "../../mqtt/session/message.ts";
import { type Deadline, earlier, isDue, msLeft, OUTBOX_RETRY_MS, sendJson } from "./channel.ts";
import { DEVICE_RESPONSE } from "./topics.ts";
import type { CustomAction } from "./types.ts";

/** How many ids of requests are remembered: more than a server has on the way at a time. */
const MAX_REMEMBERED = 32;
/** Longer ids, characters, are not remembered. */
const MAX_ID_LENGTH = 64;
/** Longest text of an answer, characters. */
const MAX_MESSAGE = 1024;

/** undefined: the server wants no answer. */
export type RequestId = string | number | undefined;

interface Response {
  rc: number;
  message?: string | undefined;
  d?: object | undefined;
}

/** An answer that has not reached the outbox. */
interface Unsent {
  message: { rc: number; message?: string; d?: object; reqId: RequestId };
  done: PublishCallback | undefined;
}

/** What the application is to do. */
export interface Task {
  reqId: RequestId;
  action: string;
  bundle?: string;
  parameters?: Readonly<Record<string, unknown>>;
}

interface OpenTask {
  reqId: RequestId;
  deadline: Deadline;
}

/** What the application gets. */
class Request implements CustomAction {
  readonly action: string;
  readonly bundle!: string;
  readonly parameters!: Readonly<Record<string, unknown>>;
  private readonly reply: (rc: number, message?: string, confirmed?: () => void) => boolean;

  constructor({ action, bundle, parameters }: Task, reply: Request["reply"]) {
    this.action = action;
    if (bundle) this.bundle = bundle;
    if (parameters) this.parameters = parameters;
    this.reply = reply;
  }

  answer(rc: number, message?: string, confirmed?: () => void): boolean {
    if (typeof rc !== "number" || !(rc % 1 === 0 && rc >= 200 && rc <= 599)) {
      throw new ConfigurationException(`rc must be a whole number 200..599, not ${rc}`);
    }
    if (message !== undefined && !(typeof message === "string" && message.length <= MAX_MESSAGE)) {
      throw new ConfigurationException(`message must be a string of at most ${MAX_MESSAGE} characters`);
    }
    return this.reply(rc, message, confirmed);
  }
}

export class ServerRequests {
  private readonly connection: Connection;
  private readonly limit: number;
  private readonly timeoutMs: number;
  private readonly schedule: () => void;
  private open: OpenTask[] = [];
  private unsent: Unsent[] = [];
  private retry: Deadline | undefined;
  // Of requests that want no answer. They are called when the request is acknowledged, which is after it was received:
  // they may restart the device, and the request would come again.
  private confirmations: PublishCallback[] = [];
  private confirmation: Deadline | undefined;
  private remembered: RequestId[] = [];

  /** @param schedule called when a deadline has changed */
  constructor(connection: Connection, limit: number, timeoutMs: number, schedule: () => void) {
    this.connection = connection;
    this.limit = limit;
    this.timeoutMs = timeoutMs;
    this.schedule = schedule;
  }

  /**
   * False for a request that the server sends again, because it has not seen the acknowledgement, or that the application
   * has not answered yet.
   */
  isNew(reqId: RequestId, dup: boolean): boolean {
    if (reqId === undefined || String(reqId).length > MAX_ID_LENGTH) return true;
    const known = this.remembered.indexOf(reqId) >= 0;
    if (known) return !dup && !this.open.some(one => one.reqId === reqId);
    this.remembered.push(reqId);
    if (this.remembered.length > MAX_REMEMBERED) this.remembered.shift();
    return true;
  }

  /** @param done called when the server has acknowledged the answer, with an error when it was dropped */
  respond(reqId: RequestId, { rc, message, d }: Response, done?: PublishCallback): void {
    if (reqId === undefined) return this.confirmLater(done);
    const response: Unsent["message"] = { rc, reqId };
    if (message) response.message = message;
    if (d) response.d = d;
    this.flush();
    this.send({ message: response, done });
  }

  /** Hands `task` to the application, whose callback answers now or later. */
  handOver<R>(callback: ((request: R) => void) | undefined, task: Task): void {
    const { reqId } = task;
    if (!callback) return this.respond(reqId, { rc: 501, message: `${task.action} is not supported` });
    if (this.open.length >= this.limit) {
      return this.respond(reqId, { rc: 500, message: `${this.limit} requests wait for the device program` });
    }
    const one: OpenTask = { reqId, deadline: this.deadline(this.timeoutMs) };
    this.open.push(one);
    const request = new Request(task, (rc, message, confirmed) => this.reply(one, rc, message, confirmed));
    let returned = false;
    try {
      callback(request as unknown as R);
      returned = true;
    } finally {
      // The error itself goes to errorCallback.
      if (!returned) this.reply(one, 500, "the device program has failed");
      this.schedule();
    }
  }

  /** Milliseconds until something is due; undefined if nothing is. */
  msLeft(now: number): number | undefined {
    // The oldest has the earliest deadline.
    return earlier(
      earlier(msLeft(now, this.open[0]?.deadline), msLeft(now, this.retry)),
      msLeft(now, this.confirmation),
    );
  }

  /** Answers for the application where its time is over; offers unsent answers to the outbox. */
  expire(now: number): void {
    while (this.open[0] && isDue(now, this.open[0].deadline)) {
      this.reply(this.open[0], 500, "the device program has not answered");
    }
    if (isDue(now, this.retry)) this.flush();
    const confirmed = this.confirmations;
    this.confirmations = [];
    this.confirmation = undefined;
    for (let i = 0; i < confirmed.length; i++) this.connection.callbacks.invoke(confirmed[i], undefined, undefined);
  }

  /** disconnect() was called: answers for the application while there is a connection. */
  leaving(): void {
    while (this.open[0]) this.reply(this.open[0], 500, "the device disconnects");
  }

  /** The client has stopped: answers can no longer be sent. */
  stopped(error: Error): void {
    const dropped = this.unsent.map(({ done }) => done).concat(this.confirmations);
    this.open = [];
    this.unsent = [];
    this.retry = undefined;
    this.confirmations = [];
    this.confirmation = undefined;
    for (let i = 0; i < dropped.length; i++) this.connection.callbacks.invoke(dropped[i], error, undefined);
  }

  private reply(one: OpenTask, rc: number, message?: string, confirmed?: () => void): boolean {
    const index = this.open.indexOf(one);
    if (index < 0) return false;
    this.open.splice(index, 1);
    this.respond(one.reqId, { rc, message }, error => {
      if (!error) confirmed?.();
    });
    this.schedule();
    return true;
  }

  // In order: what has waited longer goes first.
  private flush(): void {
    const waiting = this.unsent;
    this.unsent = [];
    this.retry = undefined;
    for (let i = 0; i < waiting.length; i++) this.send(waiting[i]!);
  }

  private send(response: Unsent): void {
    if (!this.unsent.length && this.sendNow(response)) return;
    const { active } = this.connection;
    if (!active || this.unsent.length >= this.limit) return this.drop(response.done, active);
    this.unsent.push(response);
    this.retry ||= this.deadline(OUTBOX_RETRY_MS);
    this.schedule();
  }

  private confirmLater(done: PublishCallback | undefined): void {
    if (!done) return;
    const { active } = this.connection;
    if (!active || this.confirmations.length >= this.limit) return this.drop(done, active);
    this.confirmations.push(done);
    this.confirmation = this.deadline(0);
    this.schedule();
  }

  private drop(done: PublishCallback | undefined, active: boolean): void {
    const { callbacks } = this.connection;
    const text = "the answer to a request of the server was dropped";
    const error = new ConnectionException(text, active ? "limit" : "not-connected");
    callbacks.error(error);
    callbacks.invoke(done, error, undefined);
  }

  private sendNow(response: Unsent): boolean {
    const { connection } = this;
    try {
      return sendJson(connection, DEVICE_RESPONSE, response.message, response.done);
    } catch (error) {
      connection.callbacks.error(error as Error); // it is too large
      response.message = { rc: 500, reqId: response.message.reqId };
      return sendJson(connection, DEVICE_RESPONSE, response.message, response.done);
    }
  }

  private deadline(ms: number): Deadline {
    return { since: this.connection.ports.clock.now(), ms };
  }
}
