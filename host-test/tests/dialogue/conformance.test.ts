// The MQTT cases of AWS IoT Device Advisor, each with 300 seeds, on Node and in XS; and docs/conformance.md, which lists
// them and every normative statement of MQTT 3.1.1 (appendix B) in one of three tables: what the client does and the test
// that shows it; why it does not apply; those that bind a server alone.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { BUNDLE } from "../engines/engines.ts";
import { MqttClient } from "../support/subject.ts";
import { CASE_NAMES, start } from "./conformance-program.ts";
import { testOnNodeAndXs } from "./node-and-xs.ts";

testOnNodeAndXs(CASE_NAMES, start({ MqttClient }), new URL("conformance-program.ts", import.meta.url), BUNDLE);

const PAGE = readFileSync(new URL("../../../docs/conformance.md", import.meta.url), "utf8");

test("docs/conformance.md lists every case that is played, and no other", () => {
  const listed = [...PAGE.matchAll(/^\| `(\w+)` \|/gm)].map(match => match[1]);
  assert.deepEqual(listed, CASE_NAMES);
});

/** How many statements each section has, numbered from 1. */
const SECTIONS: Record<string, number> = {
  "1.5.3": 3,
  "2.2.2": 2,
  "2.3.1": 7,
  "3.1.0": 2,
  "3.1.2": 24,
  "3.1.3": 11,
  "3.1.4": 5,
  "3.2.0": 1,
  "3.2.2": 6,
  "3.3.1": 12,
  "3.3.2": 3,
  "3.3.4": 1,
  "3.3.5": 2,
  "3.6.1": 1,
  "3.8.1": 1,
  "3.8.3": 4,
  "3.8.4": 6,
  "3.9.3": 2,
  "3.10.1": 1,
  "3.10.3": 2,
  "3.10.4": 6,
  "3.12.4": 1,
  "3.14.1": 1,
  "3.14.4": 3,
  "4.1.0": 2,
  "4.3.1": 1,
  "4.3.2": 2,
  "4.3.3": 2,
  "4.4.0": 1,
  "4.5.0": 2,
  "4.6.0": 6,
  "4.7.1": 3,
  "4.7.2": 1,
  "4.7.3": 4,
  "4.8.0": 2,
  "6.0.0": 4,
  "7.0.0": 2,
  "7.1.1": 1,
  "7.1.2": 1,
};

const [DONE_TABLE, , NOT_APPLICABLE_TABLE, SERVER_LIST] = PAGE.split("<!-- clauses -->\n")[1]!.split("\n\n");

/** The cells of each row of a table, each of which must have this form. */
function rowsOf(table: string, form: RegExp): string[][] {
  const rows = table.split("\n").slice(2);
  return rows.map(row => {
    assert.match(row, form);
    return form.exec(row)!.slice(1);
  });
}

/** Clause, what the client does, the test's file, and its name or the name of its row. */
const DONE = rowsOf(DONE_TABLE!, /^\| ([\d.]+-\d+) \| ([^|]+) \| ([^|:]+): ([^|]+) \|$/);
const NOT_APPLICABLE = rowsOf(NOT_APPLICABLE_TABLE!, /^\| ([\d.]+-\d+) \| ([^|]+) \|$/);
const SERVER = SERVER_LIST!.replace(/^Clauses for servers only: (.*)\.\n$/, "$1").split(", ");
/** The clauses of each table. */
const TABLES = [DONE.map(([clause]) => clause!), NOT_APPLICABLE.map(([clause]) => clause!), SERVER];

function sourceOf(file: string): string {
  return readFileSync(new URL(`../${file}`, import.meta.url), "utf8");
}

test("every statement is in exactly one of the three tables", () => {
  for (const [section, count] of Object.entries(SECTIONS)) {
    for (let n = 1; n <= count; n++) {
      const places = TABLES.filter(clauses => clauses.includes(`${section}-${n}`)).length;
      assert.equal(places, 1, `[MQTT-${section}-${n}] is in ${places} tables`);
    }
  }
});

test("no row is about a statement that does not exist", () => {
  for (const clause of TABLES.flat()) {
    const [section, number] = clause.split("-");
    assert.ok(Number(number) >= 1 && Number(number) <= SECTIONS[section!]!, `[MQTT-${clause}]`);
  }
});

test("every row names a test, or the row of a test, that is there", () => {
  for (const [clause, , file, name] of DONE) {
    const quoted = name!.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    // test("name", or the first cell of a table: ["name",
    assert.match(sourceOf(file!), new RegExp(`(test\\(|\\[)\\s*(["'\`])${quoted}\\2,`), `[MQTT-${clause}] in ${file}`);
  }
});

test("a test that says which statement it is about says so in a row, too", () => {
  for (const file of new Set(DONE.map(([, , file]) => file!))) {
    for (const [, clause] of sourceOf(file).matchAll(/\[MQTT-(\d+\.\d+\.\d+-\d+)\]/g)) {
      assert.ok(TABLES.flat().includes(clause!), `[MQTT-${clause}] of ${file}`);
    }
  }
});
