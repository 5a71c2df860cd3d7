// The XS host without a network: the bridge both ways, errors that must not be lost, timers, time, the end.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startXs, type Xs, XsError, type XsOptions } from "../../../harness/xs/host.ts";
import { makeFolder, writeFile } from "../../support/folder.ts";
import { Inbox } from "../../support/inbox.ts";

const folder = makeFolder();

async function withXs(options: XsOptions, use: (xs: Xs) => Promise<void>): Promise<void> {
  const xs = await startXs(options);
  try {
    await use(xs);
  } finally {
    await xs.close();
  }
}

describe("the bridge", () => {
  const traced: string[] = [];
  let xs: Xs;
  before(async () => {
    const calls = {
      add: ({ a, b }: { a: number; b: number }) => a + b,
      nothing: () => undefined,
      refuse: () => {
        throw new RangeError("not today");
      },
      later: async () => 1,
    };
    xs = await startXs({ calls, onTrace: text => traced.push(text) });
  });
  after(() => xs.close());

  test("evaluate gives JSON values, and what promises resolve to", async () => {
    assert.equal(await xs.evaluate("6 * 7"), 42);
    assert.deepEqual(await xs.evaluate("({ a: [1, 'ä😀', null], b: undefined })"), { a: [1, "ä😀", null] });
    assert.equal(await xs.evaluate("undefined"), undefined);
    assert.equal(await xs.evaluate("Promise.resolve().then(() => 'done')"), "done");
    await xs.evaluate("globalThis.waiting = new Promise(resolve => { globalThis.go = resolve; }); undefined");
    const waiting = xs.evaluate("waiting");
    await xs.evaluate("go('went')");
    assert.equal(await waiting, "went");
  });

  test("what is thrown in XS rejects with its name, message and place", async () => {
    await assert.rejects(xs.evaluate("(function here() { throw new TypeError('wrong') })()"), error => {
      assert.ok(error instanceof XsError);
      assert.equal(error.message, "TypeError: wrong");
      assert.match(error.stack!, /here/);
      return true;
    });
    await assert.rejects(xs.evaluate("Promise.reject(new RangeError('later'))"), /RangeError: later/);
    await assert.rejects(xs.evaluate("throw { toString() { throw 1; } }"), /something that has no text/);
    await assert.rejects(xs.evaluate("const ring = {}; ring.ring = ring; ring"), /TypeError/);
  });

  test("XS calls the host and the host calls XS", async () => {
    assert.equal(await xs.evaluate("host.call('add', { a: 1, b: 2 })"), 3);
    assert.equal(await xs.evaluate("host.call('nothing')"), undefined);
    await xs.evaluate("host.register('twice', async x => [x, host.call('add', { a: x, b: x })])");
    assert.deepEqual(await xs.call("twice", 21), [21, 42]);
    await assert.rejects(xs.evaluate("host.call('refuse')"), /not today/);
    await assert.rejects(xs.evaluate("host.call('later')"), /later is async/);
    await assert.rejects(xs.evaluate("host.call('unknown')"), /the host has no function unknown/);
    await assert.rejects(xs.call("unknown"), /no function is registered as unknown/);
  });

  test("trace keeps its place among calls", async () => {
    await xs.evaluate("for (const word of ['one', 'two ä', 3]) host.trace(word)");
    assert.deepEqual(traced, ["one", "two ä", "3"]);
  });

  test("repeat calls many times in one command and meters it", async () => {
    await xs.evaluate("globalThis.seen = []; host.register('see', i => { seen.push(i); })");
    const meter = await xs.repeat("see", 4);
    assert.deepEqual(await xs.evaluate("seen"), [0, 1, 2, 3]);
    assert.ok(meter.computrons > 0 && meter.slots > 0);
  });
});

test("modules are imported in order; a missing or throwing one stops the start and is named", async () => {
  const path = (name: string, text: string) => writeFile(folder, name, text);
  const first = path("first.js", "globalThis.order = ['first']; export default 1; export const a = 2;");
  const second = path("second.js", 'import one, { a } from "./first.js"; order.push("second", one, a);');
  await withXs({ modules: [first, second] }, async xs => {
    assert.deepEqual(await xs.evaluate("order"), ["first", "second", 1, 2]);
    assert.deepEqual((await xs.import(first)).sort(), ["a", "default"]);
  });
  await assert.rejects(startXs({ modules: [join(folder, "none.js")] }), /no module .*none\.js/);
  await assert.rejects(startXs({ modules: [path("throws.js", "null.x")] }), /TypeError/);
});

