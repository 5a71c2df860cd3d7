// The power fails at every step of an update: power.ts. In XS: xs.test.ts.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileOf, NEXT, nodeEngine, OLD, publicKey } from "./files.ts";
import { failEverywhere, SETTINGS } from "./power.ts";

const plan = { engine: nodeEngine, key: publicKey, old: OLD, next: NEXT, file: fileOf(NEXT) };
/** State and updateStatus that the server hears after the failure. */
const OUTCOMES = [
  "1.2.0 state 0 status 0", // before the download began, or in the bootloader
  "1.2.0 state 0 status 3 finished", // in the download
  "1.2.0 state 2 status 0", // between download and update
  "1.2.0 state 0 status 5 finished", // in the switch or the trial: it went back
  "1.10.0 state 0 status 0 finished",
  "1.10.0 state 0 status 0", // after the confirmation
];

describe("the power fails at every step: the board starts what was verified, and the next update succeeds", () => {
  for (const setting of SETTINGS) {
    const { slot, rollback, pause } = setting;
    const bootloader = `bootloader ${rollback ? "with" : "without"} rollback`;
    test(`old firmware in slot ${slot}, ${bootloader}${pause ? ", a restart before the update" : ""}`, () => {
      const { steps, runs, outcomes } = failEverywhere(plan, setting);
      // An erasure and a write for each of 3 sectors, 9 steps of the record, 2 of the selection and 2 of the confirmation.
      assert.ok(steps >= 18 && runs === 2 * steps, `${steps} steps`);
      assert.deepEqual(Object.keys(outcomes).sort(), [...OUTCOMES].sort());
    });
  }
});
