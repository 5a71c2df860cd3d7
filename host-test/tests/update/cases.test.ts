// Bad files, bad servers, bad URIs: bad-cases.ts. In XS: xs.test.ts.

import { describe, test } from "node:test";
import { assertOutcome } from "./assert-outcome.ts";
import { BAD_CASES } from "./bad-cases.ts";
import { runCase } from "./cases.ts";
import { NEXT, nodeEngine, OLD, publicKey } from "./files.ts";

describe("download", () => {
  for (const one of BAD_CASES) {
    test(one.name, () => assertOutcome(one, runCase(nodeEngine, publicKey, OLD, NEXT, one)));
  }
});
