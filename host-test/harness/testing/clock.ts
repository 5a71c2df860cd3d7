// A clock that stands still until a test moves it. Monotonic time may start anywhere below 2^32 and wraps there, as the
// tick counter of a device does. Timers fire in the order they are due, none is ever lost or early.

import type { Clock, Timer } from "../../../src/index.ts";

/** When every fake clock starts, unless told otherwise: the example of docs/protocol.md 2.4. */
export const START_DATE = Date.UTC(2017, 2, 14, 1, 2, 3);

interface FakeTimer extends Timer {
  due: () => void;
  /** On the clock's own scale, which does not wrap. */
  at: number;
}

export class FakeClock implements Clock {
  private readonly start: number;
  private passed = 0;
  private made = 0;
  /** Those that are set, in the order they were. */
  private timers: FakeTimer[] = [];

  /** @param start what now() says first, 0..2^32-1, milliseconds. */
  constructor(start = 0) {
    this.start = start;
  }

  now(): number {
    return (this.start + this.passed) % 2 ** 32;
  }

  date(): number {
    return START_DATE + this.passed;
  }

  /** Milliseconds since the clock was made; does not wrap. */
  get elapsed(): number {
    return this.passed;
  }

  timer(due: () => void): Timer {
    this.made++;
    const timer: FakeTimer = {
      due,
      at: 0,
      set: delayMs => {
        if (!(delayMs >= 0 && delayMs < 2 ** 31)) throw new RangeError(`timer set to ${delayMs} ms`);
        timer.clear();
        timer.at = this.passed + delayMs;
        this.timers.push(timer);
      },
      clear: () => {
        this.timers = this.timers.filter(one => one !== timer);
      },
    };
    return timer;
  }

  /** Milliseconds until each timer that is set, soonest first. */
  get pending(): number[] {
    return this.timers.map(({ at }) => at - this.passed).sort((a, b) => a - b);
  }

  /** How many timers were ever asked for. */
  get timersMade(): number {
    return this.made;
  }

  /** Lets `ms` pass; whatever becomes due meanwhile is called at its time. */
  advance(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0) throw new RangeError(`time passes by 0 milliseconds or more, not ${ms}`);
    const end = this.passed + ms;
    for (let timer = this.next(end); timer; timer = this.next(end)) this.fire(timer);
    this.passed = end;
  }

  /** Goes to the next timer and calls it. Returns how far that was; -1, and nothing happens, when none is set. */
  jumpToNext(): number {
    const timer = this.next(Number.POSITIVE_INFINITY);
    if (!timer) return -1;
    const wait = timer.at - this.passed;
    this.fire(timer);
    return wait;
  }

  /** No timer is set any more, as after a restart of the device. */
  clearAll(): void {
    this.timers = [];
  }

  private next(end: number): FakeTimer | undefined {
    let first: FakeTimer | undefined;
    for (const timer of this.timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    return first;
  }

  private fire(timer: FakeTimer): void {
    this.passed = timer.at;
    timer.clear();
    timer.due();
  }
}
