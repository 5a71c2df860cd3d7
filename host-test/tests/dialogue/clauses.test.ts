// No normative statement of MQTT 3.1.1 without a row, no row without a test.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DONE, NOT_APPLICABLE, SECTIONS, SERVER } from "./clauses.ts";

const ALL = Object.entries(SECTIONS).flatMap(([section, count]) =>
  Array.from({ length: count }, (_, n) => `${section}-${n + 1}`),
);

test("every statement is in exactly one of the three tables", () => {
  const done = new Set(DONE.map(row => row[0]));
  for (const clause of ALL) {
    const places = [done.has(clause), clause in NOT_APPLICABLE, SERVER.includes(clause)].filter(Boolean).length;
    assert.equal(places, 1, `[MQTT-${clause}] is in ${places} tables`);
  }
});

test("no row is about a statement that does not exist", () => {
  for (const clause of [...DONE.map(row => row[0]), ...Object.keys(NOT_APPLICABLE), ...SERVER]) {
    assert.ok(ALL.includes(clause), `[MQTT-${clause}]`);
  }
});

test("every row names a test, or the row of a test, that is there", () => {
  const sources = new Map<string, string>();
  for (const [clause, , file, name] of DONE) {
    if (!sources.has(file)) sources.set(file, readFileSync(new URL(`../${file}`, import.meta.url), "utf8"));
    const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    // test("name", or the first cell of a table: ["name",
    assert.match(
      sources.get(file)!,
      new RegExp(`(test\\(|\\[)\\s*(["'\`])${quoted}\\2,`),
      `[MQTT-${clause}] in ${file}`,
    );
  }
});

test("a test that says which statement it is about says so in a row, too", () => {
  const files = [...new Set(DONE.map(row => row[2]))];
  for (const file of files) {
    const source = readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
    for (const [, clause] of source.matchAll(/\[MQTT-(\d+\.\d+\.\d+-\d+)\]/g)) {
      const known = DONE.some(row => row[0] === clause) || clause! in NOT_APPLICABLE || SERVER.includes(clause!);
      assert.ok(known, `[MQTT-${clause}] of ${file}`);
    }
  }
});
