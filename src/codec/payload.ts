// From data to the bytes of a message, by any codec: what MQTT and HTTP have in common.

import { InvalidEventException } from "../errors.ts";
import type { Clock } from "../ports.ts";
import type { Codec } from "./codec.ts";
import { encodeUtf8 } from "./utf8.ts";

/** Largest payload the platform takes, bytes (protocol sheet 2.2). */
export const MAX_PAYLOAD_BYTES = 131072;

/** What the built-in codecs get that do not look at the time. */
const NO_TIME = undefined as unknown as Date;

/**
 * @param timed whether the codec looks at the time; see {@link wantsTime}
 * @throws InvalidEventException when the codec makes neither text nor bytes, or too many; and what the codec throws
 */
export function encodePayload(codec: Codec, data: unknown, timed: boolean, clock: Clock): Uint8Array {
  const encoded: unknown = codec.encode(data, timed ? new Date(clock.date()) : NO_TIME);
  if (typeof encoded !== "string" && !(encoded instanceof Uint8Array)) {
    throw new InvalidEventException("the codec made neither text nor bytes");
  }
  const payload = typeof encoded === "string" ? encodeUtf8(encoded) : encoded;
  if (payload.length <= MAX_PAYLOAD_BYTES) return payload;
  throw new InvalidEventException(`payload of ${payload.length} bytes, limit ${MAX_PAYLOAD_BYTES}`);
}
