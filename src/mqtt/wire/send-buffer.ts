// The transmit buffer: mqtt-packet writes packets into it, the transport takes bytes out of it. Its size is fixed.

import type { PacketStream } from "#mqtt-packet";
import type { Transport } from "../../ports.ts";

/**
 * Whole packets, in order. Streaming: a PUBLISH whose payload does not fit leaves its payload with the caller, and the
 * transport gets it from the caller's bytes, in pieces. Corked: packets collect, and leave in one write.
 */
export class SendBuffer implements PacketStream {
  /** In bytes. */
  readonly size: number;
  private readonly bytes: Uint8Array;
  /** Of the connection; undefined without one. It takes nothing before it is open. */
  transport: Transport | undefined;
  // While `streaming`: the payload outside the buffer follows the first `bytesBeforePayload` bytes in it; `payloadSent`
  // bytes of the payload are sent.
  private payload: Uint8Array | undefined;
  private payloadSent!: number;
  private bytesBeforePayload!: number;
  /** Bytes in the buffer. While a packet is being written this may exceed `size`. */
  used = 0;
  /** While true, packets stay in the buffer: one write for all acknowledgements of what was received at once. */
  corked = false;
  /** True while a payload is being sent from the caller's bytes, which must not change. */
  streaming = false;
  /** Bytes were handed to the transport in this half of the keep-alive. */
  sentInHalf = false;

  /** @param bytes size, at least 128: the largest packet without its payload must fit. */
  constructor(bytes: number) {
    this.size = bytes;
    this.bytes = new Uint8Array(bytes);
  }

  /** True while bytes wait for the transport. */
  get pending(): boolean {
    return this.used > 0 || this.streaming;
  }

  /** Bytes that the transport would take now; 0 while others wait. Only with a transport. */
  get room(): number {
    return this.pending ? 0 : this.transport!.writable;
  }

  /** Begins or, with undefined, ends a connection. Bytes of the last connection are discarded. */
  attach(transport: Transport | undefined): void {
    this.transport = transport;
    this.used = 0;
    if (this.streaming) this.endPayload();
    this.corked = false;
  }

  /** Hands the transport as many bytes as it takes now. */
  flush(): void {
    const used = this.used;
    if (used === 0 && !this.streaming) return;
    const transport = this.transport;
    if (!transport) return;
    let writable = transport.writable;
    // The common case: whole packets, and room for all of them.
    if (!this.streaming && used <= writable) {
      this.used = 0;
      this.sentInHalf = true;
      transport.write(this.bytes.subarray(0, used));
      return;
    }
    while (writable > 0 && this.pending) {
      const count = this.streaming ? this.bytesBeforePayload : this.used;
      if (count > 0) this.flushBytes(transport, Math.min(count, writable));
      else this.flushPayload(transport, this.payload!, writable);
      writable = transport.writable;
    }
  }

  private flushBytes(transport: Transport, count: number): void {
    transport.write(this.bytes.subarray(0, count));
    this.sentInHalf = true;
    this.bytes.copyWithin(0, count, this.used);
    this.used -= count;
    if (this.streaming) this.bytesBeforePayload -= count;
  }

  private flushPayload(transport: Transport, payload: Uint8Array, room: number): void {
    const start = this.payloadSent;
    const end = Math.min(payload.length, start + room);
    transport.write(payload.subarray(start, end));
    this.sentInHalf = true;
    this.payloadSent = end;
    if (end === payload.length) this.endPayload();
  }

  private endPayload(): void {
    this.streaming = false;
    this.payload = undefined;
  }

  /**
   * The packet written from `start` on does not fit: leaves its payload, written last, with the caller. Without payload,
   * or if the rest reaches beyond `limit` too, removes the packet and returns false.
   */
  leavePayload(start: number, limit: number, payload: Uint8Array | undefined): boolean {
    const rest = payload ? this.used - payload.length : this.used;
    this.used = start;
    if (rest > limit) return false;
    this.used = rest;
    this.streaming = payload !== undefined;
    this.payload = payload;
    this.payloadSent = 0;
    this.bytesBeforePayload = rest;
    return true;
  }

  // Called by mqtt-packet. Bytes beyond the end of the buffer are dropped but counted in `used`: see Encoder.keepIfItFits().

  /** @internal */
  write(bytes: Uint8Array): boolean {
    const start = this.used;
    const end = start + bytes.length;
    if (end <= this.size) this.bytes.set(bytes, start);
    this.used = end;
    return true;
  }

  /** @internal */
  writeByte(value: number): void {
    this.bytes[this.used++] = value;
  }

  /** @internal */
  writeUInt16(value: number): void {
    const start = this.used;
    const bytes = this.bytes;
    bytes[start] = value >> 8;
    bytes[start + 1] = value;
    this.used = start + 2;
  }
}
