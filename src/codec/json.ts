// Format "json": the JSON text of the data, no envelope, any JSON type (protocol sheet 4).

import type { Codec } from "./codec.ts";
import { type Encoded, jsonText, payloadJson } from "./text.ts";

export const jsonCodec: Codec = Object.freeze({
  encode: jsonText,

  decode(message: Encoded): { data: unknown } {
    return { data: payloadJson(message) };
  },
});
