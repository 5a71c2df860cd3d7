// The same cases in XS, the engine of the device: every power failure, every bad file, server and URI. The cryptography is
// that of this process.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Xs } from "../../harness/xs/host.ts";
import { latin, lend } from "../engines/tls/lent-primitives.ts";
import { nodePrimitives } from "../engines/tls/node-primitives.ts";
import { startProgram } from "../support/xs-program.ts";
import { assertOutcome } from "./assert-outcome.ts";
import { BAD_CASES } from "./bad-cases.ts";
import type { Outcome } from "./cases.ts";
import { fileOf, NEXT, OLD, publicKey } from "./files.ts";
import { OUTCOMES, type PowerReport, SETTINGS } from "./power.ts";
import type { Plan } from "./update-program.ts";

const plan: Plan = {
  key: latin(publicKey),
  old: { version: OLD.version, image: latin(OLD.image) },
  next: { version: NEXT.version, image: latin(NEXT.image) },
};

let xs: Xs;
before(async () => {
  xs = await startProgram(new URL("update-program.ts", import.meta.url), undefined, { calls: lend(nodePrimitives) });
});
after(() => xs?.close());

describe("in XS", () => {
  for (const one of BAD_CASES) {
    test(`download: ${one.name}`, async () => {
      const text = JSON.stringify(one, (_, value) => (value instanceof Uint8Array ? latin(value) : value));
      assertOutcome(one, await xs.call<Outcome>("case", { ...plan, one: text }));
    });
  }

  for (const setting of SETTINGS) {
    test(`the power fails at every step: ${JSON.stringify(setting)}`, async () => {
      const report = await xs.call<PowerReport>("power", { ...plan, file: latin(fileOf(NEXT)), setting });
      assert.ok(report.steps >= 18, `${report.steps} steps`);
      assert.deepEqual(Object.keys(report.outcomes).sort(), [...OUTCOMES].sort());
    });
  }
});
