// Packets to bytes: mqtt-packet generates every packet, into the SendBuffer.

import { writeAcknowledgement, writePublish, writeToStream } from "#mqtt-packet";
import type { SendBuffer } from "./send-buffer.ts";

/** Packet types with a packet identifier and nothing else. */
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

/** Bytes that PUBLISH may not use: room for 16 acknowledgements while PUBLISH packets wait. */
const RESERVED_BYTES = 64;
/** Fixed header of up to five bytes, topic length, packet identifier. */
const PUBLISH_OVERHEAD = 9;

/**
 * Each method that writes a packet returns false, with nothing written, when there is no room now. SendBuffer.flush()
 * makes room as the transport takes bytes.
 */
export class Encoder {
  readonly buffer: SendBuffer;

  constructor(buffer: SendBuffer) {
    this.buffer = buffer;
  }

  /** The longest topic, in bytes, that the buffer can carry; never above 65535 [MQTT-4.7.3-3]. */
  get topicLimit(): number {
    return Math.min(this.buffer.size - RESERVED_BYTES - PUBLISH_OVERHEAD, 65535);
  }

  connect(packet: ConnectPacket): boolean {
    return this.control(Object.assign({ cmd: "connect" }, packet));
  }

  /**
   * A payload that fits is copied; a larger one is read from the caller's bytes until SendBuffer.streaming is false
   * again, and must not change before that.
   */
  publish(topic: Uint8Array, payload: Uint8Array, qos: 0 | 1 | 2, retain: boolean, dup: boolean, id: number): boolean {
    const { buffer } = this;
    if (buffer.streaming) return false;
    const start = buffer.used;
    writePublish(buffer, topic, payload, qos, retain, dup, id);
    const written = this.keepIfItFits(start, buffer.size - RESERVED_BYTES, payload);
    return written ?? this.publish(topic, payload, qos, retain, dup, id);
  }

  ack(type: AckType, id: number): boolean {
    const { buffer } = this;
    const start = buffer.used;
    writeAcknowledgement(buffer, type, id);
    return this.keepIfItFits(start, buffer.size, undefined) ?? this.ack(type, id);
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

  private control(packet: object): boolean {
    const { buffer } = this;
    const start = buffer.used;
    writeToStream(packet, buffer);
    return this.keepIfItFits(start, buffer.size, undefined) ?? this.control(packet);
  }

  // Keeps the packet that begins at `start` if it fits into `limit` bytes; a payload that does not fit stays with the
  // caller. Otherwise removes the packet. Returns true: kept; false: no room; undefined: flush() has made room, write again.
  private keepIfItFits(start: number, limit: number, payload: Uint8Array | undefined): boolean | undefined {
    const { buffer } = this;
    if (buffer.used > limit && !buffer.leavePayload(start, limit, payload)) {
      if (start === 0 || !buffer.corked) return false;
      buffer.flush();
      return buffer.used < start ? undefined : false;
    }
    if (!buffer.corked) buffer.flush();
    return true;
  }
}
