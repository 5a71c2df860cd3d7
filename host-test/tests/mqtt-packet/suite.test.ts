// mqtt-packet's own published test suite passes on the patched package, on Node and in XS, except for the cases listed in
// not-applicable.ts. Where the groups of patches that remove features are left out, 8 cases of 352 are listed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ALWAYS, type Group, TRIM } from "../../../targets/bundle/patches.ts";
import { NOT_APPLICABLE } from "./not-applicable.ts";
import { type Engine, runSuite } from "./suite.ts";

/** Number of cases of the installed version. In XS the four with the packet of 256 MiB are left out: no memory. */
const CASES: Record<Engine, number> = { node: 352, xs: 348 };

const without = (...groups: Group[]) => TRIM.filter(group => !groups.includes(group));

const builds: { title: string; trim: readonly Group[]; engines: readonly Engine[] }[] = [
  { title: "as bundled", trim: TRIM, engines: ["node", "xs"] },
  // "mqtt5" needs "callers".
  { title: "with MQTT 5 and all checks left in", trim: without("callers", "mqtt5", "unused"), engines: ["xs"] },
  {
    title: "with MQTT 5, all checks and the server's side left in",
    trim: without("callers", "mqtt5", "server", "unused"),
    engines: ["xs"],
  },
  // Not in XS, where filling the cache of numbers takes ten seconds.
  { title: "stand-ins only", trim: [], engines: ["node"] },
];

for (const { title, trim, engines } of builds) {
  for (const engine of engines) {
    test(`published suite, ${title}, on ${engine}`, async () => {
      const applied = [...ALWAYS, ...trim];
      const reasons = NOT_APPLICABLE.filter(({ groups }) => groups.some(group => applied.includes(group)));
      const listed = new Set(reasons.flatMap(({ cases }) => cases));
      const outcome = await runSuite(trim, engine);
      assert.equal(outcome.size, CASES[engine]);
      const failed = [...outcome].filter(([, failure]) => failure).map(([name]) => name);
      assert.deepEqual(failed.sort(), [...listed].sort());
    });
  }
}
