// Sends JSON on the topics of device management, and measures time for those who wait for an answer.

import { InvalidEventException } from "../../errors.ts";
import type { Connection } from "../../mqtt/connection.ts";
import type { PublishCallback } from "../../mqtt/session/message.ts";
import { encodeUtf8 } from "../../utf8.ts";
import { MAX_PAYLOAD_BYTES } from "../codec/payload.ts";
import { jsonText } from "../codec/text.ts";

/**
 * Sends `message` at QoS 1. Returns false when it is not accepted; `done` is not called then.
 * @throws InvalidEventException for more than 131,072 bytes; ConnectionException `not-connected` before the first connect()
 */
export function sendJson(connection: Connection, topic: string, message: object, done?: PublishCallback): boolean {
  const payload = encodeUtf8(jsonText(message));
  if (payload.length > MAX_PAYLOAD_BYTES) {
    throw new InvalidEventException(`${topic} of ${payload.length} bytes, limit ${MAX_PAYLOAD_BYTES}`);
  }
  return connection.publish(encodeUtf8(topic), payload, 1, false, done);
}

/** Milliseconds until `ms` have passed since `since`, 0 or less when they have; times are those of Clock.now(). */
export function msLeft(now: number, since: number, ms: number): number {
  return ms - ((now - since) >>> 0);
}
