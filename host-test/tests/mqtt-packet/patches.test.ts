// Each patch counts its matches. Where the installed mqtt-packet is not what a patch was written for, the build fails and
// names the file and the pattern.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundle } from "../../../targets/bundle/bundle.ts";
import { ALWAYS, type Group, PATCHES, type Patch, TRIM } from "../../../targets/bundle/patches.ts";
import { applyPatch, mqttPacketPlugin, sourceOf } from "../../../targets/bundle/trim.ts";

const ALL: readonly Group[] = [...ALWAYS, ...TRIM];
const subject = fileURLToPath(new URL("suite-subject.ts", import.meta.url));

for (const [file, patches] of Object.entries(PATCHES)) {
  test(`${file}: each of ${patches.length} patches notices one match less and one more`, () => {
    patches.reduce((text, patch) => {
      const match = firstMatch(patch, text);
      for (const changed of [text.replace(match, () => ""), `${text}\n${match}`]) {
        assert.throws(
          () => applyPatch(file, patch, changed),
          (error: Error) => error.message.includes(`mqtt-packet/${file}`) && error.message.includes(named(patch)),
        );
      }
      return applyPatch(file, patch, text);
    }, sourceOf(file));
  });
}

test("the build fails where mqtt-packet has changed, and says where", async () => {
  const changed = (file: string) => sourceOf(file).replace("const varByteIntCache = {}", "const lengthCache = {}");
  await assert.rejects(
    buildWith(changed),
    /mqtt-packet\/writeToStream\.js is not what patch group "caches" .*expected 1 of "const varByteIntCache = \{\}\\n", found 0/,
  );
});

test("the build fails where mqtt-packet has a file without an entry in patches.ts", async () => {
  const changed = (file: string) => `${file === "mqtt.js" ? "import './extra.js'\n" : ""}${sourceOf(file)}`;
  await assert.rejects(buildWith(changed), /mqtt-packet\/extra\.js is new/);
});

test("what the patches remove is not in the bundle", async () => {
  const text = await bundle({ entry: subject });
  for (const removed of ["Cache", "debug", "cork", "userProperties", "_parseConnect", "Buffer.alloc("]) {
    assert.ok(!text.includes(removed), removed);
  }
});

function buildWith(source: (file: string) => string) {
  return build({
    entryPoints: [subject],
    bundle: true,
    write: false,
    logLevel: "silent",
    plugins: [mqttPacketPlugin(ALL, source)],
  });
}

function firstMatch([, find]: Patch, text: string): string {
  if (typeof find === "string") return find;
  return [...text.matchAll(find)][0]![0];
}

/** As in the message of the error. */
function named([, find]: Patch): string {
  return find instanceof RegExp ? String(find) : JSON.stringify(find);
}
