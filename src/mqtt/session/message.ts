// An outgoing message. Types only.

import type { PublishState } from "./publish-states.ts";

/** Called once: without an error when the message is sent (QoS 0) or confirmed (QoS 1, 2), with one when it is dropped. */
export type PublishCallback = (error?: Error) => void;

export interface Message {
  topic: Uint8Array;
  /** The application's bytes, not a copy, unless the message has waited in the outbox. */
  payload: Uint8Array;
  qos: 0 | 1 | 2;
  retain: boolean;
  /** Packet identifier; 0 at QoS 0. */
  id: number;
  state: PublishState;
  done: PublishCallback | undefined;
  /** The next message in the list. */
  next: Message | undefined;
}
