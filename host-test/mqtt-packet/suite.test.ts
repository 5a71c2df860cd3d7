// mqtt-packet's own published test suite passes on what the bundle has of it, on Node and in XS, but for the cases named
// in not-applicable.ts. Without the groups of patches that take features away, nearly all of it passes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ALWAYS, type Group, TRIM } from "../../targets/bundle/patches.ts";
import { NOT_APPLICABLE } from "./not-applicable.ts";
import { type Engine, runSuite } from "./suite.ts";

/** How many cases the installed version has. In XS the four with the packet of 256 MiB are left out: no room. */
const CASES: Record<Engine, number> = { node: 352, xs: 348 };

const everything = TRIM.filter(group => group !== "mqtt5" && group !== "server");

const builds: { title: string; trim: readonly Group[]; engines: readonly Engine[] }[] = [
  { title: "as bundled", trim: TRIM, engines: ["node", "xs"] },
  { title: "with MQTT 5 left in", trim: TRIM.filter(group => group !== "mqtt5"), engines: ["xs"] },
  { title: "with MQTT 5 and the server's side left in", trim: everything, engines: ["xs"] },
  // Not in XS: there the suite spends ten seconds filling the cache of numbers.
  { title: "stand-ins only", trim: [], engines: ["node"] },
];

for (const { title, trim, engines } of builds) {
  for (const engine of engines) {
    test(`published suite, ${title}, on ${engine}`, async () => {
      const applied = [...ALWAYS, ...trim];
      const listed = NOT_APPLICABLE.filter(({ groups }) => groups.some(group => applied.includes(group)));
      const outcome = await runSuite(trim, engine);
      assert.equal(outcome.size, CASES[engine]);
      const failed = [...outcome].filter(([, failure]) => failure).map(([name]) => name);
      assert.deepEqual(failed.sort(), listed.flatMap(({ cases }) => cases).sort());
    });
  }
}
