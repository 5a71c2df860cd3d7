// Which commands wait for a device that fetches them over HTTP (§6)? From a device's first request on, what comes for it
// is kept until it asks again: 50 commands at most, the oldest go first (§1.5).

import type { CommandEvent } from "./events.ts";

const MOST_KEPT = 50;

interface Waiting {
  wants(command: CommandEvent): boolean;
  answer(command: CommandEvent | undefined): void;
}

interface Box {
  kept: CommandEvent[];
  waiting: Waiting | undefined;
}

export class CommandBoxes {
  readonly #boxes = new Map<string, Box>();

  /** A command is on its way to its device. */
  offer(clientId: string, command: CommandEvent): void {
    const box = this.#boxes.get(clientId);
    if (!box) return;
    if (box.waiting?.wants(command)) return box.waiting.answer(command);
    box.kept.push(command);
    if (box.kept.length > MOST_KEPT) box.kept.shift();
  }

  /**
   * The oldest command with this id ("+": any), or undefined when none comes within the wait or someone else took over
   * the client id. `gone` ends the wait too.
   */
  request(clientId: string, id: string, waitMs: number, gone: AbortSignal): Promise<CommandEvent | undefined> {
    this.takeOver(clientId);
    const box = this.#boxes.get(clientId) ?? { kept: [], waiting: undefined };
    this.#boxes.set(clientId, box);
    const wants = ({ command }: CommandEvent) => id === "+" || command === id;
    const at = box.kept.findIndex(wants);
    if (at >= 0) return Promise.resolve(box.kept.splice(at, 1)[0]);
    return new Promise(resolve => {
      const answer = (command: CommandEvent | undefined) => {
        clearTimeout(timer);
        if (box.waiting === waiting) box.waiting = undefined;
        resolve(command);
      };
      const waiting = { wants, answer };
      const timer = setTimeout(answer, waitMs, undefined);
      gone.addEventListener("abort", () => answer(undefined), { once: true });
      box.waiting = waiting;
    });
  }

  waits(clientId: string): boolean {
    return this.#boxes.get(clientId)?.waiting !== undefined;
  }

  /** Ends the wait of the request that had this client id until now. */
  takeOver(clientId: string): void {
    this.#boxes.get(clientId)?.waiting?.answer(undefined);
  }

  close(): void {
    for (const box of this.#boxes.values()) box.waiting?.answer(undefined);
  }
}
