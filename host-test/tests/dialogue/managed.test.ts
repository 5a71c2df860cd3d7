// The cases of device management, on Node and in XS.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Xs } from "../../harness/xs/host.ts";
import { startProgram } from "../support/xs-program.ts";
import { CASES, play } from "./managed-program.ts";
import type { ManagedLibrary } from "./managed-stage.ts";

const MANAGED = fileURLToPath(new URL("../../../dist/managed.js", import.meta.url));
const library: ManagedLibrary = await import(MANAGED);

let xs: Xs;
before(async () => {
  xs = await startProgram(new URL("managed-program.ts", import.meta.url), MANAGED);
});
after(() => xs.close());

for (const name of Object.keys(CASES)) {
  describe(name, () => {
    test("on Node", () => assert.equal(play(library, name), ""));
    test("in XS", async () => assert.equal(await xs.call<string>("play", name), ""));
  });
}
