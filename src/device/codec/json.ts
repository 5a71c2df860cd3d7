// Format "json": the JSON text of the data, of any JSON type, without an envelope (docs/protocol.md 4).

import type { Codec } from "./codec.ts";
import { type Encoded, jsonText, payloadJson } from "./text.ts";

export const jsonCodec: Codec = Object.freeze({
  encode: jsonText,

  decode(message: Encoded): { data: unknown } {
    return { data: payloadJson(message) };
  },
});
