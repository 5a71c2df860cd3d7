// Keeps the device managed: sends the manage request, sends it again before the lifetime ends, and after a failure that
// may pass.

import type { IotfError } from "../../errors.ts";
import type { Connection } from "../../mqtt/connection.ts";
import { msLeft } from "./channel.ts";
import type { Requests } from "./requests.ts";
import { MANAGE, UNMANAGE } from "./topics.ts";
import type { RequestCallback } from "./types.ts";

/** How long before the end of its lifetime the device sends manage again, seconds; as the Python client. */
const RENEW_BEFORE = 120;
/** Longest wait of a timer, seconds. To renew earlier than needed does no harm. */
const LONGEST_WAIT = 2_000_000;
const RETRY_MS = 60_000;
/** Answers that do not change by themselves (docs/protocol.md 7.2). */
const FINAL: readonly number[] = Object.freeze([400, 403, 404]);

export class Lifetime {
  /** The server has accepted manage, and no later request has changed that. */
  managed = false;
  private readonly connection: Connection;
  private readonly requests: Requests;
  private readonly seconds: number;
  private readonly data: () => object;
  private readonly accepted: () => void;
  // manage() was called, and unmanage() was not called since.
  private wanted = false;
  // A manage request waits for its answer.
  private asking = false;
  // When manage is sent next.
  private since = 0;
  private waitMs: number | undefined;

  /**
   * @param seconds 0: for ever
   * @param data of a manage request
   * @param accepted called when the server has accepted manage
   */
  constructor(connection: Connection, requests: Requests, seconds: number, data: () => object, accepted: () => void) {
    this.connection = connection;
    this.requests = requests;
    this.seconds = seconds;
    this.data = data;
    this.accepted = accepted;
  }

  /** Before connect() it is only noted. */
  manage(done: RequestCallback | undefined): boolean {
    this.wanted = true;
    if (!this.connection.active && !done) return true;
    this.asking = this.requests.send(MANAGE, this.data(), error => this.answered(error, done));
    this.wait(this.asking ? undefined : RETRY_MS);
    return this.asking;
  }

  unmanage(done: RequestCallback | undefined): boolean {
    this.wanted = false;
    this.waitMs = undefined;
    return this.requests.send(UNMANAGE, undefined, error => {
      if (!error) this.managed = false;
      this.report(error, done);
    });
  }

  /** connect() was called. */
  resume(): void {
    if (this.wanted && !this.managed && !this.asking) this.manage(undefined);
  }

  msLeft(now: number): number | undefined {
    return this.waitMs === undefined ? undefined : msLeft(now, this.since, this.waitMs);
  }

  expire(now: number): void {
    const left = this.msLeft(now);
    if (left !== undefined && left <= 0) this.manage(undefined);
  }

  private answered(error: IotfError | undefined, done: RequestCallback | undefined): void {
    this.asking = false;
    this.managed = !error;
    const code = error && "returnCode" in error ? error.returnCode : 0;
    if (!error) {
      this.wait(this.seconds ? Math.min(this.seconds - RENEW_BEFORE, LONGEST_WAIT) * 1000 : undefined);
      this.accepted();
    } else if (FINAL.indexOf(code) >= 0) this.wanted = false;
    else this.wait(RETRY_MS);
    this.report(error, done);
  }

  private report(error: IotfError | undefined, done: RequestCallback | undefined): void {
    const { callbacks } = this.connection;
    if (done) callbacks.invoke(done, error, undefined);
    else if (error) callbacks.error(error);
  }

  private wait(ms: number | undefined): void {
    this.since = this.connection.ports.clock.now();
    this.waitMs = this.wanted ? ms : undefined;
  }
}
