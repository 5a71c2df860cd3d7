// Ports.open without a network: a test plays the far end and decides when anything happens, so nothing is ever told from
// inside open, write or close. It is stricter than an engine: too much written throws, bytes given to `write` are copied,
// bytes told to `received` are overwritten afterwards, so that a view kept too long is seen.

import type { Endpoint, Ports, Store, Transport, TransportListener } from "../../../src/index.ts";
import { joined } from "./bytes.ts";
import type { FakeClock } from "./clock.ts";
import { seeded } from "./random.ts";

/** How the far end's bytes arrive: in one piece, one by one, or in pieces of 1 to 16 chosen by a seed. */
export type Chunking = "whole" | "bytes" | { seed: number };

export function cut(bytes: Uint8Array, chunking: Chunking): Uint8Array[] {
  if (chunking === "whole") return [bytes];
  const random = chunking === "bytes" ? () => 0 : seeded(chunking.seed);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() * 16);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** Passes every event on to `listener`, each from inside `run`. */
export class ListenerThrough implements TransportListener {
  private readonly run: (call: () => void) => void;
  private readonly listener: TransportListener;

  constructor(run: (call: () => void) => void, listener: TransportListener) {
    this.run = run;
    this.listener = listener;
  }

  opened(): void {
    this.run(() => this.listener.opened());
  }

  received(bytes: Uint8Array): void {
    this.run(() => this.listener.received(bytes));
  }

  writableAgain(): void {
    this.run(() => this.listener.writableAgain());
  }

  closed(reason?: string): void {
    this.run(() => (reason === undefined ? this.listener.closed() : this.listener.closed(reason)));
  }
}

/** One connection of the device, and its far end. */
export class FakeTransport implements Transport {
  readonly endpoint: Endpoint;
  /** A copy of every write, as far as it reached the far end. */
  readonly writes: Uint8Array[] = [];
  /** What `write` takes before the far end drains, bytes; used up by writing. 0 is a stalled link. */
  room = Number.POSITIVE_INFINITY;
  /** How what the far end sends is cut into pieces. */
  chunking: Chunking = "whole";
  /** After so many bytes the link is cut: what goes beyond is lost, and `settle` tells that it ended. */
  cutAfter = Number.POSITIVE_INFINITY;
  /** This write, counted from 1, fails: its bytes are lost, and `settle` tells that the link ended. */
  failWrite = Number.POSITIVE_INFINITY;
  /** This byte from the far end, counted from 1, arrives with all its bits turned over. */
  corrupt = Number.POSITIVE_INFINITY;
  /** close() was called. */
  closedByClient = false;
  /** true: a transport that was closed is gone only after `goes`; false: at once. */
  lingers = false;
  private readonly listener: TransportListener;
  private tellGone: (() => void) | undefined;
  private up = false;
  private over = false;
  private written = 0;
  private writesMade = 0;
  private arrived = 0;

  constructor(endpoint: Endpoint, listener: TransportListener) {
    this.endpoint = endpoint;
    this.listener = listener;
  }

  get writable(): number {
    return this.up ? this.room : 0;
  }

  write(bytes: Uint8Array): void {
    if (this.closedByClient || this.over) return;
    if (bytes.length > this.writable) throw new Error(`${bytes.length} bytes written where ${this.writable} are taken`);
    this.room -= bytes.length;
    if (++this.writesMade === this.failWrite) this.cutAfter = this.written;
    const left = Math.max(0, this.cutAfter - this.written);
    this.written += bytes.length;
    this.writes.push(bytes.slice(0, left));
    if (bytes.length > left) this.room = 0;
  }

  close(closed?: () => void): void {
    if (this.closedByClient) return;
    this.closedByClient = true;
    this.up = false;
    if (this.lingers) this.tellGone = closed;
    else closed?.();
  }

  /** The last bytes of a transport that `lingers` have left. */
  goes(): void {
    const { tellGone } = this;
    this.tellGone = undefined;
    tellGone?.();
  }

  /** Everything that reached the far end. */
  get sent(): Uint8Array {
    return joined(this.writes);
  }

  /** True until either end has ended it. */
  get alive(): boolean {
    return !this.over && !this.closedByClient;
  }

  /** The far end, or the network between, has ended it. */
  get isLost(): boolean {
    return this.over;
  }

  /** True from `opens` until it ends. */
  get isUp(): boolean {
    return this.up;
  }

  // What the far end does.

  opens(): void {
    if (!this.alive) return;
    if (this.up) throw new Error("opened twice");
    this.up = true;
    this.listener.opened();
  }

  /** The far end sends `bytes`, cut as `chunking` says. */
  receives(...parts: Uint8Array[]): void {
    for (const chunk of cut(joined(parts), this.chunking)) {
      if (!this.alive) return;
      const lent = chunk.slice();
      const flaw = this.corrupt - this.arrived - 1;
      if (flaw >= 0 && flaw < lent.length) lent[flaw]! ^= 0xff;
      this.arrived += lent.length;
      this.listener.received(lent);
      lent.fill(0xaa);
    }
  }

  /** The far end takes nothing more until `drains`. */
  stalls(): void {
    this.room = 0;
  }

  /** The far end takes `bytes` more, and says so. */
  drains(bytes: number = Number.POSITIVE_INFINITY): void {
    if (!this.alive) return;
    this.room += bytes;
    this.listener.writableAgain();
  }

  /** The stream ends, or never came up. */
  ends(reason?: string): void {
    if (!this.alive) return;
    this.over = true;
    this.up = false;
    if (reason === undefined) this.listener.closed();
    else this.listener.closed(reason);
  }

  /** Tells what `cutAfter` and `failWrite` did. */
  settle(): void {
    if (this.written > this.cutAfter) this.ends("ECONNRESET");
  }
}

/** Ports whose connections a test answers. */
export class FakeNetwork implements Ports {
  readonly clock: FakeClock;
  /** Every transport that was opened, oldest first. */
  readonly links: FakeTransport[] = [];
  /** What `open` throws instead of opening. */
  refuseToOpen: Error | undefined;
  /** What `random` says. 1 - 2^-32 makes back-off delays their longest. */
  chance = 0;
  store?: Store;

  constructor(clock: FakeClock) {
    this.clock = clock;
  }

  open(endpoint: Endpoint, listener: TransportListener): FakeTransport {
    if (this.refuseToOpen) throw this.refuseToOpen;
    const link = new FakeTransport(endpoint, listener);
    this.links.push(link);
    return link;
  }

  random(): number {
    return this.chance;
  }

  /** The newest one. */
  get link(): FakeTransport {
    const link = this.links[this.links.length - 1];
    if (!link) throw new Error("no transport was opened");
    return link;
  }
}
