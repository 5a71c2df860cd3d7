// Things that arrive, in order, for a test that waits for the next.

import { EventEmitter, once } from "node:events";

export class Inbox<T> {
  private readonly items: T[] = [];
  private readonly arrival = new EventEmitter();

  push(item: T): void {
    this.items.push(item);
    this.arrival.emit("item");
  }

  async next(): Promise<T> {
    while (this.items.length === 0) await once(this.arrival, "item");
    return this.items.shift()!;
  }
}
