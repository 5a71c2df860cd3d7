// device/events.ts: what publishEvent needs is made once for an event and a format, and kept for the last four.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Codecs } from "../../../src/device/codec/index.ts";
import { EventCache } from "../../../src/device/events.ts";
import type { Connection } from "../../../src/mqtt/connection.ts";

const CONNECTION = { link: { encoder: { topicLimit: 1000 } } } as Connection;

function made() {
  const cache = new EventCache(new Codecs(), false);
  return { cache, get: (event: string, format = "json") => cache.get(event, format, CONNECTION) };
}

test("the last four are kept; each further one replaces the oldest", () => {
  const { get } = made();
  const names = ["a", "b", "c", "d"];
  const first = names.map(name => get(name));
  for (const [n, name] of names.entries()) assert.equal(get(name), first[n], name);
  const fifth = get("e");
  for (const [n, name] of ["b", "c", "d"].entries()) assert.equal(get(name), first[n + 1], name);
  assert.equal(get("e"), fifth);
  assert.notEqual(get("a"), first[0]);
  for (let n = 0; n < 50; n++) get(`x${n}`);
  let kept = 0;
  for (let one: { next: object | undefined } | undefined = get("x49"); one; one = one.next as typeof one) kept++;
  assert.equal(kept, 4);
});

test("event and format make an entry together", () => {
  const { get } = made();
  assert.notEqual(get("a"), get("a", "utf8"));
  assert.equal(Buffer.from(get("a", "utf8").topic).toString(), "iot-2/evt/a/fmt/utf8");
});

test("a codec that is set applies to events that were published before", () => {
  const { cache, get } = made();
  get("a");
  const codec = { encode: () => "mine", decode: () => ({ data: 1 }) };
  cache.setCodec("json", codec);
  assert.equal(get("a").codec, codec);
});
