// The figures of measure.ts, checked on operations whose cost is known.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startXs, type Xs } from "../../../harness/xs/host.ts";
import { chunkBytes, cost, growth } from "../../../harness/xs/measure.ts";

let xs: Xs;
before(async () => {
  xs = await startXs();
  await xs.evaluate(`
    host.register("nothing", () => {});
    host.register("loop10", () => { for (let i = 0; i < 10; i++); });
    host.register("loop110", () => { for (let i = 0; i < 110; i++); });
    host.register("object", () => { ({}); });
    host.register("objects", () => { for (let i = 0; i < 7; i++) ({}); });
    host.register("many", () => { for (let i = 0; i < 3000; i++) ({}); });
    host.register("buffer", () => { new ArrayBuffer(1000); });
    host.register("large", () => { new ArrayBuffer(100000); });
    globalThis.kept = [];
    host.register("keep", () => { kept.push({}); });
  `);
});
after(() => xs.close());

test("instructions are net of the call, and the same every time", async () => {
  assert.deepEqual(await cost(xs, "nothing"), { computrons: 0, slots: 0 });
  const [short, long, again] = [await cost(xs, "loop10"), await cost(xs, "loop110"), await cost(xs, "loop110")];
  assert.deepEqual(long, again);
  assert.equal(long.slots, 0);
  assert.equal((long.computrons - short.computrons) % 100, 0, "the same for each turn of the loop");
});

test("slots count garbage", async () => {
  const one = await cost(xs, "object");
  const seven = await cost(xs, "objects");
  assert.ok(one.slots >= 1);
  assert.equal(seven.slots, 7 * one.slots);
});

test("a collection in the middle is refused, not averaged in", async () => {
  await assert.rejects(cost(xs, "many"), /collected garbage during .* calls of many/);
  assert.equal((await cost(xs, "many", { calls: 20 })).slots, 3000 * (await cost(xs, "object")).slots);
});

test("chunk bytes count garbage, to a percent", async () => {
  for (const [name, size] of [
    ["buffer", 1000],
    ["large", 100_000],
  ] as const) {
    const bytes = await chunkBytes(xs, name, size === 1000 ? undefined : 16 * 1024 * 1024);
    const expected = size + (await xs.heap()).slotSize / 2;
    assert.ok(Math.abs(bytes / expected - 1) < 0.01, `${bytes} for ${expected}`);
  }
  assert.ok(Math.abs(await chunkBytes(xs, "nothing")) < 5);
});

test("growth is what stays, exactly", async () => {
  const none = await growth(xs, () => xs.repeat("object", 20_000));
  assert.deepEqual(none, { slots: 0, chunkBytes: 0, bytes: 0 });
  const kept = await growth(xs, () => xs.repeat("keep", 1000));
  assert.ok(kept.slots >= 1000 && kept.bytes >= 1000 * 32);
});
