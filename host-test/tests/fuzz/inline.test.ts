// A random module does the same after inlined(). FUZZ_SEED repeats a run, FUZZ_MODULES is the number of modules.

import assert from "node:assert/strict";
import { env } from "node:process";
import { test } from "node:test";
import { inlined } from "../../../targets/bundle/inline.ts";
import { Random } from "./random.ts";
import { randomModule } from "./random-module.ts";

const seed = Number(env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const modules = Number(env.FUZZ_MODULES ?? 8);

const notesOf = async (text: string): Promise<string[]> =>
  (await import(`data:text/javascript,${encodeURIComponent(text)}`)).notes;

test(`${modules} random modules, seed ${seed}`, async () => {
  const random = new Random(seed);
  for (let i = 0; i < modules; i++) {
    const text = randomModule(random);
    const before = await notesOf(text);
    assert.ok(before.length > 0, text);
    assert.deepEqual(await notesOf(await inlined(text)), before, `module ${i}:\n${text}`);
  }
});
