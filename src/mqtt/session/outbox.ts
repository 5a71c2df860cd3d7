// Messages that wait to be sent, oldest first, as bytes in one buffer: a message that waits costs its bytes and nothing
// else. The buffer is allocated when the first message waits and then kept. Bounds: `queuedMessages` messages, and
// `queuedBytes` for what waits (records, see below) together with what is in flight (topics and payloads). One message may
// exceed `queuedBytes` when nothing else waits or is in flight, and one more while a large one of QoS 0 is being sent; they
// are kept outside the buffer.

import type { Message, PublishCallback } from "./message.ts";
import { fewerFree, NO_ID_IN_USE, type PacketIdHolder } from "./packet-ids.ts";
import { NOT_IN_FLIGHT } from "./publish-states.ts";

export interface OutboxLimits {
  /** Most messages that wait. */
  queuedMessages: number;
  /** Most bytes that wait or are in flight. */
  queuedBytes: number;
  /** When the outbox is full. false: refuse the new message. true: drop the oldest of QoS 0, if that makes room. */
  dropOldest: boolean;
}

// A record: flags (4 bits: QoS, RETAIN, HAS_CALLBACK) and length of the payload (28 bits), length of the topic (2 bytes), at QoS 1
// and 2 the packet identifier (2 bytes), topic, payload. Numbers are big-endian.

const QOS = 3;
const RETAIN = 4;
/** The message has a callback. */
const HAS_CALLBACK = 8;

/** The smallest message of QoS 1: a topic of one character, no payload. */
export const LEAST_RECORD_BYTES = 9;

/** Bytes that a message takes while it waits. */
export function recordBytes(topic: Uint8Array, payload: Uint8Array, qos: number): number {
  return (qos ? 8 : 6) + topic.length + payload.length;
}

export class Outbox implements PacketIdHolder {
  count = 0;
  private readonly limits: OutboxLimits;
  // Records from `start` to `end`. Both are undefined until the first record: then `at < end` is false.
  private buffer: Uint8Array | undefined;
  private start!: number;
  private end!: number;
  // Messages before all records, linked: they were put back, or are too large for the buffer.
  private front: Message | undefined;
  // Callbacks of the records that have one, in order.
  private callbacks: PublishCallback[] | undefined;

  constructor(limits: OutboxLimits) {
    this.limits = limits;
  }

  /** Bytes that wait. */
  get bytes(): number {
    let bytes = this.buffer ? this.end - this.start : 0;
    for (let one = this.front; one; one = one.next) bytes += recordBytes(one.topic, one.payload, one.qos);
    return bytes;
  }

  /** QoS of the first message. */
  get firstQos(): number {
    return this.front ? this.front.qos : this.qos(this.start);
  }

  /**
   * True if a message of {@link recordBytes} `size` may be added beside what waits and `inflightBytes` in flight.
   * @param ignoreCount `queuedMessages` does not apply
   */
  fits(size: number, inflightBytes: number, ignoreCount: boolean): boolean {
    const { count, limits } = this;
    const bytes = count ? this.bytes + inflightBytes : inflightBytes;
    return (ignoreCount || count < limits.queuedMessages) && (bytes === 0 || bytes + size <= limits.queuedBytes);
  }

  /** True if `size` more bytes may be in flight beside `inflightBytes` while nothing waits. */
  allowsInflight(inflightBytes: number, size: number): boolean {
    return inflightBytes === 0 || inflightBytes + size <= this.limits.queuedBytes;
  }

  /** Adds a message behind the others. It is copied, unless it is too large for the buffer; see {@link fits}. */
  push(
    topic: Uint8Array,
    payload: Uint8Array,
    qos: 0 | 1 | 2,
    retain: boolean,
    id: number,
    done: PublishCallback | undefined,
  ): void {
    const size = recordBytes(topic, payload, qos);
    if (this.count === 0 && size > this.limits.queuedBytes) {
      return this.putBack({ topic, payload, qos, retain, id, state: NOT_IN_FLIGHT, done, next: undefined });
    }
    const buffer = this.reserve(size);
    const at = this.end;
    const flags = qos | (retain ? RETAIN : 0) | (done ? HAS_CALLBACK : 0);
    this.setUint16(at, (flags << 12) | (payload.length >> 16));
    this.setUint16(at + 2, payload.length);
    this.setUint16(at + 4, topic.length);
    if (qos) this.setUint16(at + 6, id);
    this.end += size;
    buffer.set(topic, this.payloadOffset(at) - topic.length);
    buffer.set(payload, this.payloadOffset(at));
    this.count++;
    if (!done) return;
    if (!this.callbacks) this.callbacks = [];
    this.callbacks.push(done);
  }

  /** Puts a message before the others: one that {@link shift} has returned and that could not be sent. */
  putBack(message: Message): void {
    message.next = this.front;
    this.front = message;
    this.count++;
  }

