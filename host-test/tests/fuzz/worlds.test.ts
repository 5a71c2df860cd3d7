// Thousands of whole lives against a server without fault (worlds.ts): with a store nothing accepted is lost and QoS 2
// comes once, whatever restarts; what is dropped is told and never sent; filters are on the server as the application
// has them; Quickstart sends QoS 0 and nothing else. FUZZ_SEED repeats a run, FUZZ_RUNS lengthens it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BUNDLE, type EngineName, type Fuzz, startInXs } from "./engine.ts";
import { shown } from "./report.ts";
import { type Figures, type Library, start } from "./worlds.ts";

const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const node = Number(process.env.FUZZ_RUNS ?? 1500);
const runs: Record<EngineName, number> = { node, xs: Math.ceil(node / 15) };

let xs: Fuzz<Figures>;
before(async () => {
  console.log(`seed ${seed}, ${runs.node} worlds on Node, ${runs.xs} in XS`);
  xs = await startInXs<Figures>(fileURLToPath(new URL("worlds.ts", import.meta.url)));
});
after(() => xs.close());

async function played(engine: EngineName): Promise<Figures> {
  if (engine === "xs") return xs.run(seed, runs.xs);
  const lib = (await import(pathToFileURL(BUNDLE).href)) as Library;
  return start(lib).run({ seed, count: runs.node });
}

for (const engine of ["node", "xs"] as const) {
  test(`on ${engine}: MqttClient, devices and Quickstart, with and without a store`, async t => {
    const { failure, ...figures } = await played(engine);
    t.diagnostic(JSON.stringify(figures));
    if (failure) {
      const { seed, text, log } = failure;
      assert.fail([text, `FUZZ_SEED=${seed} FUZZ_RUNS=1 repeats it`, shown(log)].join("\n"));
    }
    if (figures.runs < 100) return;
    // All of it did happen.
    for (const [what, count] of Object.entries(figures)) assert.ok(count >= figures.runs / 4, `${count} ${what}`);
  });
}
