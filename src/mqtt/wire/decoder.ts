// Bytes in, packets out. mqtt-packet parses every packet; this file cuts the byte stream into frames for it.
//
// It bounds memory: at most one unfinished frame is kept, never more than `frameBytes`, and nothing between frames. A
// frame that arrives as a whole is parsed in place, without a copy. Of a PUBLISH larger than `frameBytes`
// only the head (fixed header, topic, packet identifier) is parsed; its payload is skipped as it streams by.
//
// It also checks what mqtt-packet does not: remaining lengths, packet identifiers, DUP at QoS 0, and topic names.

import { type Packet, parser } from "#mqtt-packet";
import { frozen } from "../../frozen.ts";

export type { Packet } from "#mqtt-packet";

export interface DecoderListener {
  /**
   * One packet. It and its payload are valid until this returns. `oversize` > 0: a PUBLISH larger than `frameBytes`,
   * whose payload was skipped; the value is the size of the whole packet in bytes, and the payload is empty.
   */
  packet(packet: Packet): void;
  /** The server violated MQTT 3.1.1 or exceeded `frameBytes`. Nothing more is passed on until reset(). */
  protocolError(reason: string): void;
}

/** No length is equal to it: a server never sends that packet type. */
const NEVER = Number.POSITIVE_INFINITY;
/** Remaining length by packet type, in bytes [MQTT 3.1.1, chapter 3]. -1: it varies, and is at least 3. */
const LENGTHS = frozen(NEVER, NEVER, 2, -1, 2, 2, 2, 2, NEVER, -1, NEVER, 2, NEVER, 0, NEVER, NEVER);
const PUBLISH = 3;
/** Byte 1 and at most 4 bytes of remaining length. */
const FIXED_HEADER_BYTES = 5;

// States: what the next byte belongs to.
const FRAME_START = 0;
/** The unfinished frame, or the head of an oversize PUBLISH. */
const PARTIAL = 1;
/** The payload of an oversize PUBLISH. */
const OVERSIZE = 2;
/** Nothing, until reset(): the connection has ended, or protocolError() was called. */
const STOPPED = 3;

export class Decoder {
  private readonly listener: DecoderListener;
  private readonly frameBytes: number;
  private readonly parser = parser({ protocolVersion: 4 });
  // The topic that was checked last: a server sends the same few again and again.
  private lastValidTopic: string | undefined;
  // The unfinished frame, or the head of an oversize PUBLISH; its first `filled` bytes are there. `frameSize`: bytes of the
  // whole packet, 0 until its fixed header is complete. These fields are absent until a frame arrives in pieces.
  private partial: Uint8Array | undefined;
  private filled!: number;
  private frameSize!: number;
  // The oversize PUBLISH whose payload is being skipped; `payloadLeft` bytes of it are still to come.
  private oversize: Packet | undefined;
  private payloadLeft!: number;
  private state: 0 | 1 | 2 | 3 = FRAME_START;

  /** @param frameBytes largest frame to buffer, fixed header included, in bytes; at least 16. */
  constructor(listener: DecoderListener, frameBytes: number) {
    this.listener = listener;
    this.frameBytes = frameBytes;
  }

  /** Discards the unfinished frame and all further bytes. Used when the connection ends, also during push(). */
  stop(): void {
    this.reset();
    this.state = STOPPED;
  }

  /** The next byte starts a frame. Used when a connection begins. */
  reset(): void {
    this.state = FRAME_START;
    if (this.partial) this.partial = undefined;
    if (this.oversize) this.oversize = undefined;
  }

  /** Takes the next bytes of the stream, split anywhere. Copies only the bytes of an unfinished frame. */
  push(bytes: Uint8Array): void {
    const end = bytes.length;
    let at = 0;
    while (at < end && this.state !== STOPPED) {
      if (this.state === FRAME_START) at = this.begin(bytes, at, end);
      else if (this.state === OVERSIZE) at = this.skipPayload(this.oversize!, at, end);
      else {
        at = this.resume(this.partial!, bytes, at, end);
        if (this.state === PARTIAL && this.filled === this.frameSize) this.deliver(this.parse(this.takePartial()));
      }
    }
  }

  // A frame begins at `at`. This handles the common case: the frame is short and all of it is there.
  private begin(bytes: Uint8Array, at: number, end: number): number {
    const length = bytes[at + 1]!; // undefined at the end; then the comparisons are false
    const size = length + 2;
    const frameEnd = at + size;
    const expected = LENGTHS[bytes[at]! >> 4]!;
    const allowed = expected < 0 ? length > 2 : length === expected;
    if (!(allowed && length < 128 && frameEnd <= end && size <= this.frameBytes)) {
      return this.header(bytes, at, fixedHeaderBytes(bytes, at, end), end);
    }
    const packet = this.parse(size === end ? bytes : bytes.subarray(at, frameEnd));
    if (packet) this.listener.packet(packet); // as deliver(), without a call
    return frameEnd;
  }