  /** Removes the first message. Call it only when there is one. */
  shift(): Message {
    const { front } = this;
    this.count--;
    if (!front) {
      const at = this.start;
      const message = this.read(at);
      this.start = this.nextOffset(at);
      // An empty buffer begins at its start again, so that a chain of events never moves bytes.
      if (this.start === this.end) this.start = this.end = 0;
      return message;
    }
    this.front = front.next;
    front.next = undefined;
    return front;
  }

  /** True if {@link makeRoom} is allowed and would make enough room for `size` bytes. */
  canMakeRoom(size: number, inflightBytes: number): boolean {
    const { dropOldest, queuedMessages, queuedBytes } = this.limits;
    if (!dropOldest) return false;
    let count = 0;
    let bytes = inflightBytes;
    for (let one = this.front; one; one = one.next) {
      if (!one.qos) continue;
      count++;
      bytes += recordBytes(one.topic, one.payload, one.qos);
    }
    for (let at = this.start; at < this.end; at = this.nextOffset(at)) {
      if (!this.qos(at)) continue;
      count++;
      bytes += this.nextOffset(at) - at;
    }
    return count < queuedMessages && (bytes === 0 || bytes + size <= queuedBytes);
  }

  /**
   * Removes the oldest messages of QoS 0 until one of `size` bytes fits, and returns their callbacks. See
   * {@link canMakeRoom}.
   */
  makeRoom(size: number, inflightBytes: number): (PublishCallback | undefined)[] {
    const dropped: (PublishCallback | undefined)[] = [];
    const full = () => !this.fits(size, inflightBytes, false);
    // A message of QoS 0 in front is always the first: a part of it was sent, or it found no room.
    while (this.front?.qos === 0 && full()) dropped.push(this.shift().done);
    let at = this.start;
    let callback = 0;
    while (at < this.end && full()) {
      const next = this.nextOffset(at);
      const flags = this.flags(at);
      if (flags & QOS) {
        if (flags & HAS_CALLBACK) callback++;
        at = next;
      } else {
        dropped.push(this.takeCallback(flags, callback));
        this.buffer!.subarray(at).copyWithin(0, next - at, this.end - at);
        this.end -= next - at;
        this.count--;
      }
    }
    return dropped;
  }

  freeIdsAfter(last: number): number {
    let free = NO_ID_IN_USE;
    for (let message = this.front; message; message = message.next) free = fewerFree(message.id, last, free);
    for (let at = this.start; at < this.end; at = this.nextOffset(at)) free = fewerFree(this.id(at), last, free);
    return free;
  }

  private uint16(at: number): number {
    return (this.buffer![at]! << 8) | this.buffer![at + 1]!;
  }

  private setUint16(at: number, value: number): void {
    this.buffer![at] = value >> 8;
    this.buffer![at + 1] = value;
  }

  private flags(at: number): number {
    return this.buffer![at]! >> 4;
  }

  private qos(at: number): 0 | 1 | 2 {
    return (this.flags(at) & QOS) as 0 | 1 | 2;
  }

  private id(at: number): number {
    return this.qos(at) ? this.uint16(at + 6) : 0;
  }

  /** Where the payload of the record at `at` begins. */
  private payloadOffset(at: number): number {
    return at + (this.qos(at) ? 8 : 6) + this.uint16(at + 4);
  }

  /** Where the record after the one at `at` begins. */
  private nextOffset(at: number): number {
    return this.payloadOffset(at) + (((this.uint16(at) & 4095) << 16) | this.uint16(at + 2));
  }

  // Removes callback number `n`, of a record with `flags`.
  private takeCallback(flags: number, n: number): PublishCallback | undefined {
    if (!(flags & HAS_CALLBACK)) return undefined;
    const callbacks = this.callbacks!;
    const callback = callbacks[n];
    if (n === 0) callbacks.shift();
    else this.callbacks = callbacks.filter((_, index) => index !== n);
    return callback;
  }

  // The first record as a message. Copies, because the buffer is used again. Not with slice(): Espruino makes an Array.
  private read(at: number): Message {
    const flags = this.flags(at);
    const payload = this.payloadOffset(at);
    return {
      topic: new Uint8Array(this.buffer!.subarray(payload - this.uint16(at + 4), payload)),
      payload: new Uint8Array(this.buffer!.subarray(payload, this.nextOffset(at))),
      qos: this.qos(at),
      retain: (flags & RETAIN) > 0,
      id: this.id(at),
      state: NOT_IN_FLIGHT,
      done: this.takeCallback(flags, 0),
      next: undefined,
    };
  }

  // The buffer, with room for `size` bytes at `end`. What a store held may need more than `queuedBytes`.
  private reserve(size: number): Uint8Array {
    const { buffer, start, end } = this;
    if (buffer && end + size <= buffer.length) return buffer;
    const waiting = buffer ? end - start : 0;
    this.start = 0;
    this.end = waiting;
    if (buffer && waiting + size <= buffer.length) {
      buffer.copyWithin(0, start, end);
      return buffer;
    }
    const larger = new Uint8Array(Math.max(this.limits.queuedBytes, waiting + size));
    if (buffer) larger.set(buffer.subarray(start, end));
    this.buffer = larger;
    return larger;
  }
}
