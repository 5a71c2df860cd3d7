// How did the devices come back after the broker was away? Found in what was seen in each second of a run.

/** One second of a run. */
export interface Second {
  /** Clients connected at its end. */
  readonly connected: number;
  /** Clients that connected in it. */
  readonly connects: number;
  /** Connections that ended in it without disconnect(). */
  readonly connectionsLost: number;
}

export interface Outage {
  /** When the connections ended, seconds from the start of the run. */
  readonly second: number;
  /** Connections that ended. */
  readonly lost: number;
  /** Seconds from then until 99 % of them were there again; null: not before the end of the run. */
  readonly backSeconds: number | null;
  /** Largest share of the reconnects in one second, percent. */
  readonly peakPercent: number;
}

/** An outage: this share of the clients is away at once, within so many seconds of the first connection lost. */
const AWAY_SHARE = 0.5;
const WINDOW_SECONDS = 5;
/** All are back: this share. */
const BACK_SHARE = 0.99;

/** The first time when half of the connected clients or more were away; undefined: never. */
export function findOutage(seconds: readonly Second[]): Outage | undefined {
  for (let second = 1; second < seconds.length; second++) {
    const window = seconds.slice(second, second + WINDOW_SECONDS);
    const before = seconds[second - 1]!.connected;
    const least = Math.min(...window.map(({ connected }) => connected));
    if (seconds[second]!.connectionsLost === 0 || least > before * (1 - AWAY_SHARE)) continue;
    const lost = sum(window, "connectionsLost");
    const after = seconds.slice(second);
    const reconnects = sum(after, "connects");
    const peak = Math.max(...after.map(({ connects }) => connects));
    const down = after.findIndex(({ connected }) => connected < before * BACK_SHARE);
    const back = after.findIndex(({ connected }, i) => i > down && connected >= before * BACK_SHARE);
    return {
      second,
      lost,
      backSeconds: back < 0 ? null : back + 1,
      peakPercent: reconnects ? (100 * peak) / reconnects : 0,
    };
  }
  return undefined;
}

function sum(seconds: readonly Second[], name: keyof Second): number {
  return seconds.reduce((total, second) => total + second[name], 0);
}
