// Chains of certificates: the verdict of the device's own code, in XS, beside that of Node's TLS. In the SDK's simulator,
// with its cryptography: simulator.test.ts.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Xs } from "../../../harness/xs/host.ts";
import { startProgram } from "../../support/xs-program.ts";
import type { Question } from "./chain-program.ts";
import { type Case, makeCases } from "./chains.ts";
import { latin, lend } from "./lent-primitives.ts";
import { nodePrimitives } from "./node-primitives.ts";
import { nodeRefusal } from "./reference.ts";

const cases: readonly Case[] = makeCases();

describe("chains", { timeout: 240_000 }, () => {
  let xs: Xs;
  before(async () => {
    xs = await startProgram(new URL("chain-program.ts", import.meta.url), undefined, { calls: lend(nodePrimitives) });
  });
  after(() => xs.close());

  for (const entry of cases) {
    const { what, chain, ca, name, refusal, stricter } = entry;
    test(`${what}: ${refusal ? "refused" : "accepted"}${stricter ? `, not by Node: ${stricter}` : ""}`, async () => {
      const question: Question = { chain: chain.map(latin), ca: ca.map(latin), name, now: Date.now() };
      const told = (await xs.call<string | null>("check", question)) ?? undefined;
      if (refusal) assert.match(told ?? "accepted", new RegExp(`^certificate: .*(${refusal.source})`));
      else assert.equal(told, undefined);
      const reference = await nodeRefusal(entry);
      if (refusal && !stricter) assert.notEqual(reference, undefined, "Node accepts it");
      else assert.equal(reference, undefined);
    });
  }
});
