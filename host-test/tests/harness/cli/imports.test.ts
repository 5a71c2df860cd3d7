// Rules for the imports and names of host-test/harness: it holds what users get, so it needs no test.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const HARNESS = fileURLToPath(new URL("../../../harness", import.meta.url));

/** Files by their path in harness/, with the harness files that each imports. */
const imports = new Map<string, string[]>();
/** Imports that leave harness/. */
const outside: string[] = [];

for (const entry of readdirSync(HARNESS, { recursive: true, encoding: "utf8" })) {
  if (!/\.[jt]s$/.test(entry)) continue;
  const text = readFileSync(join(HARNESS, entry), "utf8");
  const paths = [...text.matchAll(/(?:from|import\(|import) ?"(\.[^"]+)"/g)].map(([, path]) =>
    relative(HARNESS, resolve(dirname(join(HARNESS, entry)), path!)).replaceAll("\\", "/"),
  );
  imports.set(
    entry.replaceAll("\\", "/"),
    paths.filter(path => !path.startsWith("..")),
  );
  outside.push(...paths.filter(path => path.startsWith("..")).map(path => `${entry}: ${path}`));
}

test("the harness imports no test and no bench", () => {
  const wrong = outside.filter(line => /: \.\.\/(tests|bench)\//.test(line));
  assert.deepEqual(wrong, []);
  assert.ok(outside.length > 0, "imports were found");
});

test("shipped code does not import the demo of a clone", () => {
  const importers = [...imports].filter(([, paths]) => paths.some(path => path.startsWith("demo/")));
  assert.deepEqual(
    importers.map(([file]) => file).filter(file => !file.startsWith("demo/")),
    [],
  );
});

test("no import circles", () => {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    assert.equal(start, -1, `circle: ${[...path.slice(start), file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const next of imports.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  assert.ok(done.size > 50);
});

test("no test helpers among the files", () => {
  // harness/testing is a product: iotf-embedded/testing.
  const helpers = [...imports.keys()].filter(file =>
    /\.test\.ts$|^(testing|chromium|certificates)\.ts$/.test(basename(file)),
  );
  assert.deepEqual(helpers, []);
});
