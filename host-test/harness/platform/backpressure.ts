// Lets the platform wait for a slow reader of its log: while paused, CONNECT and PUBLISH wait. aedes handles the packets
// of a client in order and stops reading from its socket, so memory stays bounded and devices wait for their
// acknowledgements.

export class Backpressure {
  #paused = false;
  #waiting: (() => void)[] = [];

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    // A callback may pause again; the rest then waits on.
    while (!this.#paused && this.#waiting.length > 0) this.#waiting.shift()!();
  }

  /** Calls `next` at once, or after resume(). */
  wait(next: () => void): void {
    if (this.#paused) this.#waiting.push(next);
    else next();
  }
}
