// The last entries of a sequence, and the number of all entries. A reader takes what is new since its last visit.

export class RecentList<T> {
  /** Number of entries ever added. */
  total = 0;
  readonly #capacity: number;
  readonly #entries: T[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(entry: T): void {
    this.total++;
    this.#entries.push(entry);
    if (this.#entries.length > this.#capacity) this.#entries.shift();
  }

  /** The entries after the first `total` ones, as far as they are kept; oldest first. */
  since(total: number): T[] {
    const missed = this.total - total;
    return missed > 0 ? this.#entries.slice(-missed) : [];
  }
}
