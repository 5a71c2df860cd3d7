// Outgoing messages of QoS 1 and 2 between their first PUBLISH and their last acknowledgement, in the order sent, and
// the choice of packet ids. Holds at most `window` messages; payloads are the sender's bytes, not copies.

import type { Flow } from "./flows.ts";

export interface Message {
  topic: Uint8Array;
  payload: Uint8Array;
  qos: 0 | 1 | 2;
  retain: boolean;
  /** Packet id; 0 at QoS 0, and while queued unless it is in a store. */
  id: number;
  /** Where it is, see flows.ts. */
  step: Flow;
  /** Told once: without an error when sent (QoS 0) or confirmed (QoS 1, 2), with one when dropped for good. */
  done: ((error?: Error) => void) | undefined;
  /** The message behind this one in the outbox. */
  next: Message | undefined;
}

interface HasId {
  readonly id: number;
}

export class Inflight {
  readonly window: number;
  private readonly messages: Message[] = [];
  private lastId = 0;
  // So many ids behind lastId are known to be free: looking for one in use at every message would cost more than the
  // message, and only after 65,535 of them can one still be in use.
  private free = 65535;

  /** @param window most messages in flight at once, 1..64000. */
  constructor(window: number) {
    this.window = window;
  }

  get count(): number {
    return this.messages.length;
  }

  get full(): boolean {
    return this.messages.length >= this.window;
  }

  /** The n-th message in the order they were sent. */
  at(n: number): Message | undefined {
    return this.messages[n];
  }

  add(message: Message): void {
    this.messages.push(message);
  }

  /** The place of the message with this packet id; -1: none. */
  find(id: number): number {
    const messages = this.messages;
    for (let i = 0; i < messages.length; i++) if (messages[i]!.id === id) return i;
    return -1;
  }

  removeAt(place: number): void {
    if (place === 0) this.messages.shift();
    else this.messages.splice(place, 1);
  }

  /** The next id will be the first free one behind `last`, 0..65535. */
  beginIds(last: number): void {
    this.lastId = last;
    this.free = 0;
  }

  /**
   * The next packet id, 1..65535, that neither a message in flight, nor one of `others`, nor one of the chain `queued`
   * uses [MQTT-2.3.1-2].
   */
  nextId(others: readonly HasId[], queued?: Message): number {
    if (this.free === 0) this.skipUsed(others, queued);
    this.free--;
    this.lastId = (this.lastId % 65535) + 1;
    return this.lastId;
  }

  private skipUsed(others: readonly HasId[], queued: Message | undefined): void {
    const chain: HasId[] = [];
    for (let message = queued; message; message = message.next) chain.push(message);
    const users = this.messages.concat(others as Message[], chain as Message[]);
    for (;;) {
      this.free = freeBehind(this.lastId, users);
      if (this.free > 0) return;
      this.lastId = (this.lastId % 65535) + 1;
    }
  }
}

/** How many ids behind `last` come before the first that is in use. */
function freeBehind(last: number, users: readonly HasId[]): number {
  let free = 65535;
  for (let i = 0; i < users.length; i++) {
    if (users[i]!.id) free = Math.min(free, (users[i]!.id - last + 131069) % 65535);
  }
  return free;
}
