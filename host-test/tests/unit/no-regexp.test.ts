// What runs on a Moddable device has no regular expressions: on a chip, compiling one takes up to 65 KB of heap, and a
// program without them leaves the engine's RegExp out of flash.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseSync, traverse } from "@babel/core";
import { transformSync } from "esbuild";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** Regular expressions in a module, as they stand there. */
function expressionsIn(source: string): string[] {
  const found: string[] = [];
  traverse(parseSync(transformSync(source, { loader: "ts" }).code, { configFile: false, babelrc: false })!, {
    RegExpLiteral: ({ node }) => void found.push(`/${node.pattern}/`),
    Identifier: ({ node }) => void (node.name === "RegExp" && found.push("RegExp")),
  });
  return found;
}

test("the search finds literals and the constructor", () => {
  assert.deepEqual(expressionsIn("const a: string = 4 / 2 / 1; b.test(/x+/g); new RegExp(c);"), ["/x+/", "RegExp"]);
});

for (const folder of ["src/", "targets/moddable/"]) {
  for (const file of readdirSync(ROOT + folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.endsWith(".d.ts")) continue;
    test(`${folder}${file} has no regular expression`, () => {
      assert.deepEqual(expressionsIn(readFileSync(ROOT + folder + file, "utf8")), []);
    });
  }
}
