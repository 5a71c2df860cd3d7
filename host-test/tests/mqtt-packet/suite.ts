// Runs mqtt-packet's published test suite (test.js in its package), unchanged, on a patched mqtt-packet, on Node and in a
// real XS engine.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";
import { bundle } from "../../../targets/bundle/bundle.ts";
import type { Group } from "../../../targets/bundle/patches.ts";
import { MQTT_PACKET } from "../../../targets/bundle/trim.ts";
import { XsWorker } from "../../harness/xs/worker.ts";
import { withFolder } from "../support/folder.ts";

export type Engine = "node" | "xs";

/** Each case by name, with the text of its failure, or "". */
export type Outcome = Map<string, string>;

const SUITE = join(MQTT_PACKET, "test.js");
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));

export function runSuite(trim: readonly Group[], engine: Engine): Promise<Outcome> {
  return withFolder(async folder => {
    const subject = join(folder, "subject.js");
    await bundle({ entry: here("suite-subject.ts"), outfile: subject, trim });
    const suite = join(folder, "suite.mjs");
    await bundleSuite(subject, suite, engine);
    const results: { name: string; failure: string }[] = JSON.parse(await resultsOf(suite, engine));
    return new Map(results.map(({ name, failure }) => [name, failure]));
  });
}

/** What the suite loads, by CommonJS name. */
const shims = (subject: string): Record<string, string> => ({
  tape: `module.exports = require(${JSON.stringify(here("tape.ts"))}).test`,
  "./": `module.exports = require(${JSON.stringify(subject)})`,
  "readable-stream": `exports.Writable = require(${JSON.stringify(here("streams.ts"))}).writable`,
  util: "exports.inspect = String",
});

/** The worker has no memory for the packet of 256 MiB. */
const LARGEST = /^; \(\(\) => \{\n {2}const maxLength = 268435455\n[\s\S]*?^\}\)\(\)\n/gm;

function suiteText(engine: Engine): string {
  const text = readFileSync(SUITE, "utf8");
  assert.equal(text.match(LARGEST)?.length, 1);
  return engine === "xs" ? text.replace(LARGEST, "") : text;
}

async function bundleSuite(subject: string, outfile: string, engine: Engine): Promise<void> {
  const contents = shims(subject);
  const plugin: Plugin = {
    name: "suite",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^mqtt-packet-test-suite$/ }, () => ({ path: SUITE }));
      onLoad({ filter: /[\\/]mqtt-packet[\\/]test\.js$/ }, () => ({ contents: suiteText(engine) }));
      onResolve({ filter: /./ }, ({ path, importer }) =>
        importer === SUITE && contents[path] ? { path, namespace: "shim" } : undefined,
      );
      onLoad({ filter: /./, namespace: "shim" }, ({ path }) => ({ contents: contents[path]!, resolveDir: here(".") }));
    },
  };
  await build({
    entryPoints: [here("suite-main.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "neutral",
    target: "es2020",
    inject: [here("suite-buffer.ts")],
    plugins: [plugin],
    logLevel: "silent",
  });
}

async function resultsOf(suite: string, engine: Engine): Promise<string> {
  if (engine === "node") {
    await import(pathToFileURL(suite).href);
    return (globalThis as unknown as { suiteResults: string }).suiteResults;
  }
  const worker = new XsWorker();
  try {
    await worker.importModule(suite);
    return (await worker.evaluate("new TextEncoder().encode(suiteResults).buffer")).toString();
  } finally {
    await worker.close();
  }
}
