// Packet identifiers of incoming QoS 2 messages: delivered to the application, not yet released by PUBREL [MQTT-4.3.3-2].
// A server may have any number unreleased, so all 65,535 fit: they are bits. With a store they survive a restart.

import type { MessageStore } from "./message-store.ts";

/** With more identifiers than this, those that the server seems to have forgotten are forgotten here, too. */
const STALE_LIMIT = 128;

/** 32 identifiers to a number. Bound: 2,048 numbers; a server that counts its identifiers up needs one or two. */
class IdSet {
  count = 0;
  /** By identifier / 32. No entry is 0. */
  readonly bits: Record<number, number> = {};

  has(id: number): boolean {
    return (this.bits[id >> 5]! & (1 << (id & 31))) !== 0;
  }

  /** Adds or removes `id`. */
  toggle(id: number): void {
    const { bits } = this;
    const n = id >> 5;
    this.count += this.has(id) ? -1 : 1;
    bits[n]! ^= 1 << (id & 31);
    if (!bits[n]) delete bits[n];
  }
}

export class ReceivedIds {
  private readonly known = new IdSet();
  // Those of `known` that the server has sent on this connection.
  private seen = new IdSet();
  private readonly store?: MessageStore;

  constructor(store: MessageStore | undefined) {
    if (store) this.store = store;
  }

  /** Adds what a store held, before the first connection. */
  restore(ids: readonly number[]): void {
    for (let i = 0; i < ids.length; i++) this.receive(ids[i]!);
  }

  /** CONNACK: without a session on the server, its packet identifiers start afresh. */
  connected(sessionPresent: boolean): void {
    this.seen = new IdSet();
    if (!sessionPresent) this.releaseStale();
  }

  /** PUBLISH received. True if it is new: it has to be delivered, and then {@link delivered} has to be called. */
  receive(id: number): boolean {
    const { known, seen } = this;
    const isNew = !known.has(id);
    if (isNew) known.toggle(id);
    if (!seen.has(id)) seen.toggle(id);
    // A server sends what is unreleased again when a connection begins, before new messages [MQTT-4.4.0-1] [MQTT-4.6.0-1].
    // PUBREL will never come for a message that it has not sent again.
    if (isNew && known.count > STALE_LIMIT && known.count > seen.count) this.releaseStale();
    return isNew;
  }

  /** The application has the message; from now on the store knows, too. */
  delivered(id: number): void {
    if (this.store) this.store.setReceived(id);
  }

  /**
   * PUBREL received: forgets `id`. False if the store cannot forget it: PUBCOMP must not be sent, because the server would
   * use the identifier for a new message, which would count as delivered after a restart.
   */
  release(id: number): boolean {
    const { known, seen } = this;
    if (!known.has(id)) return true;
    if (this.store && !this.store.clearReceived(id)) return false;
    known.toggle(id);
    if (seen.has(id)) seen.toggle(id);
    return true;
  }

  // Forgets what the server has not sent on this connection.
  private releaseStale(): void {
    for (const n in this.known.bits) {
      for (let bit = 0, id = 32 * +n; bit < 32; bit++, id++) if (!this.seen.has(id)) this.release(id);
    }
  }
}
