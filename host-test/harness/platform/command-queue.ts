// Commands for devices that fetch them over HTTP (docs/protocol.md 6). After a device's first request, the platform keeps
// its commands until the next request: the last 50 (docs/protocol.md 1.5).

import type { CommandEvent } from "./events.ts";

const MAX_QUEUED = 50;

interface Waiting {
  wants(command: CommandEvent): boolean;
  answer(command: CommandEvent | undefined): void;
}

interface Queue {
  kept: CommandEvent[];
  waiting: Waiting | undefined;
}

export class CommandQueues {
  readonly #queues = new Map<string, Queue>();

  /** Gives a command to the waiting request, or keeps it for the next one. */
  add(clientId: string, command: CommandEvent): void {
    const queue = this.#queues.get(clientId);
    if (!queue) return;
    if (queue.waiting?.wants(command)) return queue.waiting.answer(command);
    queue.kept.push(command);
    if (queue.kept.length > MAX_QUEUED) queue.kept.shift();
  }

  /**
   * Resolves with the oldest command with this id ("+": any); with undefined after `waitMs`, when `gone` aborts, or when
   * another connection takes over the client id.
   */
  request(clientId: string, id: string, waitMs: number, gone: AbortSignal): Promise<CommandEvent | undefined> {
    this.takeOver(clientId);
    const queue = this.#queues.get(clientId) ?? { kept: [], waiting: undefined };
    this.#queues.set(clientId, queue);
    const wants = ({ command }: CommandEvent) => id === "+" || command === id;
    const at = queue.kept.findIndex(wants);
    if (at >= 0) return Promise.resolve(queue.kept.splice(at, 1)[0]);
    return new Promise(resolve => {
      const answer = (command: CommandEvent | undefined) => {
        clearTimeout(timer);
        if (queue.waiting === waiting) queue.waiting = undefined;
        resolve(command);
      };
      const waiting = { wants, answer };
      const timer = setTimeout(answer, waitMs, undefined);
      gone.addEventListener("abort", () => answer(undefined), { once: true });
      queue.waiting = waiting;
    });
  }

  waits(clientId: string): boolean {
    return this.#queues.get(clientId)?.waiting !== undefined;
  }

  /** Ends the waiting request of this client id: another connection uses it now. */
  takeOver(clientId: string): void {
    this.#queues.get(clientId)?.waiting?.answer(undefined);
  }

  close(): void {
    for (const queue of this.#queues.values()) queue.waiting?.answer(undefined);
  }
}
