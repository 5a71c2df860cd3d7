// Can text that a stranger chose steer the terminal or the words around it, or be cut in the middle of a character?

import assert from "node:assert/strict";
import { test } from "node:test";
import { payloadText, printable, printableJson, shorten } from "../../../harness/platform/printable.ts";

const STEERING = ["\0", "\x1b", "\r", "\n", "\x7f", "\x9b", "\u061c", "\u200f", "\u2028", "\u202e", "\u2066", "\u2069"];

for (const sign of STEERING) {
  test(`U+${sign.charCodeAt(0).toString(16).padStart(4, "0")}: a dot for people, an escape in JSON`, () => {
    assert.equal(printable(`a${sign}b`), "a·b");
    const text = printableJson({ [sign]: [sign] });
    assert.equal(text.includes(sign), false);
    assert.deepEqual(JSON.parse(text), { [sign]: [sign] });
  });
}

test("other text stays as it is", () => {
  const text = "käse 中文 עברית 🌡️ <b>&\"'\\";
  assert.equal(printable(text), text);
  assert.equal(printableJson({ text }), JSON.stringify({ text }));
});

test("long text is cut between characters, and says that it was", () => {
  assert.deepEqual([shorten("abc", 3), shorten("abcd", 3)], ["abc", "abc…"]);
  assert.deepEqual([shorten("ab🌡x", 3), shorten("ab🌡x", 4)], ["ab…", "ab🌡…"]);
});

test("a payload: text, its beginning, or hexadecimal bytes", () => {
  assert.equal(payloadText(Buffer.from("20 °C"), 10), "20 °C");
  assert.equal(payloadText(Buffer.from("a\tb\r\n"), 10), "a\tb\r\n");
  assert.equal(payloadText(Buffer.from("x".repeat(11)), 10), "xxxxxxxxxx… (11 bytes)");
  assert.equal(payloadText(Buffer.of(0xff, 0x41), 10), "hex ff 41 (2 bytes)");
  assert.equal(payloadText(Buffer.from("\u001b[31m"), 30), "hex 1b 5b 33 31 6d (5 bytes)");
  assert.equal(payloadText(Buffer.from("\u009b"), 30), "hex c2 9b (2 bytes)");
  assert.equal(payloadText(Buffer.alloc(5), 10), "hex 00 00 00… (5 bytes)");
  assert.equal(payloadText(Buffer.alloc(0), 10), "");
});
