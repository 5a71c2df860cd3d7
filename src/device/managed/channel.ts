// What the parts of device management share: sending JSON, telling the end of a request, and measuring time.

import { InvalidEventException, type IotfError } from "../../errors.ts";
import type { Connection } from "../../mqtt/connection.ts";
import type { PublishCallback } from "../../mqtt/session/message.ts";
import { encodeUtf8 } from "../../utf8.ts";
import { MAX_PAYLOAD_BYTES } from "../codec/payload.ts";
import { jsonText } from "../codec/text.ts";
import type { RequestCallback } from "./types.ts";

/** When something that found no room in the outbox is tried again, milliseconds. */
export const OUTBOX_RETRY_MS = 1000;

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

/** Tells `done` how a request ended; without `done`, errorCallback hears of an error. */
export function tellEnd({ callbacks }: Connection, done: RequestCallback | undefined, error?: IotfError): void {
  if (done) callbacks.invoke(done, error, undefined);
  else if (error) callbacks.error(error);
}

/** Something that is due `ms` milliseconds after `since`; times are those of Clock.now(). */
export interface Deadline {
  since: number;
  ms: number;
}

/** Milliseconds until then, 0 or less when it is due; undefined if there is no deadline. */
export function msLeft(now: number, deadline: Deadline | undefined): number | undefined {
  return deadline && deadline.ms - ((now - deadline.since) >>> 0);
}

export function isDue(now: number, deadline: Deadline | undefined): boolean {
  return deadline !== undefined && msLeft(now, deadline)! <= 0;
}

/** The earlier of two; undefined is never. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined || a < b ? a : b;
}
