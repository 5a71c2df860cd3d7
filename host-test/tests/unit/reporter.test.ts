// The reporter of `npm test`: what was not run and what failed is counted and named at the end.

import assert from "node:assert/strict";
import { env, execPath } from "node:process";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeFolder, writeFile } from "../support/folder.ts";
import { runProgram } from "../support/program.ts";

const REPORTER = fileURLToPath(new URL("../reporter.js", import.meta.url));
/** The end of the report on a test file. */
async function report(t: TestContext, tests: string) {
  const cwd = makeFolder(t);
  writeFile(cwd, "some.test.mjs", tests);
  // As a run of its own, not as a part of this one.
  const options = { cwd, env: { ...env, NODE_TEST_CONTEXT: undefined } };
  const { code, out } = await runProgram(execPath, ["--test", `--test-reporter=${REPORTER}`, "some.test.mjs"], options);
  return { code, out, end: out.slice(out.indexOf("# not run")) };
}

const SKIPPED = `
import { describe, test } from "node:test";
describe("runs", () => {
  describe("has no tool", { skip: "no such tool" }, () => test("is not counted", () => {}));
  test("is skipped", { skip: "why not" }, () => {});
  test("passes", () => {});
});
test("skips itself", t => t.skip());
test("has a part", t => t.test("the part", { skip: "too large" }, () => {}));
`;

test("skipped suites and tests are counted and named with their reasons, behind the report of Node", async t => {
  const { code, out, end } = await report(t, SKIPPED);
  assert.equal(code, 0);
  assert.match(out, /^# pass 2$/m);
  assert.equal(
    end,
    `# not run: suites 1, other tests 3
#   some.test.mjs > runs > has no tool: no such tool
#   some.test.mjs > runs > is skipped: why not
#   some.test.mjs > skips itself: no reason given
#   some.test.mjs > has a part > the part: too large
`,
  );
});

const FAILING = `
import { describe, test } from "node:test";
describe("some", () => {
  test("passes", () => {});
  test("throws", () => { throw new Error("no such broker\\nand more"); });
  test("has a part", t => t.test("the part", () => Promise.reject("a text")));
});
`;

test("a failed test is named at the very end, with the first line of its error, and the suites around it are not", async t => {
  const { code, end } = await report(t, FAILING);
  assert.equal(code, 1);
  assert.equal(
    end,
    `# not run: suites 0, other tests 0
# failed: 2
#   some.test.mjs > some > throws: no such broker
#   some.test.mjs > some > has a part > the part: a text
`,
  );
});
