// Inside XS: src/utf8.ts for the host. Strings and bytes are exchanged as lists of numbers, so that no conversion on the
// way repairs them.

import { decodeUtf8, encodeUtf8, utf8Length } from "../../../src/utf8.ts";

declare const host: { register(name: string, run: (argument: never) => unknown): void };

host.register("encode", (texts: number[][]) =>
  texts.map(units => {
    const text = units.map(unit => String.fromCharCode(unit)).join("");
    return { bytes: Array.from(encodeUtf8(text)), length: utf8Length(text) };
  }),
);

host.register("decode", (all: number[][]) =>
  all.map(bytes => {
    try {
      const text = decodeUtf8(Uint8Array.from(bytes));
      return Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
    } catch {
      return "refused";
    }
  }),
);

/** Encodes and decodes all of Unicode. Returns the first code point that changes, or -1. */
host.register("roundTrip", () => {
  for (let code = 0; code < 0x110000; code++) {
    if (code === 0xd800) code = 0xe000;
    const text = `a${String.fromCodePoint(code)}z`;
    if (decodeUtf8(encodeUtf8(text)) !== text) return code;
  }
  return -1;
});
