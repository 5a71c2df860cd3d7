// The power fails at every step of an update: power.ts. In XS: xs.test.ts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileOf, NEXT, nodeEngine, OLD, publicKey } from "./files.ts";
import { failEverywhere, OUTCOMES, SETTINGS } from "./power.ts";

const plan = { engine: nodeEngine, key: publicKey, old: OLD, next: NEXT, file: fileOf(NEXT) };

describe("the power fails at every step: the board starts what was verified, and the next update succeeds", () => {
  for (const setting of SETTINGS) {
    const { slot, rollback, pause } = setting;
    const bootloader = `bootloader ${rollback ? "with" : "without"} rollback`;
    test(`old firmware in slot ${slot}, ${bootloader}${pause ? ", a restart before the update" : ""}`, () => {
      const { steps, outcomes } = failEverywhere(plan, setting);
      // An erasure and a write for each of 3 sectors, 9 steps of the record, 2 of the selection and 2 of the confirmation.
      assert.ok(steps >= 18, `${steps} steps`);
      assert.deepEqual(Object.keys(outcomes).sort(), [...OUTCOMES].sort());
    });
  }
});
