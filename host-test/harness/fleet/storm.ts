// How did the devices come back after the broker was away? Found in what was seen in each second of a run.

/** One second of a run. */
export interface Second {
  /** Clients connected at its end. */
  readonly connected: number;
  /** Clients that connected in it. */
  readonly connects: number;
  /** Connections that ended in it without disconnect(). */
  readonly losses: number;
}

export interface Storm {
  /** When the connections ended, seconds from the start of the run. */
  readonly second: number;
  /** Connections that ended. */
  readonly lost: number;
  /** Seconds from then until 99 % of them were there again; null: not before the end of the run. */
  readonly backSeconds: number | null;
  /** Largest share of the reconnects in one second, percent. */
  readonly peakPercent: number;
}

/** So many of the connected clients must be away at once, WINDOW seconds after the first loss at the latest. */
const SHARE = 0.5;
const WINDOW = 5;
const BACK = 0.99;

/** The first time when half of the connected clients or more were away; undefined: never. */
export function findStorm(seconds: readonly Second[]): Storm | undefined {
  for (let second = 1; second < seconds.length; second++) {
    const window = seconds.slice(second, second + WINDOW);
    const before = seconds[second - 1]!.connected;
    const least = Math.min(...window.map(({ connected }) => connected));
    if (seconds[second]!.losses === 0 || least > before * (1 - SHARE)) continue;
    const lost = sum(window, "losses");
    const after = seconds.slice(second);
    const reconnects = sum(after, "connects");
    const peak = Math.max(...after.map(({ connects }) => connects));
    const down = after.findIndex(({ connected }) => connected < before * BACK);
    const back = after.findIndex(({ connected }, i) => i > down && connected >= before * BACK);
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
