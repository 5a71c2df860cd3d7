// The cost of framing in XS for one event and one command: by Encoder and Decoder in the bundle, and by mqtt-packet's own
// functions without patches. Most of what publishing and receiving may cost is spent here.

import assert from "node:assert/strict";
import { before, test } from "node:test";
import { type Cost, cost } from "../../harness/xs/measure.ts";
import { withXs } from "./subjects.ts";

/** Upper limits. Counts, not times: the same in every run of the same worker. */
const LIMITS: Record<string, Cost> = {
  "write event": { computrons: 710, slots: 4 },
  "write puback": { computrons: 335, slots: 4 },
  "read command": { computrons: 850, slots: 19 },
  "read puback": { computrons: 540, slots: 9 },
};

type Table = Record<string, Cost>;
let ours: Table;
let published: Table;
before(async () => {
  ours = await measured(true, "");
  published = await measured(false, "mqtt-packet: ");
});

for (const [what, limit] of Object.entries(LIMITS)) {
  test(what, () => {
    const [now, unpatched] = [ours[what]!, published[what]!];
    console.log(
      `${what}: ${unpatched.computrons} -> ${now.computrons} computrons, ${unpatched.slots} -> ${now.slots} slots`,
    );
    assert.ok(now.computrons <= limit.computrons, `${now.computrons} computrons`);
    assert.ok(now.slots <= limit.slots, `${now.slots} slots`);
  });
}

/** @param prefix of the names that cost-xs.ts registers */
function measured(trim: boolean, prefix: string): Promise<Table> {
  return withXs(trim, "cost-xs.ts", async xs => {
    const table: Table = {};
    for (const what of Object.keys(LIMITS)) table[what] = await cost(xs, `${prefix}${what}`);
    return table;
  });
}
