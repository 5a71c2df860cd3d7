// Conversion to UTF-8 and back gives the standard's result on every engine: all of Unicode, paired and unpaired surrogates,
// U+0000, byte order marks. Everything that is not UTF-8 is refused.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import * as onNode from "../../../src/utf8.ts";
import { withXs } from "./subjects.ts";
import { inRealm, onDevice, type Utf8 } from "./utf8-engines.ts";

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 0x7fffffff);
console.log(`seed ${seed}`);

const TEXTS = [
  "",
  "plain",
  "\0",
  "a\0b",
  "\ufeffmark",
  "ä\u07ff\u0800\uffff",
  "\ud7ff\ue000 하",
  "😀\u{10000}\u{10ffff}",
  "\ud83d",
  "\ude00",
  "a\ud83dz",
  "\ude00\ud83d",
  "\ud83d\ud83d\ude00\ude00",
  "ä\ud800",
];

const MALFORMED: Record<string, number[]> = {
  "a continuation byte alone": [0x80],
  "a continuation byte more": [0x61, 0xc3, 0xa4, 0xa4],
  "two bytes cut": [0xc3],
  "three bytes cut": [0xe2, 0x82],
  "four bytes cut": [0xf0, 0x9f, 0x98],
  "cut by ASCII": [0xe2, 0x82, 0x61],
  "no continuation behind ED": [0xed, 0x00, 0x80],
  "no continuation behind F4": [0xf4, 0x7f, 0x80, 0x80],
  "overlong NUL": [0xc0, 0x80],
  "overlong slash, two bytes": [0xc0, 0xaf],
  "overlong slash, three bytes": [0xe0, 0x80, 0xaf],
  "overlong slash, four bytes": [0xf0, 0x80, 0x80, 0xaf],
  "the last overlong ones": [0xc1, 0xbf],
  "the last overlong ones, three bytes": [0xe0, 0x9f, 0xbf],
  "the last overlong ones, four bytes": [0xf0, 0x8f, 0xbf, 0xbf],
  "a high surrogate": [0xed, 0xa0, 0x80],
  "a low surrogate": [0xed, 0xbf, 0xbf],
  "a pair of surrogates": [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
  "beyond U+10FFFF": [0xf4, 0x90, 0x80, 0x80],
  "far beyond": [0xf7, 0xbf, 0xbf, 0xbf],
  "five bytes": [0xf8, 0x88, 0x80, 0x80, 0x80],
  "six bytes": [0xfc, 0x84, 0x80, 0x80, 0x80, 0x80],
  FE: [0xfe, 0x80, 0x80, 0x80],
  FF: [0xff, 0x80, 0x80, 0x80],
};

const engines: Record<string, () => Promise<Utf8>> = {
  "Node's converters": async () => onNode,
  "a Moddable device's converters": onDevice,
  "no converters": () => inRealm({}),
};

const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map(unit => String.fromCharCode(unit)) }),
);
/** Random bytes, and bytes that are nearly UTF-8: mostly lead and continuation bytes. */
const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 12 }),
  fc
    .array(
      fc.constantFrom(0x00, 0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5),
    )
    .map(bytes => Uint8Array.from(bytes)),
);

