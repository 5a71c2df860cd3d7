// The cases of device management, on Node and in XS.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Xs } from "../../harness/xs/host.ts";
import { startProgram } from "../support/xs-program.ts";
import { CASES, start } from "./managed-program.ts";
import type { ManagedLibrary } from "./managed-stage.ts";

const MANAGED = fileURLToPath(new URL("../../../dist/managed.js", import.meta.url));
const library: ManagedLibrary = await import(MANAGED);

let xs: Xs;
before(async () => {
  xs = await startProgram(new URL("managed-program.ts", import.meta.url), MANAGED);
});
after(() => xs.close());

test("docs/managed.md lists every case, and its tables name no other", () => {
  const page = readFileSync(new URL("../../../docs/managed.md", import.meta.url), "utf8");
  const [, topics, faults] = page.split("| Test |\n|---|---|\n");
  const named = (table: string) => [...table.matchAll(/^\| .+ \| (.+) \|$/gm)].map(([, name]) => name!);
  assert.deepEqual(named(topics!.split("\n\n")[0]!), Object.keys(CASES));
  for (const name of named(faults!)) assert.ok(name in CASES || name.startsWith("every test:"), name);
});

for (const name of Object.keys(CASES)) {
  test(`${name}, on Node`, () => assert.equal(start(library).play(name), ""));
  test(`${name}, in XS`, async () => assert.equal(await xs.call<string>("play", name), ""));
}
