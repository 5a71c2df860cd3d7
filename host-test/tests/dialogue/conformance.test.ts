// The MQTT cases of AWS IoT Device Advisor, each with 300 seeds, on Node and in XS; and docs/conformance.md, which lists
// them and the clauses of MQTT 3.1.1.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import type { Xs } from "../../harness/xs/host.ts";
import { BUNDLE } from "../engines/engines.ts";
import { MqttClient } from "../support/subject.ts";
import { startProgram } from "../support/xs-program.ts";
import { DONE, NOT_APPLICABLE, SERVER } from "./clauses.ts";
import { CASE_NAMES, start } from "./conformance-program.ts";

const SEEDS = 300;

let xs: Xs;
before(async () => {
  xs = await startProgram(new URL("conformance-program.ts", import.meta.url), BUNDLE);
});
after(() => xs.close());

for (const name of CASE_NAMES) {
  test(`${name}, on Node`, () => assert.equal(start({ MqttClient }).play({ name, seeds: SEEDS }), ""));
  test(`${name}, in XS`, async () => assert.equal(await xs.call<string>("play", { name, seeds: SEEDS }), ""));
}

const PAGE = readFileSync(new URL("../../../docs/conformance.md", import.meta.url), "utf8");

test("docs/conformance.md lists every case that is played, and no other", () => {
  const listed = [...PAGE.matchAll(/^\| `(\w+)` \|/gm)].map(match => match[1]);
  assert.deepEqual(listed, CASE_NAMES);
});

test("docs/conformance.md lists every clause with its test, those that do not apply, and those of servers", () => {
  const [, clauses] = PAGE.split("<!-- clauses -->\n");
  const rows = DONE.map(([clause, what, file, name]) => `| ${clause} | ${cell(what)} | ${file}: ${cell(name)} |`);
  const others = Object.entries(NOT_APPLICABLE).map(([clause, why]) => `| ${clause} | ${cell(why)} |`);
  const expected = [
    "| Clause | What the client does | Test in host-test/tests |\n|---|---|---|",
    ...rows,
    "\nClauses that do not apply:\n\n| Clause | Why |\n|---|---|",
    ...others,
    `\nClauses for servers only: ${SERVER.join(", ")}.\n`,
  ].join("\n");
  assert.equal(clauses, expected);
});

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
