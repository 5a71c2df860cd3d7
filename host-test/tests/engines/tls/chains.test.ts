// Chains of certificates: the verdict of the device's own code, in XS, beside that of Node's TLS. In the SDK's simulator,
// with its cryptography: simulator.test.ts.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Case, makeCases } from "./chains.ts";
import { type Checker, startChecker } from "./in-xs.ts";
import { nodeRefusal } from "./reference.ts";

const cases: readonly Case[] = makeCases();

describe("chains", { timeout: 240_000 }, () => {
  let xs: Checker;
  before(async () => {
    xs = await startChecker();
  });
  after(() => xs.close());

  for (const entry of cases) {
    const { what, chain, ca, name, refusal, stricter } = entry;
    test(`${what}: ${refusal ? "refused" : "accepted"}${stricter ? `, not by Node: ${stricter}` : ""}`, async () => {
      const told = await xs.check({ chain, ca, name, now: Date.now() });
      if (refusal) assert.match(told ?? "accepted", new RegExp(`^certificate: .*(${refusal.source})`));
      else assert.equal(told, undefined);
      const reference = await nodeRefusal(entry);
      if (refusal && !stricter) assert.notEqual(reference, undefined, "Node accepts it");
      else assert.equal(reference, undefined);
    });
  }
});
