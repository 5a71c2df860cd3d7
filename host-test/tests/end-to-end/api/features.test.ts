// docs/features.md: every "y" of ours names a test that is there, by the file and the name it has.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../../../../docs/features.md", import.meta.url));
const OURS = 5;
const PROOF = 6;

const rows = readFileSync(PAGE, "utf8")
  .split("\n")
  .filter(line => line.startsWith("| ") && !line.startsWith("| Feature") && !line.startsWith("| -"))
  .map(line =>
    line
      .split("|")
      .slice(1, -1)
      .map(cell => cell.trim()),
  );

/** A test, or a case of a program that runs on Node and in XS: the text that names it. */
const NAME = /(?:(?<![.\w])test\(\s*|^ {2}(?=.*: lib => ))("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)/gm;

/** The names of the tests in a file, as patterns: what a template fills in may be anything. */
function testNames(path: string): RegExp[] {
  return [...readFileSync(path, "utf8").matchAll(NAME)].map(([, literal]) => pattern(literal!));
}

function pattern(literal: string): RegExp {
  const text = literal.slice(1, -1).replace(/\\(.)/g, "$1");
  const parts = literal.startsWith("`") ? text.split(/\$\{[^}]*\}/) : [text];
  return new RegExp(`^${parts.map(part => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".+")}$`);
}

test("the table has a row for each feature, with five columns of answers", () => {
  assert.ok(rows.length > 40, `${rows.length} rows`);
  for (const row of rows) {
    assert.equal(row.length, PROOF + 1, row[0]);
    for (const cell of row.slice(1, PROOF)) assert.match(cell!, /^[ynp][¹²³⁴-⁹⁰]*$/, row[0]);
  }
});

for (const row of rows) {
  const [feature] = row;
  test(`${feature}: the proof of ours is there`, () => {
    const [, file, name] = /^`([\w./-]+)` (.+)$/.exec(row[PROOF]!) ?? [];
    if (row[OURS] !== "y") return assert.equal(row[PROOF], "", "only a yes has a proof");
    const path = fileURLToPath(new URL(`../../${file}`, import.meta.url));
    assert.ok(file && existsSync(path), `no test file ${file}`);
    assert.ok(
      testNames(path).some(known => known.test(name!)),
      `${file} has no test "${name}"`,
    );
  });
}

test("a name that is nobody's is noticed", () => {
  const here = testNames(fileURLToPath(import.meta.url));
  assert.ok(here.some(known => known.test("a name that is nobody's is noticed")));
  assert.ok(!here.some(known => known.test("a name that is nobody's")));
});
