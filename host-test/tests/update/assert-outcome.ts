// What each case of cases.ts has to end with.

import assert from "node:assert/strict";
import type { Case, Outcome } from "./cases.ts";
import { NEXT, OLD } from "./files.ts";

export function assertOutcome(one: Case, outcome: Outcome): void {
  assert.deepEqual([outcome.status, outcome.message], [one.status, one.message ?? ""]);
  if (typeof one.asked === "number") assert.equal(outcome.asked.length, one.asked, `${outcome.asked}`);
  else assert.deepEqual(outcome.asked, one.asked);
  assert.equal(outcome.version, one.status === 0 ? NEXT.version : OLD.version);
  assert.ok(outcome.flood < 20_000, `${outcome.flood} bytes of a server without an end`);
  const ifRange = outcome.headers.some(headers => headers.includes("if-range"));
  if (one.ifRange !== undefined) assert.equal(ifRange, one.ifRange, "if-range");
  for (const headers of outcome.headers) {
    assert.match(headers, /^(accept-encoding connection host( if-range)?( range)?)?$/, "no token, no cookie");
  }
}
