// README, CONTRIBUTING and docs/: each link leads to a file of the package and to a heading that is there, each source file
// that they name exists, and the README keeps its size.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import { anchor } from "../../../../targets/docs/reference.ts";
import { ROOT } from "../../support/folder.ts";
import { packedFiles } from "./project.ts";

const MOST_WORDS = 1100;
/** The way of an event and of a command in the README. */
const STEPS = 10;

const packed = packedFiles();
const pages = packed.filter(path => path.endsWith(".md"));
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

const sources = ["src", "targets", "host-test"].flatMap(folder =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter(path => !path.includes("node_modules"))
    .map(path => join(folder, path)),
);

/** A page without its code blocks: what looks like a link there is none. */
function prose(path: string): string {
  return read(path).replace(/^```[\s\S]*?^```/gm, "");
}

function anchors(path: string): string[] {
  return [...prose(path).matchAll(/^#+ (.*)$/gm)].map(([, title]) => anchor(title!));
}

test("the package has the pages", () => {
  for (const page of [
    "README.md",
    "CONTRIBUTING.md",
    "docs/architecture.md",
    "docs/reference.md",
    "docs/protocol.md",
  ]) {
    assert.ok(pages.includes(page), page);
  }
});

for (const page of pages) {
  describe(page, () => {
    test("each link leads to a file of the package, and to a heading that is there", () => {
      for (const [, target] of prose(page).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^https?:/.test(target!)) continue;
        const [path, heading] = target!.split("#");
        const file = path ? normalize(join(dirname(page), path)) : page;
        assert.ok(packed.includes(file), `${target}: not in the package`);
        if (heading && file.endsWith(".md")) assert.ok(anchors(file).includes(heading), `${target}: no such heading`);
      }
    });

    test("each source file that it names exists", () => {
      for (const [, name] of prose(page).matchAll(/`((?:[\w.-]+\/)*[\w.-]+\.(?:ts|js|json))`/g)) {
        if (!/^(src|targets|host-test)\//.test(name!)) continue;
        assert.ok(existsSync(join(ROOT, name!)), name);
      }
      for (const [, folder] of prose(page).matchAll(/`((?:src|targets|host-test)\/[\w./-]*\/)`/g)) {
        assert.ok(existsSync(join(ROOT, folder!)), folder);
      }
    });
  });
}

test(`the README has at most ${MOST_WORDS} words`, () => {
  const words = read("README.md").split(/\s+/).filter(Boolean).length;
  assert.ok(words <= MOST_WORDS, `${words} words`);
});

test("the README links every page", () => {
  const linked = [...prose("README.md").matchAll(/\]\(([^)\s#]+)\)/g)].map(([, target]) => target!);
  const own = pages.filter(page => !page.startsWith("docs/decisions/") && page !== "README.md");
  const unlinked = own.filter(page => !linked.includes(page));
  assert.deepEqual(unlinked, []);
});

test("the README tells the way of an event and of a command in ten lines each, with a file in each", () => {
  const section = read("README.md").split("## How it works")[1]!.split("\n## ")[0]!;
  const lines = section.split("\n").filter(line => /^\d+\. /.test(line));
  assert.equal(lines.length, 2 * STEPS);
  const named = lines.flatMap(line => [...line.matchAll(/`((?:src|targets)\/[^`]+)`/g)].map(([, path]) => path!));
  assert.ok(named.length >= 2 * STEPS, `${named.length} files`);
  for (const path of named) assert.ok(sources.includes(path), path);
});
