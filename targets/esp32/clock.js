// Date and time. Without them, certificates cannot be checked and timestamps are wrong. The SDK's set-up asks the time
// server once, before main, and continues without an answer. The flash keeps the last known time, because the time server
// may be away when the board restarts.

import BUILT from "built";
import config from "mc/config";
import Modules from "modules";
import SNTP from "sntp";
import Time from "time";
import Timer from "timer";

const FIRST_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 300_000;
const DAY_MS = 86_400_000;
/** Entry in flash: seconds since 1970, as text. */
const DOMAIN = "clock";
const KEY = "seconds";

/** False while the date is earlier than this firmware. True if no time server is named: nothing will set the clock. */
export function clockIsSet() {
  return Date.now() >= BUILT || !config.sntp;
}

/** Sets the clock to the last known time. Returns false if there is none, or if it is earlier than this firmware. */
export function restoreClock() {
  const seconds = Number(preference().get(DOMAIN, KEY));
  if (!(seconds * 1000 >= BUILT)) return false;
  Time.set(seconds);
  trace(`no time from ${config.sntp}: the clock continues at the last known unix time ${seconds}\n`);
  return true;
}

/** Keeps the time in flash, now and once a day: 365 writes a year wear no flash out. */
export function keepClock() {
  keep();
  Timer.repeat(keep, DAY_MS);
}

/** Asks until the time server answers, at most every 5 min; sets the clock and keeps it, then calls `done`. */
export function setClock(done, wait = FIRST_WAIT_MS) {
  new SNTP({ host: config.sntp }, (message, value) => {
    if (message === SNTP.time && value * 1000 >= BUILT) {
      Time.set(value);
      trace(`got unix time ${value} from ${config.sntp}\n`);
      keep();
      done();
    } else if (message === SNTP.time || message === SNTP.error) {
      const reason = message === SNTP.error ? value : `unix time ${value} is before the build of this firmware`;
      trace(`no time from ${config.sntp} (${reason}); next try in ${wait / 1000} s\n`);
      Timer.set(() => setClock(done, Math.min(wait * 2, LONGEST_WAIT_MS)), wait);
    }
  });
}

function keep() {
  if (Date.now() < BUILT) return;
  try {
    preference().set(DOMAIN, KEY, String(Math.floor(Date.now() / 1000)));
  } catch (error) {
    trace(`the clock is not kept in flash: ${error.message}\n`);
  }
}

// Not imported: in the simulator the module opens its file when it is loaded.
function preference() {
  return Modules.importNow("preference");
}
