// Replaces src/utf8.ts. A character of an Espruino string is one byte. Espruino's own functions convert strings and arrays
// many times faster than a script. Text is Latin-1: characters above U+00FF arrive as "?".

import { decodeUtf8 as decodeInScript, encodeUtf8 as encodeInScript, NO_BYTES, utf8Length } from "../../src/utf8.ts";

export { NO_BYTES, utf8Length };

const BEYOND_ASCII = /[\x80-\xff]/;

export function encodeUtf8(text: string): Uint8Array {
  return BEYOND_ASCII.test(text) ? encodeInScript(text) : E.toUint8Array(text);
}

/** Throws an Error if `bytes` from `from` to `to` are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, from = 0, to: number = bytes.length): string {
  const raw = E.toString(bytes.subarray(from, to));
  if (!BEYOND_ASCII.test(raw)) return raw;
  decodeInScript(bytes, from, to); // throws if they are not UTF-8; decodeUTF8 does not
  return E.decodeUTF8(raw, undefined, "?");
}
