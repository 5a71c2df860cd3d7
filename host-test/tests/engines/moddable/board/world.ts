// A board's time, event loop and console, all in the hands of the test. Stand-ins of the SDK's `timer` and `time`.
//
// As on the chip: one thing at a time, in the order it became due; what is posted runs when the present callback has
// returned; what a callback throws and nobody catches restarts the board, and here ends the program.

/** What the test gives before the program is loaded. */
export interface Settings {
  /** mc/config. */
  config: Record<string, unknown>;
  /** Files of the firmware. */
  resources?: Record<string, string>;
  /** The clock's time at start, milliseconds since 1970; a chip that was switched on begins there. Default 0. */
  date?: number;
}

interface Due {
  at: number;
  run: () => void;
}

class World {
  /** Monotonic milliseconds. */
  now = 0;
  /** What console and event loop have told, each line with the second it was told at. */
  readonly lines: string[] = [];
  /** Callbacks of timers so far; a program that is busy waiting has many. */
  fired = 0;
  dateAtZero = 0;
  private queue: Due[] = [];
  private partial = "";
  private over = false;

  /** Runs `run` after `ms`; returns what takes it back. */
  after(ms: number, run: () => void): () => void {
    const due = { at: this.now + Math.max(0, ms), run };
    const later = this.queue.findIndex(other => other.at > due.at);
    this.queue.splice(later < 0 ? this.queue.length : later, 0, due);
    return () => {
      this.queue = this.queue.filter(other => other !== due);
    };
  }

  advance(ms: number): void {
    const end = this.now + ms;
    while (!this.over && this.queue.length && this.queue[0]!.at <= end) {
      const due = this.queue.shift()!;
      this.now = due.at;
      this.attempt(due.run);
    }
    this.now = end;
  }

  attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.over = true;
      this.trace(`restart: ${error}\n`);
    }
  }

  trace(text: string): void {
    const lines = (this.partial + text).split("\n");
    this.partial = lines.pop()!;
    for (const line of lines) this.lines.push(`${Math.floor(this.now / 1000)} ${line}`);
  }
}

export const world = new World();

/** The SDK's Timer: the id is what its calls return and callbacks get; a timer that does not repeat is gone once fired. */
interface TimerId {
  callback: ((id: TimerId) => void) | undefined;
  repeat: number;
  cancel: () => void;
}

function arm(id: TimerId, delay: number): void {
  id.cancel = world.after(delay, () => {
    if (id.repeat) arm(id, id.repeat);
    world.fired++;
    id.callback!(id);
    if (!id.repeat) id.callback = undefined;
  });
}

// Truncated, as an argument of a native function is.
function make(callback: (id: TimerId) => void, delay: number, repeat: number): TimerId {
  const id: TimerId = { callback, repeat: Math.trunc(repeat), cancel: () => {} };
  arm(id, Math.trunc(delay));
  return id;
}

export const Timer = {
  set: (callback: (id: TimerId) => void, delay = 0, repeat = 0) => make(callback, delay, repeat),
  repeat: (callback: (id: TimerId) => void, interval: number) => make(callback, interval, interval),
  schedule(id: TimerId, delay: number, repeat = 0): void {
    if (!id?.callback) throw new Error("not a timer");
    id.cancel();
    id.repeat = repeat;
    arm(id, delay);
  },
  clear(id: TimerId | undefined): void {
    if (!id?.callback) return;
    id.cancel();
    id.callback = undefined;
    id.repeat = 0;
  },
};

export const Time = {
  get ticks(): number {
    return world.now;
  },
  /** Seconds since 1970. */
  set(seconds: number): void {
    world.dateAtZero = seconds * 1000 - world.now;
  },
};
