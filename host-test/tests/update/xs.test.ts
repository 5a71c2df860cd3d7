// The same cases in XS, the engine of the device: every power failure, every bad file, server and URI. The cryptography is
// that of this process.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { startXs, type Xs } from "../../harness/xs/host.ts";
import { nodePrimitives } from "../engines/tls/node-primitives.ts";
import { assertOutcome } from "./assert-outcome.ts";
import { BAD_CASES } from "./bad-cases.ts";
import type { Outcome } from "./cases.ts";
import { fileOf, NEXT, OLD, publicKey } from "./files.ts";
import { OUTCOMES, type PowerReport, SETTINGS } from "./power.ts";

const latin = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

/** Bytes cross the border as texts of one character for each: JSON writes most of them as they are. */
const PROGRAM = `
import { runCase } from "./cases.ts";
import { failEverywhere } from "./power.ts";
const bytes = text => Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));
const latin = bytes => {
  let text = "";
  for (let at = 0; at < bytes.length; at += 256) text += String.fromCharCode.apply(null, bytes.subarray(at, at + 256));
  return text;
};
const engine = {
  primitives: {
    digest: (hash, message) => bytes(host.call("digest", [hash, latin(message)])),
    power: () => { throw new Error("not RSA here"); },
    verify: ({ curve, point }, hash, message, r, s) =>
      host.call("verify", [curve, hash, ...[point, message, r, s].map(latin)]),
  },
  sha256() {
    let all = "";
    return { write: part => { all += latin(part); }, close: () => bytes(host.call("digest", ["SHA256", all])) };
  },
};
const build = ({ version, image }) => ({ version, image: bytes(image) });
host.register("case", ({ key, old, next, one }) =>
  runCase(engine, bytes(key), build(old), build(next), JSON.parse(one, (name, value) => name === "file" || name === "body" ? bytes(value) : value)));
host.register("power", ({ key, old, next, file, setting }) =>
  failEverywhere({ engine, key: bytes(key), old: build(old), next: build(next), file: bytes(file) }, setting));
`;

const shared = {
  key: latin(publicKey),
  old: { version: OLD.version, image: latin(OLD.image) },
  next: { version: NEXT.version, image: latin(NEXT.image) },
};

let xs: Xs;
let folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "iotf-update-xs-"));
  const outfile = join(folder, "update.js");
  const resolveDir = fileURLToPath(new URL(".", import.meta.url));
  const stdin = { contents: PROGRAM, resolveDir, loader: "js" as const };
  await build({ stdin, outfile, bundle: true, format: "esm", target: "es2022", logLevel: "silent" });
  xs = await startXs({
    modules: [outfile],
    calls: {
      digest: ([hash, message]: [string, string]) => latin(createHash(hash).update(bytes(message)).digest()),
      verify: ([curve, hash, ...texts]: [never, never, string, string, string, string]) => {
        const [point, message, r, s] = texts.map(bytes) as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
        return nodePrimitives.verify({ curve, point }, hash, message, r, s);
      },
    },
  });
});
after(async () => {
  await xs?.close();
  rmSync(folder, { recursive: true });
});

describe("in XS", () => {
  for (const one of BAD_CASES) {
    test(`download: ${one.name}`, async () => {
      const text = JSON.stringify(one, (_, value) => (value instanceof Uint8Array ? latin(value) : value));
      assertOutcome(one, await xs.call<Outcome>("case", { ...shared, one: text }));
    });
  }

  for (const setting of SETTINGS) {
    test(`the power fails at every step: ${JSON.stringify(setting)}`, async () => {
      const report = await xs.call<PowerReport>("power", { ...shared, file: latin(fileOf(NEXT)), setting });
      assert.ok(report.steps >= 18, `${report.steps} steps`);
      assert.deepEqual(Object.keys(report.outcomes).sort(), [...OUTCOMES].sort());
    });
  }
});
