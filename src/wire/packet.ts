// Frames to packets and packets to bytes: the sole importer of mqtt-packet.
//
// What a device sends and gets all day, a PUBLISH that fits and an acknowledgement, is written and read here in a few
// lines, a third of the instructions of mqtt-packet; the rest by mqtt-packet. The bytes are the same
// (host-test/mqtt-packet/equality.test.ts).
//
// PacketReader is given one whole, checked frame at a time (frame.ts). PacketWriter owns the transmit buffer, whose size
// the caller chose: mqtt-packet writes into it, the transport is handed all of it in one write where it has room.

import { Buffer } from "buffer";
import { type Packet, type PacketStream, parser, writeToStream } from "mqtt-packet";
import type { Transport } from "../ports.ts";
import { wholeFrame } from "./whole-frame.ts";

export type { Packet } from "mqtt-packet";

/** Packet types with a packet id and nothing else. */
export type AckType = "puback" | "pubrec" | "pubrel" | "pubcomp";

export interface ConnectPacket {
  clientId: string;
  clean: boolean;
  /** Seconds. */
  keepalive: number;
  username?: string;
  password?: string;
  will?: { topic: string; payload: Uint8Array | string; qos: 0 | 1 | 2; retain: boolean };
}

export interface Subscription {
  topic: string;
  qos: 0 | 1 | 2;
}

/** A topic or filter as the writer takes it; made once and kept, so that a topic in use is not encoded again. */
export function encodeTopic(topic: string): Uint8Array {
  return Buffer.from(topic);
}

/** Turns one whole frame into a packet. Holds one topic, and nothing else, between frames. */
export class PacketReader {
  private goodTopic = "";

  /**
   * The packet in `frame`, or what is wrong with it as text. A payload is a view of the frame, valid as long as the
   * frame is.
   */
  read(frame: Uint8Array): Packet | string {
    const packet = wholeFrame(frame) || parse(frame);
    const topic = typeof packet === "string" ? "" : packet.topic;
    if (!topic || topic === this.goodTopic) return packet;
    // What mqtt-packet lets pass [MQTT-1.5.3-2], [MQTT-3.3.2-2]. A topic that comes again is not looked at again.
    if (topic.indexOf("\0") >= 0 || topic.indexOf("+") >= 0 || topic.indexOf("#") >= 0) {
      return "PUBLISH to a topic with a wildcard or U+0000";
    }
    this.goodTopic = topic;
    return packet;
  }
}

// By mqtt-packet, with a parser that goes when it is done.
function parse(frame: Uint8Array): Packet | string {
  let result: Packet | string = "frame without a packet";
  const once = parser({ protocolVersion: 4 });
  once.on("packet", packet => {
    result = packet;
  });
  once.on("error", error => {
    result = error.message; // for one, a topic that is not well-formed UTF-8 [MQTT-1.5.3-1]
  });
  once.parse(frame);
  return result;
}

/**
 * Room that only acknowledgements, PINGREQ and DISCONNECT may use, so that they leave while publishes are jammed:
 * sixteen packets of four bytes.
 */
const CONTROL_BYTES = 64;
/** Fixed header of up to five bytes, topic length, packet id. */
const PUBLISH_OVERHEAD = 9;
/** First bytes of the packets that are a packet id and nothing else. */
const ACKS: Readonly<Record<AckType, number>> = Object.freeze({
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
});

/**
 * Packets in, bytes to the transport. Holds `bytes` octets, and while a payload that does not fit is sent, a reference
 * to it. Every method that writes a packet returns false, with nothing written, when there is no room now; `flush`
 * makes room as the transport takes bytes.
 */
export class PacketWriter implements PacketStream {
  /** @internal */
  readonly buffer: Uint8Array;
  private used = 0;
  // How far the packet being written may reach.
  private limit = 0;
  private readonly publishLimit: number;
  private transport: Transport | undefined;
  // The packet being written wanted to reach further.
  private overflow = false;
  // A payload too large for the buffer follows the first `bodyMark` bytes of it; `bodyAt` of it are sent.
  private body: Uint8Array | undefined;
  private bodyAt = 0;
  private bodyMark = 0;
  // While set, whole packets gather in the buffer: one write for all the acknowledgements a chunk of input calls for.
  private held = false;
  /** Bytes handed to transports so far; a stalled link shows as no change. */
  sent = 0;
  // The payload of the PUBLISH that mqtt-packet is writing.
  private payload: Uint8Array | undefined = undefined;

  /** @param bytes size of the transmit buffer, at least 128: the largest packet without its payload must fit. */
  constructor(bytes: number) {
    this.buffer = new Uint8Array(bytes);
    this.publishLimit = bytes - CONTROL_BYTES;
  }

  /** Begins a connection: what was in the buffer belonged to the last one. */
  attach(transport: Transport | undefined): void {
    this.transport = transport;
    this.used = 0;
    this.body = undefined;
    this.held = false;
  }

  /** True while bytes wait for the transport. */
  get pending(): boolean {
    return this.used > 0 || this.body !== undefined;
  }

  /** True while a payload is being sent from the caller's bytes. */
  get streaming(): boolean {
    return this.body !== undefined;
  }

  /** True between {@link hold} and {@link release}. */
  get holding(): boolean {
    return this.held;
  }

  /** The longest topic, in bytes, of a message that this buffer can carry; never above 65535 [MQTT-4.7.3-3]. */
  get topicLimit(): number {
    return Math.min(this.buffer.length - CONTROL_BYTES - PUBLISH_OVERHEAD, 65535);
  }

  connect(packet: ConnectPacket): boolean {
    return this.control({ cmd: "connect", protocolId: "MQTT", protocolVersion: 4, ...packet });
  }