  // Handles every frame that begin() does not: checks the length, then delivers the frame, buffers it, or reports an error.
  private header(bytes: Uint8Array, at: number, headerBytes: number, end: number): number {
    if (headerBytes === 0) return this.keep(bytes, at, end, 0, FIXED_HEADER_BYTES);
    if (headerBytes > FIXED_HEADER_BYTES) return this.protocolError("remaining length of more than four bytes");
    const type = bytes[at]! >> 4;
    let length = 0;
    for (let i = at + headerBytes - 1; i > at; i--) length = (length << 7) | (bytes[i]! & 127);
    const expected = LENGTHS[type]!;
    if (expected < 0 ? length < 3 : length !== expected) {
      return this.protocolError(
        LENGTHS[type] === NEVER ? `packet type ${type} from a server` : `length ${length} in packet type ${type}`,
      );
    }
    const size = headerBytes + length;
    if (size > this.frameBytes) {
      if (type !== PUBLISH) {
        return this.protocolError(`packet type ${type} of ${size} bytes, limit ${this.frameBytes}`);
      }
      // The two bytes of the topic length tell the size of the head.
      return this.keep(bytes, at, at + headerBytes, size, headerBytes + 2);
    }
    if (at + size > end) return this.keep(bytes, at, end, size, size);
    this.deliver(this.parse(bytes.subarray(at, at + size)));
    return at + size;
  }

  private keep(bytes: Uint8Array, at: number, end: number, frameSize: number, room: number): number {
    this.state = PARTIAL;
    this.partial = new Uint8Array(room);
    this.partial.set(bytes.subarray(at, end));
    this.filled = end - at;
    this.frameSize = frameSize;
    return end;
  }

  // A complete frame stays in `partial`: push() must not hold it in a local variable while the message is handled, so that
  // payloadJson() can free it.
  private resume(partial: Uint8Array, bytes: Uint8Array, at: number, end: number): number {
    const frameSize = this.frameSize;
    // The fixed header is read byte by byte, because only its own bytes tell its length.
    const taken = frameSize === 0 ? 1 : Math.min(end - at, partial.length - this.filled);
    partial.set(bytes.subarray(at, at + taken), this.filled);
    this.filled += taken;
    if (frameSize === 0) this.resumeHeader(partial, this.filled);
    else if (this.filled === partial.length && frameSize > partial.length) this.resumeHead(partial, frameSize);
    return at + taken;
  }

  private takePartial(): Uint8Array {
    const partial = this.partial!;
    this.partial = undefined;
    this.state = FRAME_START;
    return partial;
  }

  private resumeHeader(partial: Uint8Array, filled: number): void {
    const headerBytes = fixedHeaderBytes(partial, 0, filled);
    if (headerBytes === 0) return;
    this.takePartial();
    this.header(partial, 0, headerBytes, filled);
  }

  // Of an oversize PUBLISH first the topic length is read, then topic and packet identifier, in a larger array.
  private resumeHead(partial: Uint8Array, frameSize: number): void {
    const body = fixedHeaderBytes(partial, 0, partial.length);
    const topicLength = (partial[body]! << 8) | partial[body + 1]!;
    const headSize = body + 2 + topicLength + (partial[0]! & 6 ? 2 : 0);
    if (headSize > this.frameBytes) {
      this.protocolError(`topic of ${topicLength} bytes, limit ${this.frameBytes}`);
    } else if (partial.length < headSize) this.keep(partial, 0, partial.length, frameSize, headSize);
    else {
      this.partial = undefined;
      this.state = OVERSIZE; // before parse(), which may stop the decoder
      this.oversize = this.parse(partial);
      this.payloadLeft = frameSize - headSize; // more than 0, because headSize <= frameBytes < frameSize
    }
  }

  // Delivers the packet after its last byte, because an acknowledgement means that all bytes have arrived.
  private skipPayload(packet: Packet, at: number, end: number): number {
    const taken = Math.min(end - at, this.payloadLeft);
    this.payloadLeft -= taken;
    if (this.payloadLeft === 0) {
      this.oversize = undefined;
      this.state = FRAME_START;
      packet.oversize = this.frameSize;
      this.listener.packet(packet);
    }
    return at + taken;
  }

  private deliver(packet: Packet | undefined): void {
    if (packet) this.listener.packet(packet);
  }

  // `frame`: whole, or the head of an oversize PUBLISH.
  private parse(frame: Uint8Array): Packet | undefined {
    const packet = this.parser.parse(frame);
    if (!packet) return this.invalid(this.parser.error!.message);
    // mqtt-packet says -1 where the packet ends before its identifier [MQTT-2.3.1-1].
    if (packet.messageId! < 1) {
      return this.invalid(`${packet.cmd} without a packet identifier above 0`);
    }
    const topic = packet.topic;
    if (topic !== null) {
      if (packet.dup && packet.qos === 0) return this.invalid("DUP in a PUBLISH at QoS 0"); // [MQTT-3.3.1-2]
      if (topic !== this.lastValidTopic) {
        const fault = receivedTopicFault(topic);
        if (fault) return this.invalid(fault);
        this.lastValidTopic = topic;
      }
    }
    return packet;
  }

  private invalid(reason: string): undefined {
    this.protocolError(reason);
  }

  private protocolError(reason: string): number {
    this.stop();
    this.listener.protocolError(reason);
    return 0; // push() ends
  }
}

/** Length of the fixed header at `at`; 0 if it does not end before `end`; above 5 if it is longer than allowed. */
function fixedHeaderBytes(bytes: Uint8Array, at: number, end: number): number {
  let next = at + 1;
  while (next < end && bytes[next]! > 127) next++;
  return next < end || next - at >= FIXED_HEADER_BYTES ? next + 1 - at : 0;
}

// What mqtt-packet accepts and the standard does not; "" if the topic name is right.
function receivedTopicFault(topic: string): string {
  if (topic === "") return "PUBLISH with an empty topic"; // [MQTT-4.7.3-1]
  // [MQTT-1.5.3-2], [MQTT-3.3.2-2]
  const fits = topic.indexOf("\0") < 0 && topic.indexOf("+") < 0 && topic.indexOf("#") < 0;
  return fits ? "" : "PUBLISH to a topic with a wildcard or U+0000";
}
