// Keeps the device managed: sends the manage request, sends it again before the lifetime ends, and after a failure that
// may pass.

import { ConnectionException, type IotfError } from "../../errors.ts";
import type { Connection } from "../../mqtt/connection.ts";
import { type Deadline, isDue, msLeft, tellEnd } from "./channel.ts";
import type { DeviceRequests } from "./device-requests.ts";
import { MANAGE, UNMANAGE } from "./topics.ts";
import type { RequestCallback } from "./types.ts";

/** How long before the end of its lifetime the device sends manage again, seconds; as the Python client. */
const RENEW_BEFORE_S = 120;
/** Longest wait of a timer, seconds. To renew earlier than needed does no harm. */
const LONGEST_WAIT_S = 2_000_000;
/** How long the device waits after a failure, milliseconds. */
const MANAGE_RETRY_MS = 60_000;
/** Answers that do not change by themselves (docs/protocol.md 7.2). */
const FINAL: readonly number[] = Object.freeze([400, 403, 404]);

export class Lifetime {
  /** True after an accepted manage. False after an accepted unmanage, and after a manage that was refused or not answered. */
  managed = false;
  private readonly connection: Connection;
  private readonly requests: DeviceRequests;
  private readonly seconds: number;
  private readonly data: () => object;
  private readonly accepted: () => void;
  private readonly schedule: () => void;
  // The device is to be managed: manage() was called, the server has not refused it for good, unmanage() was not accepted.
  private wanted = false;
  // A manage request waits for its answer.
  private asking = false;
  // When manage is sent next.
  private next: Deadline | undefined;

  /**
   * @param seconds 0: for ever
   * @param data of a manage request
   * @param accepted called when the server has accepted manage
   * @param schedule called when {@link msLeft} has changed
   */
  constructor(
    connection: Connection,
    requests: DeviceRequests,
    seconds: number,
    data: () => object,
    accepted: () => void,
    schedule: () => void,
  ) {
    this.connection = connection;
    this.requests = requests;
    this.seconds = seconds;
    this.data = data;
    this.accepted = accepted;
    this.schedule = schedule;
  }

  /** Without `done` it is accepted before connect() too, and sent then. */
  manage(done: RequestCallback | undefined): boolean {
    if (!done && !this.connection.active) {
      this.wanted = true;
      this.wait(0);
      return true;
    }
    const { asking, wanted } = this;
    this.asking = true;
    this.wanted = true;
    let accepted = false;
    try {
      accepted = this.requests.send(MANAGE, this.data(), error => this.answered(error, done));
    } finally {
      if (!accepted) {
        this.asking = asking;
        this.wanted = wanted;
      }
    }
    return accepted;
  }

  unmanage(done: RequestCallback | undefined): boolean {
    return this.requests.send(UNMANAGE, undefined, error => {
      if (!error) {
        this.managed = false;
        this.wanted = false;
        this.next = undefined;
      }
      tellEnd(this.connection, done, error);
    });
  }

  msLeft(now: number): number | undefined {
    return msLeft(now, this.next);
  }

  expire(now: number): void {
    if (!isDue(now, this.next)) return;
    this.next = undefined;
    if (!this.asking && !this.manage(undefined)) this.wait(MANAGE_RETRY_MS);
  }

  /** The client has stopped. The next connect() sends manage at once: the lifetime may end meanwhile. */
  stopped(): void {
    this.wait(0);
  }

  private answered(error: IotfError | undefined, done: RequestCallback | undefined): void {
    this.asking = false;
    this.managed = !error;
    if (!error) {
      if (this.seconds) this.wait(Math.min(this.seconds - RENEW_BEFORE_S, LONGEST_WAIT_S) * 1000);
      this.accepted();
    } else if (error instanceof ConnectionException && FINAL.indexOf(error.returnCode) >= 0) {
      this.wanted = false;
    } else this.wait(MANAGE_RETRY_MS);
    tellEnd(this.connection, done, error);
  }

  private wait(ms: number): void {
    this.next = this.wanted ? { since: this.connection.ports.clock.now(), ms } : undefined;
    this.schedule();
  }
}
