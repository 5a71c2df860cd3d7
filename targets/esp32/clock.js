// The time, from a time server: certificates cannot be checked without, and timestamps are wrong. The SDK's set-up has
// asked once, before main, and gone on without an answer.

import config from "mc/config";
import SNTP from "sntp";
import Time from "time";
import Timer from "timer";

/** A clock before this was never set: 2023-01-01. */
const SET_CLOCK = 1_672_531_200_000;
const FIRST_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 300_000;

/** Whether the clock can be right, or never will be, because no server is named. */
export function clockIsSet() {
  return Date.now() >= SET_CLOCK || !config.sntp;
}

/** Asks until there is an answer, less and less often; sets the clock, then calls `done`. */
export function setClock(done, wait = FIRST_WAIT_MS) {
  new SNTP({ host: config.sntp }, (message, value) => {
    if (message === SNTP.time) {
      Time.set(value);
      trace(`got unix time ${value} from ${config.sntp}\n`);
      done();
    } else if (message === SNTP.error) {
      trace(`no time from ${config.sntp} (${value}); next try in ${wait / 1000} s\n`);
      Timer.set(() => setClock(done, Math.min(wait * 2, LONGEST_WAIT_MS)), wait);
    }
  });
}
