// `npm run test:unit` and `npm run test:watch`: the tests of unit/ and dialogue/ in one process. `npm test` gives each
// file a process of its own, which takes several times as long.

import { readdirSync, readFileSync } from "node:fs";

/** Tests that start an engine take longer than all others together; so do random faults. `npm test` runs them. */
const STARTS_ENGINE = /from "[./]+(?:harness\/xs|engines)\//;
const SLOW = ["faults.test.ts"];

for (const folder of ["unit", "dialogue"]) {
  const url = new URL(`${folder}/`, import.meta.url);
  for (const file of readdirSync(url)) {
    if (!file.endsWith(".test.ts") || SLOW.includes(file)) continue;
    if (!STARTS_ENGINE.test(readFileSync(new URL(file, url), "utf8"))) await import(`./${folder}/${file}`);
  }
}
