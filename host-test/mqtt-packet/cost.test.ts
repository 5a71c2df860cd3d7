// What framing costs in XS for one event and one command, as it is in the bundle and by mqtt-packet as published: figures
// that the budgets of the whole way depend on, held here so that a patch that stops paying is noticed.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { startXs, type Xs } from "../xs/host.ts";
import { type Cost, cost } from "../xs/measure.ts";
import { withBundled } from "./subjects.ts";

/** At most this. Counts, not times: the same in every run of the same worker. */
const LIMITS: Record<string, Cost> = {
  "write event": { computrons: 465, slots: 4 },
  "write puback": { computrons: 210, slots: 4 },
  "read command": { computrons: 420, slots: 19 },
  "read puback": { computrons: 195, slots: 9 },
};

type Table = Record<string, Cost>;
let trimmed: Table;
let published: Table;
before(async () => {
  trimmed = await measured(true);
  published = await measured(false);
});

for (const [what, limit] of Object.entries(LIMITS)) {
  test(what, () => {
    const [now, then] = [trimmed[what]!, published[`mqtt-packet: ${what}`]!];
    console.log(`${what}: ${then.computrons} -> ${now.computrons} computrons, ${then.slots} -> ${now.slots} slots`);
    assert.ok(now.computrons <= limit.computrons, `${now.computrons} computrons`);
    assert.ok(now.slots <= limit.slots, `${now.slots} slots`);
  });
}

function measured(trim: boolean): Promise<Table> {
  return withBundled(
    trim,
    async file => {
      const xs = await startXs({ modules: [file] });
      try {
        return await tableOf(xs);
      } finally {
        await xs.close();
      }
    },
    "cost-xs.ts",
  );
}

async function tableOf(xs: Xs): Promise<Table> {
  const table: Table = {};
  for (const what of Object.keys(LIMITS)) {
    table[what] = await cost(xs, what);
    table[`mqtt-packet: ${what}`] = await cost(xs, `mqtt-packet: ${what}`);
  }
  return table;
}
