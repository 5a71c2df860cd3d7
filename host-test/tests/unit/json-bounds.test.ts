// codec/json-bounds.ts: JSON that is nested too deep, or has too many values, is refused before JSON.parse sees it.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jsonCodec } from "../../../src/device/codec/json.ts";
import { boundsFault, MAX_DEPTH } from "../../../src/device/codec/json-bounds.ts";
import { jsonIotfCodec } from "../../../src/device/codec/json-iotf.ts";
import { utf8 } from "../../harness/testing/bytes.ts";
import { command } from "../../harness/testing/frames.ts";
import { readyDevice } from "../support/device.ts";

const isTooDeep = (bytes: Uint8Array) => boundsFault(bytes, bytes.length) !== "";

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

/** Objects, arrays, texts, numbers, flags and nulls in a value. */
function valuesIn(value: unknown): number {
  if (typeof value !== "object" || !value) return 1;
  return 1 + Object.values(value).reduce((sum: number, one) => sum + valuesIn(one), 0);
}

test("counts the values of any JSON exactly, with and without white space", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), value => {
      const count = valuesIn(value);
      for (const space of [0, 2]) {
        const text = JSON.stringify(value, null, space).replaceAll("[]", "[ \n ]");
        assert.match(boundsFault(utf8(text), count - 1) || "a scalar has no fault", /more than|a scalar/);
        assert.equal(boundsFault(utf8(text), count), "");
      }
    }),
  );
});

test("a command of few bytes that JSON.parse makes large is refused with its id, and acknowledged", () => {
  const hostile = `[${Array.from({ length: 1000 }, () => "[]").join()}]`;
  const most = `[${Array.from({ length: 999 }, () => 1).join()}]`;
  const stage = readyDevice();
  stage.client.commandCallback = ({ data }) => stage.note(`${(data as unknown[]).length} values`);
  for (const [n, text] of [most, hostile, `${most.slice(0, -1)},1]`].entries()) {
    stage.link.receives(command("big", text, { qos: 1, id: n + 1 }));
  }
  const refused = "error Invalid Event: command big: more than 1000 values, limits.values";
  assert.deepEqual(stage.heard(), ["999 values", refused, refused]);
  assert.deepEqual(stage.said(), ["PUBACK #1", "PUBACK #2", "PUBACK #3"]);
});

test("limits.values sets the bound; formats that make no tree of values, and codecs of the application, have none", () => {
  const stage = readyDevice({ limits: { values: 10 } });
  const text = `[${"1,".repeat(9)}1]`; // 11 values, with the array, in 21 bytes
  stage.client.setMessageEncoderModule("own", {
    encode: () => utf8(""),
    decode: ({ payload }) => ({ data: payload.length }),
  });
  for (const format of ["json", "json-iotf", "utf8", "own"]) stage.link.receives(command("c", text, {}, format));
  const heard = stage.heard().map(line => line.split(" ").slice(0, 3).join(" "));
  assert.deepEqual(heard, ["error Invalid Event:", "error Invalid Event:", "command c utf8", "command c own"]);
});
