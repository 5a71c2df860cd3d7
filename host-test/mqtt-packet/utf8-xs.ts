// Inside XS: src/codec/utf8.ts for the host. Strings and bytes go over as lists of numbers: nothing on the way may put
// them right.

import { decodeUtf8, encodeUtf8, utf8Length } from "../../src/codec/utf8.ts";

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

/** All of Unicode there and back; answers the first code point that does not come back. */
host.register("roundTrip", () => {
  for (let code = 0; code < 0x110000; code++) {
    if (code === 0xd800) code = 0xe000;
    const text = `a${String.fromCodePoint(code)}z`;
    if (decodeUtf8(encodeUtf8(text)) !== text) return code;
  }
  return -1;
});
