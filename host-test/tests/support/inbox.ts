// Things that arrive, in order, for a test that waits for the next.

import { EventEmitter, once } from "node:events";

export class Inbox<T> {
  private readonly items: T[] = [];
  private readonly arrival = new EventEmitter();

  push(item: T): void {
    this.items.push(item);
    this.arrival.emit("item");
  }

  /** What was not taken yet. */
  get waiting(): readonly T[] {
    return this.items;
  }

  async next(): Promise<T> {
    while (this.items.length === 0) await once(this.arrival, "item");
    return this.items.shift()!;
  }
}

/** What a device of an engine calls, and the inboxes it fills. */
export function deviceInbox() {
  const commands = new Inbox<unknown>();
  const told = new Inbox<[string, unknown]>();
  const calls = {
    command: (command: unknown) => commands.push(command),
    connected: () => told.push(["connected", undefined]),
    disconnected: (details: unknown) => told.push(["disconnected", details]),
    failed: (text: unknown) => told.push(["failed", text]),
  };
  return { commands, told, calls };
}
