// The other scripts of a clone: their help, their errors, and the built command line.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type Ended, runProgram } from "../../support/program.ts";

const ROOT = new URL("../../../../", import.meta.url);

function bench(...args: string[]): Promise<Ended> {
  return runProgram(process.execPath, [
    "--import",
    "tsx",
    fileURLToPath(new URL("host-test/bench/main.ts", ROOT)),
    ...args,
  ]);
}

test("npm run bench -- --help shows every option and measures nothing", async () => {
  const { code, out, err } = await bench("--help");
  assert.deepEqual([code, err], [0, ""]);
  for (const option of ["--json", "--quick", "--update", "--help"]) assert.match(out, new RegExp(`^  ${option} `, "m"));
});

test("npm run bench with an unknown option: one line, exit code 2", async () => {
  assert.deepEqual(await bench("--jsno"), { code: 2, out: "", err: "npm run bench: unknown option --jsno\n" });
});

test("the built command line runs by its name", {
  skip: process.platform === "win32" && "npm makes a .cmd file of it",
}, async () => {
  const { version } = JSON.parse(readFileSync(new URL("package.json", ROOT), "utf8"));
  const ended = await runProgram(fileURLToPath(new URL("dist/cli.js", ROOT)), ["--version"]);
  assert.deepEqual(ended, { code: 0, out: `${version}\n`, err: "" });
});
