// Clock on Node's timers.

import type { Clock, Timer } from "../../src/ports.ts";

export const nodeClock: Clock = {
  now: () => Math.trunc(performance.now()),
  date: () => Date.now(),
  timer: due => new NodeTimer(due),
};

class NodeTimer implements Timer {
  private readonly due: () => void;
  private handle: NodeJS.Timeout | undefined;

  constructor(due: () => void) {
    this.due = due;
  }

  set(delayMs: number): void {
    clearTimeout(this.handle);
    this.handle = setTimeout(this.due, delayMs);
  }

  clear(): void {
    clearTimeout(this.handle);
    this.handle = undefined;
  }
}
