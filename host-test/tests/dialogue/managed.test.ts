// The cases of device management, on Node and in XS.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { CASES, start } from "./managed-program.ts";
import type { ManagedLibrary } from "./managed-stage.ts";
import { testOnNodeAndXs } from "./node-and-xs.ts";

const MANAGED = fileURLToPath(new URL("../../../dist/managed.js", import.meta.url));
const library: ManagedLibrary = await import(MANAGED);

test("docs/managed.md lists every case, and its tables name no other", () => {
  const page = readFileSync(new URL("../../../docs/managed.md", import.meta.url), "utf8");
  const [, topics, faults] = page.split("| Test |\n|---|---|\n");
  const named = (table: string) => [...table.matchAll(/^\| .+ \| (.+) \|$/gm)].map(([, name]) => name!);
  assert.deepEqual(named(topics!.split("\n\n")[0]!), Object.keys(CASES));
  for (const name of named(faults!)) assert.ok(name in CASES || name.startsWith("every test:"), name);
});

testOnNodeAndXs(Object.keys(CASES), start(library), new URL("managed-program.ts", import.meta.url), MANAGED);
