// codec/depth.ts: JSON nested deeper than a chip's stack bears is refused before JSON.parse sees it, and nothing else is.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isTooDeep, MAX_DEPTH } from "../../src/codec/depth.ts";
import { jsonCodec } from "../../src/codec/json.ts";
import { jsonIotfCodec } from "../../src/codec/json-iotf.ts";
import { utf8 } from "../testing/bytes.ts";

const nested = (levels: number, open = "[", close = "]") => `${open.repeat(levels)}1${close.repeat(levels)}`;

for (const [open, close] of [
  ["[", "]"],
  ['{"a":', "}"],
  ['[{"a":', "}]"],
] as const) {
  const each = open.startsWith("[{") ? 2 : 1;
  test(`${MAX_DEPTH} levels of ${open}${close} are read, one more are not`, () => {
    const message = (levels: number) => ({
      topic: "iot-2/cmd/a/fmt/json",
      payload: utf8(nested(levels / each, open, close)),
    });
    assert.ok(jsonCodec.decode(message(MAX_DEPTH)).data);
    const refused = { name: "InvalidEventException", message: /nested deeper than 32 levels$/ };
    assert.throws(() => jsonCodec.decode(message(MAX_DEPTH + each)), refused);
    assert.throws(() => jsonIotfCodec.decode(message(MAX_DEPTH + each)), refused);
  });
}

test("brackets in texts and side by side do not count", () => {
  const rows = `[${Array.from({ length: 500 }, () => `{"a":[1],"b":"${"[{".repeat(9)}\\"[\\\\"}`).join()}]`;
  assert.equal(isTooDeep(utf8(rows)), false);
  assert.equal((jsonCodec.decode({ topic: "", payload: utf8(rows) }).data as unknown[]).length, 500);
});

test("brackets that are never closed are refused, a text that never ends is left to JSON.parse", () => {
  assert.equal(isTooDeep(utf8("[".repeat(100_000))), true);
  assert.equal(isTooDeep(utf8(`"${"[".repeat(1000)}`)), false);
  assert.equal(isTooDeep(utf8(`${"[".repeat(33)}`)), true);
  assert.equal(isTooDeep(utf8(`[${'"\\'.repeat(33)}`)), false);
});

function depthOf(value: unknown): number {
  if (typeof value !== "object" || !value) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

/** A value as deep as there are levels; each is an array or an object with something beside what is inside. */
function nest(levels: readonly [inArray: boolean, beside: string][]): unknown {
  return levels.reduce<unknown>(
    (inner, [inArray, beside]) => (inArray ? [beside, inner] : { [beside]: inner, z: beside }),
    1,
  );
}

test("agrees with the depth of any value", () => {
  const beside = fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom("[[[", '{"a":{', '\\"[', "]}]"));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), beside), { minLength: 25, maxLength: 40 }), levels => {
      const value = nest(levels);
      assert.equal(isTooDeep(utf8(JSON.stringify(value))), depthOf(value) > MAX_DEPTH);
    }),
  );
});