  /**
   * A payload that fits is copied; a larger one is read from the caller's bytes until {@link streaming} is false again,
   * and must not change before that.
   */
  publish(topic: Uint8Array, payload: Uint8Array, qos: 0 | 1 | 2, retain: boolean, dup: boolean, id: number): boolean {
    if (this.body) return false;
    const topicLength = topic.length;
    let length = topicLength + payload.length + (qos > 0 ? 4 : 2);
    let at = this.used;
    if (at + length + 5 > this.publishLimit) return this.publishLong(topic, payload, qos, retain, dup, id);
    const buffer = this.buffer;
    buffer[at++] = 0x30 | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
    for (; length > 127; length >>= 7) buffer[at++] = length | 128;
    buffer[at++] = length;
    buffer[at++] = topicLength >> 8;
    buffer[at++] = topicLength;
    buffer.set(topic, at);
    at += topicLength;
    if (qos > 0) {
      buffer[at++] = id >> 8;
      buffer[at++] = id;
    }
    buffer.set(payload, at);
    this.used = at + payload.length;
    if (!this.held) this.flush();
    return true;
  }

  // One that does not fit, or hardly.
  private publishLong(
    topic: Uint8Array,
    payload: Uint8Array,
    qos: 0 | 1 | 2,
    retain: boolean,
    dup: boolean,
    messageId: number,
  ): boolean {
    this.payload = payload;
    const written = this.append({ cmd: "publish", topic, payload, qos, retain, dup, messageId }, this.publishLimit);
    this.payload = undefined; // not ours to keep
    return written;
  }

  ack(type: AckType, id: number): boolean {
    let at = this.used;
    if (at + 4 > this.buffer.length) {
      // If the room is taken by packets held back, they can be sent.
      if (!this.held) return false;
      this.flush();
      at = this.used;
      if (at + 4 > this.buffer.length) return false;
    }
    this.buffer[at++] = ACKS[type];
    this.buffer[at++] = 2;
    this.buffer[at++] = id >> 8;
    this.buffer[at++] = id;
    this.used = at;
    if (!this.held) this.flush();
    return true;
  }

  subscribe(id: number, subscriptions: readonly Subscription[]): boolean {
    return this.control({ cmd: "subscribe", messageId: id, subscriptions });
  }

  unsubscribe(id: number, topics: readonly string[]): boolean {
    return this.control({ cmd: "unsubscribe", messageId: id, unsubscriptions: topics });
  }

  ping(): boolean {
    return this.control({ cmd: "pingreq" });
  }

  disconnect(): boolean {
    return this.control({ cmd: "disconnect" });
  }

  /** Gathers packets until {@link release}. */
  hold(): void {
    this.held = true;
  }

  release(): void {
    this.held = false;
    this.flush();
  }

  /** Hands the transport what it takes now. */
  flush(): void {
    const transport = this.transport;
    const used = this.used;
    if (!transport) return;
    let room = transport.writable;
    // The usual case: whole packets, and room for all of them.
    if (!this.body && used <= room) {
      if (used === 0) return;
      this.used = 0;
      this.sent += used;
      transport.write(this.buffer.subarray(0, used));
      return;
    }
    while (room > 0 && this.pending) {
      const head = this.body ? this.bodyMark : this.used;
      if (head > 0) this.flushHead(transport, Math.min(head, room));
      else this.flushBody(transport, room);
      room = transport.writable;
    }
  }

  private flushHead(transport: Transport, count: number): void {
    transport.write(this.buffer.subarray(0, count));
    this.sent += count;
    if (count < this.used) this.buffer.copyWithin(0, count, this.used);
    this.used -= count;
    if (this.body) this.bodyMark -= count;
  }

  private flushBody(transport: Transport, room: number): void {
    const body = this.body!;
    const end = Math.min(body.length, this.bodyAt + room);
    transport.write(body.subarray(this.bodyAt, end));
    this.sent += end - this.bodyAt;
    this.bodyAt = end;
    if (end === body.length) this.body = undefined;
  }

  private control(packet: object): boolean {
    return this.append(packet, this.buffer.length);
  }

  // One packet, whole or not at all.
  private append(packet: object, limit: number): boolean {
    const start = this.used;
    this.limit = limit;
    this.overflow = false;
    writeToStream(packet, this);
    if (this.overflow) return this.again(packet, limit, start);
    if (!this.held) this.flush();
    return true;
  }

  // There was no room. If it is taken by packets held back, they can be sent.
  private again(packet: object, limit: number, start: number): boolean {
    this.used = start;
    if (start === 0 || !this.held) return false;
    this.flush();
    return this.used < start && this.append(packet, limit);
  }

  // From here on: what mqtt-packet calls.

  /** @internal */
  write(chunk: Uint8Array | string): boolean {
    const bytes = typeof chunk === "string" ? encodeTopic(chunk) : chunk;
    const end = this.used + bytes.length;
    if (end <= this.limit) {
      this.buffer.set(bytes, this.used);
      this.used = end;
    } else if (bytes === this.payload && !this.overflow) {
      this.body = bytes;
      this.bodyAt = 0;
      this.bodyMark = this.used;
    } else this.overflow = true;
    return true;
  }

  /** @internal */
  writeByte(value: number): void {
    if (this.used < this.limit) this.buffer[this.used++] = value;
    else this.overflow = true;
  }

  /** @internal */
  writeUInt16(value: number): void {
    if (this.used + 2 <= this.limit) {
      this.buffer[this.used++] = value >> 8;
      this.buffer[this.used++] = value;
    } else this.overflow = true;
  }

  /** @internal mqtt-packet refuses a packet this way; the packets made here are never wrong. */
  destroy(error: Error): void {
    throw error;
  }
}
