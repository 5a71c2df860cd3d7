// For command.test.ts: a test that never returns in XS.

import { test } from "node:test";

test("loops", () => {
  if ("process" in globalThis) return;
  console.log("looping");
  for (;;);
});
