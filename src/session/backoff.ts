// How long to wait before the next attempt. Nothing is scheduled here.

/** First delay, milliseconds. */
const FIRST_MS = 1000;
/** Longest delay before jitter, milliseconds. */
const LONGEST_MS = 120_000;
/** Losses in a row, each soon after a good CONNACK, that look like two clients with one id (protocol sheet 9.1 no. 3). */
export const TAKEOVER_LOSSES = 3;

/**
 * Doubles from 1 s to 120 s with the attempt's number (0, 1, 2, …); half of it is fixed and half random, so that a
 * thousand devices do not come back in the same second. `random` is uniform in [0, 1).
 */
export function backoffMs(attempt: number, random: number): number {
  const full = attempt < 7 ? Math.min(FIRST_MS << attempt, LONGEST_MS) : LONGEST_MS;
  return Math.round(full / 2 + (full / 2) * random);
}
