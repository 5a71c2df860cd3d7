// Outgoing messages of QoS 1 and 2 between their first PUBLISH and their last acknowledgement, as a linked list in the
// order sent. Bound: `limits.inflight` messages.

import type { Message } from "./message.ts";
import { fewerFree, NO_ID_IN_USE, type PacketIdHolder } from "./packet-ids.ts";

export interface InflightLimits {
  /** Most messages of QoS 1 and 2 in flight, 1..64000. */
  inflight: number;
  /** Closings by the server that a message survives while it is first in flight; 0: any number. */
  redeliveries: number;
}

export class Inflight implements PacketIdHolder {
  first: Message | undefined;
  count = 0;
  /** Bytes of all topics and payloads. */
  bytes = 0;
  private last: Message | undefined;
  /** Publisher reads `redeliveries` here. */
  readonly limits: InflightLimits;

  constructor(limits: InflightLimits) {
    this.limits = limits;
  }

  get full(): boolean {
    return this.count >= this.limits.inflight;
  }

  push(message: Message): void {
    if (this.last) this.last.next = message;
    else this.first = message;
    this.last = message;
    this.count++;
    this.bytes += message.topic.length + message.payload.length;
  }

  /** Removes the first message. Call it only when there is one. */
  shift(): Message {
    const message = this.first!;
    this.remove(message);
    return message;
  }

  /** Removes a message of this list. */
  remove(message: Message): void {
    let before: Message | undefined;
    for (let one = this.first; one !== message; one = one!.next) before = one;
    if (before) before.next = message.next;
    else this.first = message.next;
    if (this.last === message) this.last = before;
    message.next = undefined;
    this.count--;
    this.bytes -= message.topic.length + message.payload.length;
  }

  /** The message with this packet identifier. */
  get(id: number): Message | undefined {
    let message = this.first;
    while (message && message.id !== id) message = message.next;
    return message;
  }

  freeIdsAfter(last: number): number {
    let free = NO_ID_IN_USE;
    for (let message = this.first; message; message = message.next) free = fewerFree(message.id, last, free);
    return free;
  }
}
