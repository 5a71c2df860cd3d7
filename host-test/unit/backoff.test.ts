// session/backoff.ts: the delay before each attempt.

import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs } from "../../src/session/backoff.ts";

const FULL = [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000, 120_000, 120_000];

test("doubles from 1 s to 120 s, half of it fixed and half random", () => {
  for (const [attempt, full] of FULL.entries()) {
    assert.equal(backoffMs(attempt, 0), full / 2);
    assert.equal(backoffMs(attempt, 0.5), full * 0.75);
    assert.equal(backoffMs(attempt, 1 - 2 ** -32), full);
  }
});

test("stays at 120 s however many attempts there were", () => {
  for (const attempt of [31, 32, 33, 1000, 2 ** 31, 2 ** 40]) assert.equal(backoffMs(attempt, 1 - 2 ** -32), 120_000);
});

test("is a whole number of milliseconds", () => {
  for (let i = 0; i < 100; i++) assert.equal(backoffMs(i % 10, i / 100) % 1, 0);
});
