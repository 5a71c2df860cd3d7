// node:test and node:assert as they are inside XS (device/), against Node's own: the same assertions fail, and tests and
// hooks run in the same order.

import nodeAssert from "node:assert/strict";
import { test } from "node:test";
import ours from "../../../harness/xs/device/node-assert.ts";
import * as runner from "../../../harness/xs/device/node-test.ts";
import Timer from "../../../harness/xs/device/timer.ts";
import { compare } from "../../../harness/xs/test-files.ts";

type Assert = typeof nodeAssert;

const boom = () => {
  throw new TypeError("no such relay");
};

const ASSERTIONS: ((assert: Assert) => unknown)[] = [
  assert => assert(1),
  assert => assert(0),
  assert => assert.ok(""),
  assert => assert.ok("a"),
  assert => assert.equal(1, 1),
  assert => assert.equal(1, "1"),
  assert => assert.equal(Number.NaN, Number.NaN),
  assert => assert.equal(0, -0),
  assert => assert.notEqual(1, 2),
  assert => assert.notEqual(1, 1),
  assert => assert.deepEqual({ a: [1, { b: null }] }, { a: [1, { b: null }] }),
  assert => assert.deepEqual({ a: 1 }, { a: 2 }),
  assert => assert.deepEqual({ a: 1 }, { a: 1, b: undefined }),
  assert => assert.deepEqual({ a: undefined }, { b: undefined }),
  assert => assert.deepEqual([1, 2], [1, 2, 3]),
  assert => assert.deepEqual([], {}),
  assert => assert.deepEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 2)),
  assert => assert.deepEqual(Uint8Array.of(1, 2), Uint8Array.of(1, 3)),
  assert => assert.deepEqual(Uint8Array.of(1), [1]),
  assert => assert.deepEqual(new Date(5), new Date(5)),
  assert => assert.deepEqual(new Date(5), new Date(6)),
  assert => assert.deepEqual(new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]])),
  assert => assert.deepEqual(new Map([[1, { a: 1 }]]), new Map([[1, { a: 2 }]])),
  assert => assert.deepEqual(new Set([1, 2]), new Set([1, 3])),
  assert => assert.deepEqual(null, undefined),
  assert => assert.notDeepEqual([1], [2]),
  assert => assert.notDeepEqual([1], [1]),
  assert => assert.match("abc", /b/),
  assert => assert.match("abc", /x/),
  assert => assert.doesNotMatch("abc", /x/),
  assert => assert.doesNotMatch("abc", /b/),
  assert => assert.fail("on purpose"),
  assert => assert.throws(boom),
  assert => assert.throws(() => {}),
  assert => assert.throws(boom, /relay/),
  assert => assert.throws(boom, /sensor/),
  assert => assert.throws(boom, TypeError),
  assert => assert.throws(boom, RangeError),
  assert => assert.throws(boom, { name: "TypeError", message: /relay/ }),
  assert => assert.throws(boom, { name: "RangeError" }),
  assert => assert.throws(boom, error => error instanceof TypeError),
  assert => assert.throws(boom, () => false),
  assert => assert.doesNotThrow(() => {}),
  assert => assert.doesNotThrow(boom),
  assert => assert.rejects(Promise.reject(new TypeError("no such relay")), /relay/),
  assert => assert.rejects(Promise.reject(new TypeError("no such relay")), /sensor/),
  assert => assert.rejects(async () => boom()),
  assert => assert.rejects(async () => {}),
];

async function fails(assertion: (assert: Assert) => unknown, assert: unknown): Promise<boolean> {
  try {
    await assertion(assert as Assert);
    return false;
  } catch {
    return true;
  }
}

test("assertions fail where Node's do", async () => {
  for (const assertion of ASSERTIONS) {
    nodeAssert.equal(await fails(assertion, ours), await fails(assertion, nodeAssert), String(assertion));
  }
});

test("a message of one's own is kept", () => {
  nodeAssert.throws(() => ours.equal(1, 2, "the lamp"), { name: "AssertionError", message: "the lamp" });
  nodeAssert.throws(() => ours.ok(0, new RangeError("mine")), RangeError);
});

test("tests and hooks run in their order, and failures stay with their tests", async () => {
  const { describe, test, it, before, after, beforeEach, afterEach, runTests } = runner;
  const ran: string[] = [];
  const step = (name: string) => () => void ran.push(name);
  beforeEach(step("root each"));
  describe("suite", () => {
    before(step("before"));
    after(step("after"));
    beforeEach(step("each"));
    afterEach(step("after each"));
    test("one", t => {
      t.diagnostic("seen by nobody");
      t.after(step("own after"));
      ran.push(t.name);
    });
    it("two", { skip: true }, step("never"));
    describe.skip("three", () => {
      test("inside", step("never"));
    });
    test("four", async () => {
      await Promise.resolve();
      boom();
    });
  });
  describe("broken", () => {
    before(boom);
    test("five", step("never"));
    describe("within", () => {
      before(step("never"));
      test("six", step("never"));
    });
  });
  test("outer", async t => {
    await t.test("inner", step("inner"));
  });
  test(function named() {});
  const outcomes = await runTests();
  nodeAssert.deepEqual(
    outcomes.map(({ name, error, skipped }) => `${name}${skipped ? " skipped" : ""}${error ? `: ${error}` : ""}`),
    [
      "suite > one",
      "suite > two skipped",
      "suite > three > inside skipped",
      "suite > four: TypeError: no such relay",
      "broken > five: TypeError: no such relay",
      "broken > within > six: TypeError: no such relay",
      "outer",
      "outer > inner",
      "named",
    ],
  );
  nodeAssert.deepEqual(
    ran.filter(name => name !== "root each").join(", "),
    ["before, each, one, own after, after each, each, after each, after, inner"].join(),
  );
  nodeAssert.equal(ran.filter(name => name === "root each").length, 5);
});

test("two tests of one name are compared one with one", () => {
  const passed = { name: "a", dialogues: [] };
  const failed = { ...passed, error: "broken" };
  nodeAssert.deepEqual(
    compare([passed, failed], [passed, failed]).map(({ name, verdict }) => `${name}: ${verdict}`),
    ["a: passed", "a (2): failed"],
  );
});

test("Moddable's timers: once, repeated, scheduled anew, cleared", async () => {
  const { testDevice } = await import("../../../../dist/testing.js");
  const rang: string[] = [];
  const t = testDevice(() => {
    Timer.set(() => rang.push("once"), 10);
    const every = Timer.repeat(() => rang.push("every"), 20);
    Timer.set(() => rang.push("later"), 5, 50);
    const moved = Timer.set(() => rang.push("moved"), 1);
    Timer.schedule(moved, 70);
    Timer.set(
      timer => {
        rang.push("itself");
        Timer.clear(timer);
      },
      30,
      1,
    );
    Timer.set(() => Timer.clear(every), 65);
    Timer.clear(undefined);
  });
  t.advance(110);
  nodeAssert.equal(rang.join(" "), "later once every itself every later every moved later");
});
