// Data to the bytes of a payload, for MQTT and HTTP.

import { InvalidEventException } from "../../errors.ts";
import type { Clock } from "../../ports.ts";
import { encodeUtf8 } from "../../utf8.ts";
import type { Codec } from "./codec.ts";

/** Largest payload that the platform accepts, bytes. */
export const MAX_PAYLOAD_BYTES = 131072;

/** Passed to the built-in codecs that ignore the time, so that no Date is made for them. */
const NO_TIME = undefined as unknown as Date;

/**
 * @param timed true if the codec uses the time; see {@link wantsTime}
 * @throws InvalidEventException if the codec returns neither text nor bytes, or more than {@link MAX_PAYLOAD_BYTES}; and what
 * the codec throws
 */
export function encodePayload(codec: Codec, data: unknown, timed: boolean, clock: Clock): Uint8Array {
  const encoded: unknown = codec.encode(data, timed ? new Date(clock.date()) : NO_TIME);
  let payload: Uint8Array;
  if (typeof encoded === "string") payload = encodeUtf8(encoded);
  else if (encoded instanceof Uint8Array) payload = encoded;
  else throw new InvalidEventException("the codec made neither text nor bytes");
  if (payload.length <= MAX_PAYLOAD_BYTES) return payload;
  throw new InvalidEventException(`payload of ${payload.length} bytes, limit ${MAX_PAYLOAD_BYTES}`);
}
