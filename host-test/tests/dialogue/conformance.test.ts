// The MQTT cases of AWS IoT Device Advisor, each with 300 seeds, on Node and in XS; and docs/conformance.md, which lists
// them and the clauses of MQTT 3.1.1.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { startXs, type Xs } from "../../harness/xs/host.ts";
import { BUNDLE } from "../engines/engines.ts";
import { MqttClient } from "../support/subject.ts";
import { DONE, NOT_APPLICABLE, SERVER } from "./clauses.ts";
import { CASE_NAMES, start } from "./conformance-program.ts";

const SEEDS = 300;

let xs: Xs;
before(async () => {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    const outfile = join(folder, "program.mjs");
    const program = fileURLToPath(new URL("conformance-program.ts", import.meta.url));
    await build({
      entryPoints: [program],
      bundle: true,
      outfile,
      format: "esm",
      platform: "neutral",
      target: "es2022",
    });
    xs = await startXs();
    await xs.evaluate(`(async () => {
      const lib = await import(${JSON.stringify(BUNDLE)});
      const { start } = await import(${JSON.stringify(outfile)});
      host.register("play", start(lib).play);
    })()`);
  } finally {
    rmSync(folder, { recursive: true });
  }
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