describe("nothing that is thrown gets lost", () => {
  /** Resolves to what onError is told first. */
  async function firstError(code: string): Promise<string> {
    const errors = new Inbox<Error>();
    const xs = await startXs({ onError: error => errors.push(error) });
    await xs.evaluate(code).catch(() => {});
    const { message } = await errors.next();
    await xs.close();
    return message;
  }

  test("in a timer", async () => {
    const code = "host.ports.clock.timer(() => { throw new RangeError('too late'); }).set(0)";
    assert.match(await firstError(code), /RangeError: too late/);
  });

  test("in a promise nobody waits for", async () => {
    assert.match(
      await firstError("Promise.reject(new TypeError('alone')); undefined"),
      /UnhandledPromise.*TypeError: alone/,
    );
  });

  test("in setImmediate, which also ends the engine", async () => {
    assert.match(
      await firstError("setImmediate(() => { throw new Error('soon'); })"),
      /Unhandled exception: Error: soon/,
    );
  });

  test("a crash while nobody waits", async () => {
    const code = "host.ports.clock.timer(function down() { down(); }).set(0)";
    assert.match(await firstError(code), /stack overflow/);
  });

  test("a crash while somebody waits rejects that, and only that", async () => {
    const errors: Error[] = [];
    const xs = await startXs({ onError: error => errors.push(error) });
    await assert.rejects(xs.evaluate("(function down() { down(); })()"), /stack overflow/);
    await xs.close();
    assert.deepEqual(errors, []);
  });

  test("without onError it ends the process; and a closed engine does not keep a process alive", async () => {
    const host = fileURLToPath(new URL("../../../harness/xs/host.ts", import.meta.url));
    const script = writeFile(
      folder,
      "script.mts",
      `import { startXs } from ${JSON.stringify(host)};
       const xs = await startXs();
       await xs.evaluate("host.ports.clock.timer(() => {}).set(1e9)");
       await xs.close();
       console.log("closed");
       await startXs().then(xs => xs.evaluate("host.ports.clock.timer(() => null.x).set(0)"));`,
    );
    const child = promisify(execFile)(process.execPath, ["--import", import.meta.resolve("tsx"), script]);
    await assert.rejects(child, (error: { code: number; stdout: string; stderr: string }) => {
      assert.equal(error.stdout, "closed\n");
      assert.match(error.stderr, /XsError: TypeError.*\(timer\)/s);
      assert.equal(error.code, 1);
      return true;
    });
  });
});

describe("time", () => {
  let xs: Xs;
  before(async () => {
    xs = await startXs();
    await xs.evaluate(`
      globalThis.after = (delay, due) => host.ports.clock.timer(due).set(delay);
      globalThis.spin = ms => { const start = performance.now(); while (performance.now() - start < ms); };
    `);
  });
  after(() => xs.close());

  test("a timer calls back once, not before its time", async () => {
    const took = await xs.evaluate<number>(`new Promise(resolve => {
      const start = host.ports.clock.now();
      after(20, () => resolve(host.ports.clock.now() - start));
    })`);
    assert.ok(took >= 19, `${took} ms`);
  });

  test("setting again replaces, clearing cancels, a call back may set again", async () => {
    const calls = await xs.evaluate(`new Promise(resolve => {
      const calls = [];
      const replaced = host.ports.clock.timer(() => calls.push("replaced"));
      replaced.set(1e6);
      replaced.set(5);
      const later = host.ports.clock.timer(() => calls.push("later"));
      later.set(1);
      later.set(15);
      const cleared = host.ports.clock.timer(() => calls.push("cleared"));
      cleared.set(1);
      cleared.clear();
      cleared.clear();
      let left = 3;
      const chain = host.ports.clock.timer(() => --left ? chain.set(10) : resolve(calls));
      chain.set(10);
    })`);
    assert.deepEqual(calls, ["replaced", "later"]);
  });

  test("a deadline that passed unheard is not called after clear or set", async () => {
    // The program is busy while the host's timers run out: their commands are on the way when it clears and sets.
    const calls = await xs.evaluate(`new Promise(resolve => {
      const calls = [];
      const cleared = host.ports.clock.timer(() => calls.push("cleared"));
      const moved = host.ports.clock.timer(() => { calls.push("moved"); resolve(calls); });
      cleared.set(1);
      moved.set(1);
      spin(30);
      cleared.clear();
      moved.set(20);
      after(5, () => calls.push("between"));
    })`);
    assert.deepEqual(calls, ["between", "moved"]);
  });

  test("now never goes back, passes inside a command, and is the host's", async () => {
    await xs.evaluate("host.register('now', () => host.ports.clock.now())");
    let last = 0;
    for (let i = 0; i < 200; i++) {
      const before = performance.now();
      const now = await xs.call<number>("now");
      assert.ok(now >= last && now >= Math.floor(before) && now <= performance.now(), `${last} ${before} ${now}`);
      last = now;
    }
    const spun = await xs.evaluate<number>(
      "(() => { const start = host.ports.clock.now(); spin(20); return host.ports.clock.now() - start; })()",
    );
    assert.ok(spun >= 19, `${spun} ms`);
  });

  test("date is wall time, random is uniform in [0, 1) and not the same in the next engine", async () => {
    const before = Date.now();
    const date = await xs.evaluate<number>("host.ports.clock.date()");
    assert.ok(date >= before && date <= Date.now());
    const draw = "Array.from({ length: 100 }, () => host.ports.random())";
    const drawn = await xs.evaluate<number[]>(draw);
    assert.ok(drawn.every(x => x >= 0 && x < 1) && drawn.some(x => x < 0.5) && drawn.some(x => x >= 0.5));
    await withXs({}, async other => assert.notDeepEqual(await other.evaluate(draw), drawn));
  });
});
