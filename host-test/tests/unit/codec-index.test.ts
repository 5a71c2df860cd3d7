// codec/index.ts: which codec a format has.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Codec } from "../../../src/device/codec/codec.ts";
import { Codecs } from "../../../src/device/codec/index.ts";
import { jsonCodec } from "../../../src/device/codec/json.ts";

const own = (): Codec => ({ encode: () => "", decode: () => ({ data: 0 }) });

test("json is there, others are not", () => {
  const codecs = new Codecs();
  assert.equal(codecs.get("json"), jsonCodec);
  for (const format of ["JSON", "xml", "", "toString", "__proto__"])
    assert.equal(codecs.get(format), undefined, format);
});

test("a registration is found; a later one replaces it, and the built-in one", () => {
  const codecs = new Codecs();
  const [first, second] = [own(), own()];
  codecs.set("text", first);
  codecs.set("json", first);
  assert.equal(codecs.get("text"), first);
  codecs.set("text", second);
  assert.deepEqual([codecs.get("text") === second, codecs.get("json") === first], [true, true]);
});

test("sixteen formats, not more; replacing one needs no room", () => {
  const codecs = new Codecs();
  for (let n = 0; n < 16; n++) codecs.set(`format${n}`, own());
  assert.throws(() => codecs.set("one more", own()), { name: "ConfigurationException", code: "limit" });
  codecs.set("format0", own());
  assert.equal(codecs.get("one more"), undefined);
});

test("refuses what is no codec", () => {
  const codecs = new Codecs();
  for (const wrong of [
    undefined,
    null,
    {},
    { encode: () => "" },
    { decode: () => ({ data: 0 }) },
    { encode: 1, decode: 2 },
  ]) {
    assert.throws(() => codecs.set("text", wrong as unknown as Codec), {
      name: "ConfigurationException",
      message: /text/,
    });
  }
  assert.equal(codecs.get("text"), undefined);
});
