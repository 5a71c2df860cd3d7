// A bad link: cuts connections in the middle of a packet, and stalls. What the device wrote after the cut is lost, as it is
// when a radio goes out of range.

import type { Transport, TransportListener } from "../../../src/index.ts";

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
  random: () => number,
): Transport {
  const link = new BadLink(listener, random);
  link.attach(open(link));
  return link;
}

class BadLink implements Transport, TransportListener {
  readonly #listener: TransportListener;
  readonly #stallMs: number;
  readonly #stallAfterMs: number;
  #inner!: Transport;
  /** Bytes that still pass. */
  #left: number;
  #timer: NodeJS.Timeout | undefined;
  /** What arrived while the link is stalled; undefined: it is not. */
  #withheld: Uint8Array[] | undefined;
  #ended = false;

  constructor(listener: TransportListener, random: () => number) {
    const within = ([least, most]: Range) => Math.round(least + random() * (most - least));
    this.#listener = listener;
    this.#left = within(CUT_AFTER_BYTES);
    this.#stallAfterMs = within(STALL_AFTER_MS);
    this.#stallMs = within(STALL_MS);
  }

  attach(inner: Transport): void {
    this.#inner = inner;
  }

  get writable(): number {
    return this.#ended || this.#withheld ? 0 : this.#inner.writable;
  }

  write(bytes: Uint8Array): void {
    if (this.#ended) return;
    const passed = bytes.subarray(0, this.#left);
    this.#left -= passed.length;
    this.#inner.write(passed);
    if (this.#left > 0) return;
    // Not from inside write().
    this.#ended = true;
    queueMicrotask(() => this.#cut());
  }

  close(closed?: () => void): void {
    this.#end();
    this.#inner.close(closed);
  }

  opened(): void {
    this.#timer = setTimeout(() => this.#stall(), this.#stallAfterMs);
    this.#listener.opened();
  }

  received(bytes: Uint8Array): void {
    if (this.#withheld) this.#withheld.push(Uint8Array.from(bytes));
    else if (!this.#ended) this.#listener.received(bytes);
  }

  writableAgain(): void {
    if (!this.#ended && !this.#withheld) this.#listener.writableAgain();
  }

  closed(reason?: string): void {
    if (this.#ended) return;
    this.#end();
    this.#listener.closed(reason);
  }

  #stall(): void {
    this.#withheld = [];
    this.#timer = setTimeout(() => this.#resume(), this.#stallMs);
  }

  #resume(): void {
    const withheld = this.#withheld ?? [];
    this.#withheld = undefined;
    for (const bytes of withheld) if (!this.#ended) this.#listener.received(bytes);
    if (!this.#ended) this.#listener.writableAgain();
  }

  #cut(): void {
    if (this.#timer === undefined) return; // closed meanwhile
    this.#end();
    this.#inner.close();
    this.#listener.closed("the link was cut");
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#withheld = undefined;
  }
}