for (const [name, start] of Object.entries(engines)) {
  describe(name, () => {
    test("all of Unicode, encoded and decoded", async () => {
      const utf8 = await start();
      for (let block = 0; block < 0x110000; block += 0x800) {
        if (block === 0xd800) continue;
        const text = String.fromCodePoint(...Array.from({ length: 0x800 }, (_, index) => block + index));
        const bytes = utf8.encodeUtf8(text);
        assert.ok(Buffer.from(text).equals(bytes), `block ${block.toString(16)}`);
        assert.equal(utf8.utf8Length(text), bytes.length);
        assert.ok(utf8.decodeUtf8(bytes) === text, `block ${block.toString(16)}`);
      }
    });

    test("every text as the standard's encoder", async () => {
      const utf8 = await start();
      const check = (text: string) => {
        assert.deepEqual([...utf8.encodeUtf8(text)], [...new TextEncoder().encode(text)]);
        assert.equal(utf8.utf8Length(text), Buffer.byteLength(text));
      };
      for (const text of TEXTS) check(text);
      fc.assert(fc.property(anyText, check), { seed, numRuns: 1000 });
    });

    test("every byte sequence as the standard's decoder", async () => {
      const utf8 = await start();
      const check = (bytes: Uint8Array) => assert.equal(decoded(utf8, bytes), decoded(standard, bytes));
      for (const bytes of Object.values(MALFORMED)) check(Uint8Array.from(bytes));
      for (const text of TEXTS) check(new TextEncoder().encode(text));
      fc.assert(fc.property(anyBytes, check), { seed, numRuns: 3000 });
    });

    for (const [what, bytes] of Object.entries(MALFORMED)) {
      test(`refuses ${what}`, async () => {
        const utf8 = await start();
        assert.throws(() => utf8.decodeUtf8(Uint8Array.from(bytes)), { message: /./ });
        assert.throws(() => utf8.decodeUtf8(Uint8Array.from([0x20, ...bytes, 0x20])));
      });
    }

    test("a part of a view, without the bytes beside it", async () => {
      const utf8 = await start();
      const view = Uint8Array.from([0xe2, 0x82, 0xac, 0x61, 0xc3, 0xa4, 0xff]).subarray(1);
      assert.equal(utf8.decodeUtf8(view, 2, 5), "aä");
      assert.equal(utf8.decodeUtf8(view, 2, 3), "a");
      assert.equal(utf8.decodeUtf8(view, 2, 2), "");
      assert.throws(() => utf8.decodeUtf8(view, 2, 4), "cut");
    });
  });
}

test("on a device, where a character beyond U+FFFF is one, not two", async () => {
  const utf8 = await inRealm({});
  const codes = [0x61, 0x1f600, 0x10ffff, 0xd83d, 0x7a];
  const text = { length: codes.length, charCodeAt: (index: number) => codes[index] ?? Number.NaN };
  const expected = [...new TextEncoder().encode("a😀\u{10ffff}\ufffdz")];
  assert.deepEqual([...utf8.encodeUtf8(text as unknown as string)], expected);
  assert.equal(utf8.utf8Length(text as unknown as string), expected.length);
});

test("in XS", async () => {
  const texts = [...TEXTS, ...fc.sample(anyText, { seed, numRuns: 300 })];
  const bytes = [
    ...Object.values(MALFORMED).map(sequence => Uint8Array.from(sequence)),
    ...fc.sample(anyBytes, { seed, numRuns: 2000 }),
  ];
  await withXs(true, "utf8-xs.ts", async xs => {
    assert.equal(await xs.call("roundTrip"), -1);
    const encoded = await xs.call<unknown[]>("encode", texts.map(unitsOf));
    for (const [index, text] of texts.entries()) {
      assert.deepEqual(encoded[index], { bytes: [...Buffer.from(text)], length: Buffer.byteLength(text) });
    }
    const read = await xs.call<unknown[]>(
      "decode",
      bytes.map(sequence => [...sequence]),
    );
    for (const [index, sequence] of bytes.entries()) {
      if (isTakenByXsDecoder(sequence)) continue;
      const text = decoded(standard, sequence);
      assert.deepEqual(read[index], text === null ? "refused" : unitsOf(text), `bytes ${sequence}`);
    }
  });
});

const standard = {
  decodeUtf8: (bytes: Uint8Array) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
};

/**
 * The TextDecoder of XS takes ED and F4 with ASCII behind them (textdecoder.c, isLegalUTF8). A device does not use it: it
 * has String.fromArrayBuffer.
 */
function isTakenByXsDecoder(bytes: Uint8Array): boolean {
  return bytes.some((byte, at) => (byte === 0xed || byte === 0xf4) && (bytes[at + 1] ?? 0xff) < 0x80);
}

/** null: refused. */
function decoded(utf8: Pick<Utf8, "decodeUtf8">, bytes: Uint8Array): string | null {
  try {
    return utf8.decodeUtf8(bytes);
  } catch {
    return null;
  }
}

function unitsOf(text: string): number[] {
  return Array.from({ length: text.length }, (_, index) => text.charCodeAt(index));
}
