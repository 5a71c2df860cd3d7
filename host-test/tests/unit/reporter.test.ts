// The reporter of `npm test`: what was not run is counted and named at the end.

import assert from "node:assert/strict";
import { env, execPath } from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeFolder, writeFile } from "../support/folder.ts";
import { runProgram } from "../support/program.ts";

const REPORTER = fileURLToPath(new URL("../reporter.js", import.meta.url));
const TESTS = `
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
  const cwd = makeFolder(t);
  writeFile(cwd, "some.test.mjs", TESTS);
  // As a run of its own, not as a part of this one.
  const options = { cwd, env: { ...env, NODE_TEST_CONTEXT: undefined } };
  const { code, out } = await runProgram(execPath, ["--test", `--test-reporter=${REPORTER}`, "some.test.mjs"], options);
  assert.equal(code, 0);
  assert.match(out, /^# pass 2$/m);
  assert.equal(
    out.slice(out.indexOf("# not run")),
    `# not run: suites 1, other tests 3
#   some.test.mjs > runs > has no tool: no such tool
#   some.test.mjs > runs > is skipped: why not
#   some.test.mjs > skips itself: no reason given
#   some.test.mjs > has a part > the part: too large
`,
  );
});
