// In place of src/codec/utf8.ts: Espruino's strings are bytes, and its own functions turn them into arrays and back many
// times faster than a script does. Text is Latin-1 there: characters above U+00FF arrive as "?".

import { decodeUtf8 as decodeInScript, encodeUtf8 as encodeInScript, utf8Length } from "../../src/codec/utf8.ts";

export { utf8Length };

const BEYOND_ASCII = /[\x80-\xff]/;

export function encodeUtf8(text: string): Uint8Array {
  return BEYOND_ASCII.test(text) ? encodeInScript(text) : E.toUint8Array(text);
}

/** Throws an Error where `bytes`, or the part of them asked for, are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array, from = 0, to: number = bytes.length): string {
  const raw = E.toString(bytes.subarray(from, to));
  if (!BEYOND_ASCII.test(raw)) return raw;
  decodeInScript(bytes, from, to); // for what it throws
  return E.decodeUTF8(raw, undefined, "?");
}
