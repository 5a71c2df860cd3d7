// mqtt/backoff.ts: the delay before each attempt, and what looks like a takeover.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "../../../src/mqtt/backoff.ts";
import { seeded } from "../../harness/testing/random.ts";

const FULL = [2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000];
const ALMOST_1 = 1 - 2 ** -32;
const WRAP = 2 ** 32;

function delays(random: number, count: number): number[] {
  const backoff = new Backoff();
  return Array.from({ length: count }, () => {
    backoff.failed(0, false, false);
    return backoff.delayMs(0, random);
  });
}

test("doubles from 2 s to 120 s, half of it fixed and half random: never below 1 s", () => {
  assert.deepEqual(
    delays(0, 9),
    FULL.map(full => full / 2),
  );
  assert.deepEqual(
    delays(0.5, 9),
    FULL.map(full => full * 0.75),
  );
  assert.deepEqual(delays(ALMOST_1, 9), FULL);
});

test("a first delay of 2.5, 60 or 120 s doubles up to 120 s, too", () => {
  const from = (firstMs: number, random: number) => {
    const backoff = new Backoff();
    return Array.from({ length: 8 }, () => {
      backoff.failed(0, false, false);
      return backoff.delayMs(0, random, firstMs);
    });
  };
  assert.deepEqual(from(2500, ALMOST_1), [2500, 5000, 10_000, 20_000, 40_000, 80_000, 120_000, 120_000]);
  assert.deepEqual(from(60_000, ALMOST_1), [60_000, ...Array(7).fill(120_000)]);
  assert.deepEqual(from(60_000, 0), [30_000, ...Array(7).fill(60_000)]);
  assert.deepEqual(from(120_000, 0), Array(8).fill(60_000));
});

test("5,000 devices with a first delay of 60 s: all within 30 to 60 s, under 5 % of them in any second", () => {
  const random = seeded(1);
  const delays = Array.from({ length: 5000 }, () => {
    const backoff = new Backoff();
    backoff.accepted(0);
    backoff.failed(600_000, true, false);
    return backoff.delayMs(600_000, random(), 60_000);
  }).sort((a, b) => a - b);
  assert.ok(delays[0]! >= 30_000 && delays[4999]! <= 60_000);
  // Any second that begins with a device, not only those of the clock.
  const most = Math.max(...delays.map((start, n) => delays.filter((ms, k) => k >= n && ms < start + 1000).length));
  assert.ok(most < 250, `${most} devices in one second`);
});

test("stays at 120 s however many attempts there were", () => {
  assert.deepEqual(new Set(delays(ALMOST_1, 5000).slice(6)), new Set([120_000]));
});

test("is a whole number of milliseconds", () => {
  for (let i = 0; i < 100; i++) for (const delay of delays(i / 100, 10)) assert.equal(delay % 1, 0);
});

test("counts from the failure: what has passed since is not waited again; also when the clock wraps", () => {
  for (const start of [0, 1, WRAP - 1, WRAP - 500, WRAP - 1000]) {
    const at = (ms: number) => (start + ms) % WRAP;
    const backoff = new Backoff();
    backoff.failed(start, false, false);
    assert.deepEqual(
      [0, 400, 1500, 9999].map(ms => backoff.delayMs(at(ms), 0.5)),
      [1500, 1100, 0, 0],
    );
    assert.deepEqual(
      [0, 400, 1000, 9999].map(ms => backoff.leastDelayMs(at(ms))),
      [1000, 600, 0, 0],
    );
  }
});

test("a connection that lasted 10 s, or that disconnect() ended, is a new beginning; also when the clock wraps", () => {
  for (const start of [0, WRAP - 1, WRAP - 9_999, WRAP - 10_000]) {
    const backoff = new Backoff();
    const lost = (ms: number) => {
      backoff.accepted(start);
      backoff.failed((start + ms) % WRAP, true, false);
      return backoff.delayMs((start + ms) % WRAP, ALMOST_1);
    };
    assert.deepEqual([lost(1), lost(9_999), lost(10_000), lost(9_999)], [2000, 4000, 2000, 4000]);
    assert.equal(backoff.failing, true);
    backoff.finished();
    assert.equal(backoff.failing, false);
    assert.equal(lost(0), 2000);
  }
});

test("three unprovoked losses in a row, each within 10 s, look like a takeover", () => {
  const backoff = new Backoff();
  const lost = (accepted: boolean, unprovoked: boolean, ms = 9_999) => {
    backoff.accepted(0);
    return backoff.failed(ms, accepted, unprovoked);
  };
  const early = () => lost(true, true);
  assert.deepEqual([early(), early(), early(), early()], [0, 0, 3, 4]);
  const others = [() => lost(true, false), () => lost(false, false), () => lost(true, true, 10_000)];
  for (const other of others) {
    assert.deepEqual([other(), early(), early(), other(), early(), early(), early()], [0, 0, 0, 0, 0, 0, 3]);
  }
  backoff.finished();
  assert.deepEqual([early(), early()], [0, 0]);
});
