// The latest entries of a sequence, and how many there have been: enough for a reader that comes by now and then to take
// what is new.

export class Trail<T> {
  /** How many were added, ever. */
  total = 0;
  readonly #most: number;
  readonly #entries: T[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  add(entry: T): void {
    this.total++;
    this.#entries.push(entry);
    if (this.#entries.length > this.#most) this.#entries.shift();
  }

  /** Those added since there were `total` of them, as far as they are kept; oldest first. */
  since(total: number): T[] {
    const missed = this.total - total;
    return missed > 0 ? this.#entries.slice(-missed) : [];
  }
}
