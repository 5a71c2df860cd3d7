// The long run: `tsx host-test/tests/fuzz/main.ts --frames 1000000 [--engine node|xs] [--seed n] [--bundle file]`. Counts
// the frames the client was given, names every kind of protocol error seen, and ends with 1 at the first violation.

import { parseArgs } from "node:util";
import { type EngineName, startFuzz } from "./engine.ts";
import { add, describeFailure, describeFigures, nothing } from "./report.ts";

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "1000000" },
    engine: { type: "string", default: "node" },
    seed: { type: "string", default: String(Date.now() % 2 ** 31) },
    bundle: { type: "string" },
  },
});
const BATCH = 200;
const TICK_MS = 10_000;

const goal = Number(values.frames);
const begun = Number(values.seed);
const fuzz = await startFuzz(values.engine as EngineName, values.bundle);
const total = nothing();
const start = Date.now();
console.log(`seed ${begun}, engine ${values.engine}`);
let told = start;
for (let seed = begun; total.frames < goal && !total.failure; seed += BATCH) {
  add(total, await fuzz.run(seed >>> 0, BATCH));
  if (Date.now() - told < TICK_MS) continue;
  told = Date.now();
  console.log(`${total.frames} frames, ${Math.round((told - start) / 1000)} s`);
}
await fuzz.close();
console.log(`${describeFigures(total)}\n${Math.round((Date.now() - start) / 100) / 10} s`);
if (total.failure) {
  console.error(describeFailure(total.failure));
  process.exitCode = 1;
}
