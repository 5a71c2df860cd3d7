// A bad link: cuts connections in the middle of a packet, and stalls. What the device wrote after the cut is lost, as it is
// when a radio goes out of range.

import type { Clock, Timer, Transport, TransportListener } from "../../../src/index.ts";

/** The connection is cut after so many bytes of the device. */
const CUT_AFTER_BYTES: Range = [300, 6000];
/** It stalls so long after it opened, milliseconds … */
const STALL_AFTER_MS: Range = [1000, 20_000];
/** … and for so long. */
const STALL_MS: Range = [500, 10_000];

type Range = readonly [least: number, most: number];

/**
 * A transport over a good one, and its listener. `open` opens the good transport.
 * @param random uniform in [0, 1)
 */
export function overBadLink(
  open: (listener: TransportListener) => Transport,
  listener: TransportListener,
  clock: Clock,
  random: () => number,
): Transport {
  const link = new BadLink(listener, clock, random);
  link.attach(open(link));
  return link;
}

class BadLink implements Transport, TransportListener {
  readonly #listener: TransportListener;
  readonly #stallMs: number;
  readonly #stallAfterMs: number;
  #inner!: Transport;
  /** Bytes that still pass; 0: the link is cut. */
  #left: number;
  readonly #timer: Timer;
  /** What arrived while the link is stalled; undefined: it is not. */
  #withheld: Uint8Array[] | undefined;
  #ended = false;

  constructor(listener: TransportListener, clock: Clock, random: () => number) {
    const within = ([least, most]: Range) => Math.round(least + random() * (most - least));
    this.#listener = listener;
    this.#timer = clock.timer(() => (this.#withheld ? this.#resume() : this.#stall()));
    this.#left = within(CUT_AFTER_BYTES);
    this.#stallAfterMs = within(STALL_AFTER_MS);
    this.#stallMs = within(STALL_MS);
  }

  attach(inner: Transport): void {
    this.#inner = inner;
  }

  get writable(): number {
    return this.#broken || this.#withheld ? 0 : this.#inner.writable;
  }

  write(bytes: Uint8Array): void {
    if (this.#broken) return;
    const passed = bytes.subarray(0, this.#left);
    this.#left -= passed.length;
    this.#inner.write(passed);
    // Not from inside write().
    if (this.#left === 0) queueMicrotask(() => this.#cut());
  }

  close(closed?: () => void): void {
    this.#end();
    this.#inner.close(closed);
  }

  opened(): void {
    this.#timer.set(this.#stallAfterMs);
    this.#listener.opened();
  }

  received(bytes: Uint8Array): void {
    if (this.#withheld) this.#withheld.push(Uint8Array.from(bytes));
    else if (!this.#broken) this.#listener.received(bytes);
  }

  writableAgain(): void {
    if (!this.#broken && !this.#withheld) this.#listener.writableAgain();
  }

  closed(reason?: string): void {
    if (this.#ended) return;
    this.#end();
    this.#listener.closed(reason);
  }

  get #broken(): boolean {
    return this.#ended || this.#left === 0;
  }

  #stall(): void {
    this.#withheld = [];
    this.#timer.set(this.#stallMs);
  }

  #resume(): void {
    const withheld = this.#withheld ?? [];
    this.#withheld = undefined;
    for (const bytes of withheld) if (!this.#broken) this.#listener.received(bytes);
    this.writableAgain();
  }

  #cut(): void {
    if (this.#ended) return;
    this.#end();
    this.#inner.close();
    this.#listener.closed("the link was cut");
  }

  #end(): void {
    this.#ended = true;
    this.#timer.clear();
    this.#withheld = undefined;
  }
}
