// codec/json.ts: format "json" in both directions (docs/protocol.md 4).

import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonCodec } from "../../../src/device/codec/json.ts";
import { hex, utf8 } from "../../harness/testing/bytes.ts";

const NOW = new Date(0);
const decode = (payload: Uint8Array) => jsonCodec.decode({ topic: "iot-2/cmd/a/fmt/json", payload });

const BOTH_WAYS: [unknown, string][] = [
  [{ name: "foo", cpu: 60, mem: 50 }, '{"name":"foo","cpu":60,"mem":50}'],
  [{}, "{}"],
  [[1, "zwei", null, [true]], '[1,"zwei",null,[true]]'],
  ["text", '"text"'],
  [0, "0"],
  [false, "false"],
  [null, "null"],
  ["é鍵🔑", '"é鍵🔑"'],
  ["\ud800", '"\\ud800"'],
];

for (const [data, text] of BOTH_WAYS) {
  test(`${text} in both directions`, () => {
    assert.equal(jsonCodec.encode(data, NOW), text);
    assert.deepEqual(decode(utf8(text)), { data });
  });
}

const cycle: { self?: object } = {};
cycle.self = cycle;
const UNWRITABLE: [string, unknown, RegExp][] = [
  ["undefined", undefined, /: undefined$/],
  ["a function", () => 1, /: function$/],
  ["a symbol", Symbol("s"), /: symbol$/],
  ["a cycle", cycle, /cannot be written as JSON: /],
  ["a BigInt", 1n, /cannot be written as JSON: /],
  ["an object that throws", { toJSON: () => assert.fail("why not") }, /why not/],
];

for (const [name, data, message] of UNWRITABLE) {
  test(`refuses to write ${name}`, () => {
    assert.throws(() => jsonCodec.encode(data, NOW), { name: "InvalidEventException", message });
  });
}

const UNREADABLE: [string, Uint8Array, RegExp][] = [
  ["an empty payload", new Uint8Array(0), /^Invalid Event: Unable to parse JSON. {2}payload="" error=/],
  ["text that is no JSON", utf8("{name:1}"), /payload="{name:1}" error=/],
  ["JSON and something behind it", utf8("{} x"), /payload="{} x" error=/],
  ["bytes that are no UTF-8", hex("22 c3 28 22"), /payload="22 c3 28 22" error=/],
  ["UTF-8 cut in the middle", hex("22 e9 8d"), /payload="22 e9 8d" error=/],
];

for (const [name, payload, message] of UNREADABLE) {
  test(`refuses to read ${name}`, () =>
    assert.throws(() => decode(payload), { name: "InvalidEventException", message }));
}

test("lets go of the payload when it has its text", () => {
  const message = { topic: "iot-2/cmd/a/fmt/json", payload: utf8("[1]") };
  assert.deepEqual(jsonCodec.decode(message), { data: [1] });
  assert.equal(message.payload.length, 0);
});

test("shows no more than 64 characters of a payload it cannot read", () => {
  const text = `{${"x".repeat(5000)}`;
  assert.throws(
    () => decode(utf8(text)),
    error => {
      const { message } = error as Error;
      assert.ok(message.includes(`payload="{${"x".repeat(63)}..." error=`));
      return message.length < 300;
    },
  );
});
