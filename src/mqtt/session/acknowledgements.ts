// Acknowledgements of what the server sends. They leave at once, or wait here for room; PINGREQ goes with them. Bound:
// MAX_WAITING acknowledgements.

import type { AckType, Encoder } from "../wire/encoder.ts";

/** WIoTP stops after 10 unacknowledged messages, Mosquitto after 20; other servers may send more. */
const MAX_WAITING = 64;

export class Acknowledgements {
  /** True while something waits for room. */
  waiting = false;
  private readonly encoder: Encoder;
  private queue: { type: AckType; id: number }[] | undefined;
  private pingNeeded: boolean | undefined;

  constructor(encoder: Encoder) {
    this.encoder = encoder;
  }

  /** Sends or queues an acknowledgement. Returns what is wrong when too many wait, else "". */
  send(type: AckType, id: number): string {
    if (!this.queue) {
      if (this.encoder.ack(type, id)) return "";
      this.queue = [];
      this.waiting = true;
    }
    if (this.queue.length >= MAX_WAITING) return `${MAX_WAITING} acknowledgements wait for the network`;
    this.queue.push({ type, id });
    return "";
  }

  ping(): void {
    this.pingNeeded = true;
    this.waiting = true;
  }

  /** Sends what waits, in order. True if nothing waits any more. */
  pump(): boolean {
    const { encoder, queue } = this;
    while (queue?.length) {
      if (!encoder.ack(queue[0]!.type, queue[0]!.id)) return false;
      queue.shift();
    }
    this.queue = undefined;
    if (this.pingNeeded && !encoder.ping()) return false;
    this.clear();
    return true;
  }

  /** The connection ended: the server sends unacknowledged packets again. */
  clear(): void {
    if (this.queue) this.queue = undefined;
    if (this.pingNeeded) this.pingNeeded = false;
    this.waiting = false;
  }
}
