// Acknowledgements of what the server sends, and PINGREQ, that found no room in the transmit buffer. Bound: MAX_WAITING
// acknowledgements.

import type { AckType, Encoder } from "../wire/encoder.ts";

/** WIoTP stops after 10 unacknowledged messages, Mosquitto after 20; other servers may send more. */
const MAX_WAITING = 64;

/** Exists only while something waits. */
export class WaitingAcknowledgements {
  private readonly queue: { type: AckType; id: number }[] = [];
  private pingNeeded: boolean | undefined;

  /** Returns what is wrong when too many wait, else "". */
  add(type: AckType, id: number): string {
    if (this.queue.length >= MAX_WAITING) return `${MAX_WAITING} acknowledgements wait for the network`;
    this.queue.push({ type, id });
    return "";
  }

  addPing(): void {
    this.pingNeeded = true;
  }

  /** Sends what waits, PINGREQ last. True if nothing waits any more. */
  pump(encoder: Encoder): boolean {
    const { queue } = this;
    while (queue.length) {
      if (!encoder.ack(queue[0]!.type, queue[0]!.id)) return false;
      queue.shift();
    }
    return !this.pingNeeded || encoder.ping();
  }
}
