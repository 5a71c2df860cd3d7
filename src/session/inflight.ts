// Outgoing messages of QoS 1 and 2 between their first PUBLISH and their last acknowledgement, in the order sent, and
// the choice of packet ids. Holds at most `window` messages; payloads are the sender's bytes, not copies.

/** PUBLISH not sent yet. */
export const QUEUED = 0;
/** PUBLISH sent; PUBACK (QoS 1) or PUBREC (QoS 2) awaited. */
export const SENT = 1;
/** PUBREC came; PUBREL sent, PUBCOMP awaited. */
export const RELEASED = 2;

export interface Message {
  topic: Uint8Array;
  payload: Uint8Array;
  qos: 0 | 1 | 2;
  retain: boolean;
  /** Packet id; 0 at QoS 0 and while queued. */
  id: number;
  step: 0 | 1 | 2;
  /** Told once: without an error when sent (QoS 0) or confirmed (QoS 1, 2), with one when dropped for good. */
  done: ((error?: Error) => void) | undefined;
  /** The message behind this one in the outbox. */
  next: Message | undefined;
}

export class Inflight {
  readonly window: number;
  private readonly messages: Message[] = [];
  private lastId = 0;

  /** @param window most messages in flight at once, 1..65535. */
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

  find(id: number): Message | undefined {
    const messages = this.messages;
    for (let i = 0; i < messages.length; i++) if (messages[i]!.id === id) return messages[i];
    return undefined;
  }

  /** Returns the place the message had. */
  remove(message: Message): number {
    const at = this.messages.indexOf(message);
    this.messages.splice(at, 1);
    return at;
  }

  /** The next packet id, 1..65535, that neither a message in flight nor `taken` uses [MQTT-2.3.1-2]. */
  nextId(taken?: (id: number) => boolean): number {
    let id = this.lastId;
    do {
      id = id < 65535 ? id + 1 : 1;
    } while (this.find(id) || taken?.(id));
    this.lastId = id;
    return id;
  }
}
