// Whatever a server sends, however it is cut: nothing uncaught, nothing unnamed, nothing held, nothing lost. A few
// thousand dialogues on Node, several hundred inside XS, and a heap there that does not grow. FUZZ_SEED repeats a run,
// FUZZ_RUNS lengthens it; main.ts runs for as long as one likes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type EngineName, type Fuzz, startFuzz } from "./engine.ts";
import { describeFailure, describeFigures } from "./report.ts";

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const node = Number(process.env.FUZZ_RUNS ?? 1200);
const runs: Record<EngineName, number> = { node, xs: Math.ceil(node / 8) };
const GROWTH_RUNS = 30;

const engines = {} as Record<EngineName, Fuzz>;
before(async () => {
  console.log(`seed ${seed}, ${runs.node} runs on Node, ${runs.xs} in XS`);
  for (const engine of ["node", "xs"] as const) engines[engine] = await startFuzz(engine);
});
after(() => Promise.all([engines.node.close(), engines.xs.close()]));

for (const engine of ["node", "xs"] as const) {
  test(`on ${engine}: right, wrong and damaged dialogues`, async t => {
    const figures = await engines[engine].run(seed, runs[engine]);
    t.diagnostic(describeFigures(figures).split("\n")[0]!);
    assert.ok(!figures.failure, figures.failure && describeFailure(figures.failure));
    assert.ok(figures.unclear <= 1 + figures.runs / 20, `${figures.unclear} of ${figures.runs} runs given up`);
  });
}

test("in XS: the heap is the same after as many runs again", async () => {
  const { xs } = engines;
  // (A violation is for the test above to tell; here all runs are wanted.)
  const played = async () => assert.equal((await xs.run(seed, GROWTH_RUNS)).runs, GROWTH_RUNS, "a violation");
  // The first time fills tables of the engine: names of fields seen, templates of regular expressions.
  await played();
  const once = await xs.heap();
  await played();
  const twice = await xs.heap();
  assert.deepEqual([twice.slots, twice.chunkBytes], [once.slots, once.chunkBytes]);
});
