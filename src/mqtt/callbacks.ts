// Everything that the client tells the application: messages that arrive, states, errors. Exceptions go to errorCallback
// and never interrupt the protocol.

import type { ConnectionException } from "../errors.ts";
import { rejected } from "./failures.ts";
import type { Packet } from "./wire/decoder.ts";

/** The callbacks that both clients have. They are read at each call; the application may replace them at any time. */
export interface ClientCallbacks {
  connectedCallback: ((sessionPresent: boolean) => void) | undefined;
  disconnectedCallback: ((reason: ConnectionException | undefined, retryMs: number) => void) | undefined;
  errorCallback: ((error: Error) => void) | undefined;
  drainCallback: (() => void) | undefined;
}

/** Takes the messages that arrive. */
export interface MessageReceiver {
  /**
   * The packet and its payload are valid until this returns; then the message is acknowledged. Exceptions go to
   * errorCallback. `packet.oversize` > 0: the message was larger than `limits.frameBytes` and has no payload.
   */
  receive(packet: Packet): void;
  /** The connection has ended, and none is made until connect(). `error`: the refusal; undefined after disconnect(). */
  stopped?(error: ConnectionException | undefined): void;
}

export class Callbacks {
  /** The client, whose callbacks these are. */
  readonly client: ClientCallbacks;
  receiver: MessageReceiver; // replaced by a client that takes more kinds of messages
  /** Messages that were larger than `limits.frameBytes`; undefined: none. */
  oversizeCount: number | undefined;
  /** publish() has returned false since it last returned true. */
  rejectionReported: boolean | undefined;
  /** publish() has returned false because the outbox or the store was full, and drainCallback was not called since. */
  drainNeeded: boolean | undefined;
  // Nesting of errorCallback: errors that it causes itself are reported one level deep.
  private errorDepth: number | undefined;

  constructor(client: ClientCallbacks, receiver: MessageReceiver) {
    this.client = client;
    this.receiver = receiver;
  }

  /** A message was received. It is acknowledged when this returns. */
  message(packet: Packet): void {
    if (packet.oversize) this.oversizeCount = (this.oversizeCount ?? 0) + 1;
    try {
      this.receiver.receive(packet);
    } catch (error) {
      this.error(error as Error);
    }
  }

  invoke<A, B>(callback: ((first: A, second: B) => void) | undefined, first: A, second: B): void {
    if (!callback) return;
    try {
      callback(first, second);
    } catch (error) {
      this.error(error as Error);
    }
  }

  /**
   * An error inside errorCallback is reported once more; an error inside that report is dropped: a callback that publishes
   * at every error would never end while the store fails. False if the error was dropped.
   */
  error(error: Error): boolean {
    const depth = this.errorDepth ?? 0;
    if (depth > 1) return false;
    this.errorDepth = depth + 1;
    try {
      this.client.errorCallback?.(error);
    } catch {
      // errorCallback itself failed: nobody is left to tell.
    }
    this.errorDepth = depth;
    return true;
  }

  /** connect() was called: the next rejection is reported again. */
  connecting(): void {
    if (this.rejectionReported) this.rejectionReported = false;
  }

  /**
   * publish() is about to return false. errorCallback gets the reason once, until a message is accepted again.
   * @param active the client is connected or will reconnect
   */
  rejected(active: boolean): void {
    if (active) this.drainNeeded = true;
    if (this.rejectionReported) return;
    this.rejectionReported = true; // before: errorCallback may publish
    if (!this.error(rejected(active))) this.rejectionReported = false;
  }

  /** There is room again after publish() returned false. */
  drained(): void {
    this.drainNeeded = false;
    this.invoke(this.client.drainCallback, undefined, undefined);
  }
}
