// How long does the client wait before the next connection attempt? It schedules nothing itself.

/** Default of the first delay before jitter, milliseconds. The least delay is half of it. */
const FIRST_MS = 2000;
/** Longest delay before jitter, milliseconds. */
const LONGEST_MS = 120_000;
/** A connection that lasted this long was a good one: the next delay is the first one again. Milliseconds. */
const STABLE_MS = 10_000;
/** Least time between the end of an attempt and the next one that connect() asks for, milliseconds. */
const LEAST_MS = 1000;
/** Losses in a row, each soon after CONNACK, that look like two clients with one client id (docs/protocol.md 9.1 no. 3). */
const TAKEOVER_LOSSES = 3;

export class Backoff {
  // Attempts that failed and connections that were lost, since the last connection that lasted.
  private failures = 0;
  // Connections in a row that the server closed soon after CONNACK for no visible reason; absent or 0: none.
  private earlyLosses: number | undefined;
  // When CONNACK was received, or the last attempt or connection failed: milliseconds that wrap at 2^32.
  private sinceMs = 0;

  /**
   * True after a failed attempt or a lost connection, until a connection lasts or disconnect() ends one. A refusal, and
   * disconnect() without a connection, do not reset it.
   */
  get failing(): boolean {
    return this.failures > 0;
  }

  /** CONNACK 0 was received. */
  accepted(nowMs: number): void {
    this.sinceMs = nowMs;
  }

  /** disconnect() has ended a connection. */
  finished(): void {
    this.failures = 0;
    if (this.earlyLosses) this.earlyLosses = 0;
  }

  /**
   * An attempt failed, or a connection was lost.
   * @param accepted CONNACK 0 was received
   * @param unprovoked the server closed the connection for no visible reason
   * @returns how often in a row that has happened soon after CONNACK, if often enough to mention a takeover; else 0
   */
  failed(nowMs: number, accepted: boolean, unprovoked: boolean): number {
    const lasted = accepted && this.elapsed(nowMs) >= STABLE_MS;
    this.sinceMs = nowMs;
    this.failures = lasted ? 1 : this.failures + 1;
    const losses = accepted && unprovoked && !lasted ? (this.earlyLosses ?? 0) + 1 : 0;
    if (losses || this.earlyLosses) this.earlyLosses = losses;
    return losses < TAKEOVER_LOSSES ? 0 : losses;
  }

  /**
   * Milliseconds until the next attempt, after a failure. Doubles from 2 s to 120 s, less up to a half at random, so that a
   * thousand devices do not reconnect in the same second. Attempts are never less than 1 s apart.
   * @param random uniform in [0, 1)
   * @param firstMs first delay before jitter, 2000..120000
   */
  delayMs(nowMs: number, random: number, firstMs = FIRST_MS): number {
    const full = Math.min(firstMs << Math.min(this.failures - 1, 6), LONGEST_MS);
    return this.remaining(nowMs, Math.floor(full / 2 + (full / 2) * random + 0.5));
  }

  /** Milliseconds until connect() may make an attempt that it asks for. */
  leastDelayMs(nowMs: number): number {
    return this.remaining(nowMs, LEAST_MS);
  }

  private remaining(nowMs: number, delayMs: number): number {
    return Math.max(0, delayMs - this.elapsed(nowMs));
  }

  private elapsed(nowMs: number): number {
    return (nowMs - this.sinceMs) >>> 0;
  }
}
