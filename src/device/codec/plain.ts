// Formats "utf8" and "raw": the payload is the text or the bytes, without an envelope (docs/protocol.md 4).

import { InvalidEventException } from "../../errors.ts";
import type { Codec } from "./codec.ts";
import { type Encoded, payloadText } from "./text.ts";

/** Strings. Half of a surrogate pair, which UTF-8 cannot represent, is sent as U+FFFD. */
export const utf8Codec: Codec = Object.freeze({
  encode(data: unknown): string {
    if (typeof data === "string") return data;
    throw new InvalidEventException("Unable to encode data, it is not a string");
  },

  decode(message: Encoded): { data: string } {
    return { data: payloadText(message, "Unable to decode event to UTF-8 string.") };
  },
});

/** Uint8Array. Sent without copying; a received one is a copy that the application may keep. */
export const rawCodec: Codec = Object.freeze({
  encode(data: unknown): Uint8Array {
    if (data instanceof Uint8Array) return data;
    throw new InvalidEventException("Unable to encode data, it is not a Uint8Array");
  },

  decode(message: Encoded): { data: Uint8Array } {
    // Not slice(): on a Node Buffer it does not copy.
    return { data: new Uint8Array(message.payload) };
  },
});
