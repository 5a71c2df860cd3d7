// NEEDS dist/ (npm run build). The example project of docs/testing.md, copied out of the tree, with the packed package:
// it compiles, and its tests pass on Node and in XS, without network, in seconds.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, test } from "node:test";
import { makeFolder, ROOT } from "../../support/folder.ts";
import { type Ended, outputOf, runProgram } from "../../support/program.ts";
import { blocks, installPackage } from "./project.ts";

const EXAMPLE = join(ROOT, "targets/examples/tested");
const PACKAGE = JSON.parse(readFileSync(join(EXAMPLE, "package.json"), "utf8"));
/** What `npm test` gives to Node. */
const SCRIPT: string[] = PACKAGE.scripts.test.split(" ").slice(1);
/** The example's own bound, on two shared cores. */
const MOST_MS = 5000;

const NO_NETWORK = `
import dns from "node:dns";
import net from "node:net";
const refuse = () => { throw new Error("a test used the network"); };
net.Socket.prototype.connect = refuse;
net.Server.prototype.listen = refuse;
dns.lookup = refuse;
`;

describe("the example project", { timeout: 120_000 }, () => {
  const project = makeFolder();
  // What the runner of this test tells its children would keep the runner of the example from running anything.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const node = (...args: string[]): Promise<Ended> => runProgram(process.execPath, args, { cwd: project, env });

  const xs = (...args: string[]) => node("node_modules/iotf-embedded/dist/cli.js", "xs", ...args);

  before(() => {
    installPackage(project);
    cpSync(EXAMPLE, project, { recursive: true });
    writeFileSync(join(project, "no-network.mjs"), NO_NETWORK);
  });

  test("without esbuild or the engine, xs says what to install", async () => {
    const { code, err } = await xs("--test", "thermostat.test.ts");
    assert.deepEqual([code, err], [1, "iotf-embedded xs: this needs esbuild: npm install --save-dev esbuild\n"]);
    link("esbuild");
    const second = await xs("main.ts");
    assert.equal(second.code, 1);
    assert.match(second.err, /^iotf-embedded xs: this needs the XS engine.*npm install --save-dev @agoric\/xsnap.*\n$/);
  });

  test("with an engine whose install script was blocked, xs says how to build it", async () => {
    const folder = join(project, "node_modules/@agoric/xsnap");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), '{ "name": "@agoric/xsnap" }');
    const { code, err } = await xs("main.ts");
    rmSync(folder, { recursive: true });
    assert.equal(code, 1);
    assert.match(
      err,
      /^iotf-embedded xs: .* not built: npm approve-scripts @agoric\/xsnap .*npm rebuild @agoric\/xsnap/,
    );
    assert.equal(err.trim().split("\n").length, 1);
  });

  test("names the packages it needs, and compiles", async () => {
    const needed = ["esbuild", "tsx", "typescript", "@types/node", "@agoric/xsnap"];
    assert.deepEqual(Object.keys(PACKAGE.devDependencies).sort(), needed.sort());
    for (const name of needed) link(name);
    await outputOf(node("node_modules/typescript/bin/tsc", "-p", "."));
  });

  test("its tests pass on Node, without network, in less than five seconds", async t => {
    // The best of three: other tests use the same cores.
    let took = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 3 && took > MOST_MS; i++) {
      const from = performance.now();
      const out = await outputOf(node("--import", "./no-network.mjs", ...SCRIPT));
      took = performance.now() - from;
      assert.match(out, /^(# |ℹ )pass 10$/m);
    }
    t.diagnostic(`${Math.round(took)} ms`);
    assert.ok(took < MOST_MS, `${took} ms`);
  });

  test("the same file passes in XS", async () => {
    const out = await outputOf(xs("--test", "thermostat.test.ts"));
    assert.match(out, /^10 of 10 tests are fine in both engines$/m);
    assert.match(out, /commandCallback setTarget +\d/);
    assert.match(out, /clock\.timer +\d/);
  });

  test("the first test of the document passes, and fails as it says there", async () => {
    const document = readFileSync(join(ROOT, "docs/testing.md"), "utf8");
    const [program, tests] = blocks("docs/testing.md", "ts");
    writeFileSync(join(project, "device.ts"), program!);
    writeFileSync(join(project, "device.test.ts"), tests!);
    const first = await node("--import", "./no-network.mjs", "--import", "tsx", "--test", "device.test.ts");
    assert.equal(first.code, 0, first.out);
    const types = await node("node_modules/typescript/bin/tsc", "-p", ".");
    assert.equal(types.code, 0, types.out);
    writeFileSync(join(project, "device.test.ts"), tests!.replace("{ temp: 20 }", "{ temp: 21 }"));
    const second = await node("--import", "tsx", "--test", "device.test.ts");
    assert.equal(second.code, 1);
    const plain = (text: string) => text.replaceAll(/^ +/gm, "");
    const failure = /^ {4}ExpectationError: ([\s\S]*?\(seed 1\))$/m.exec(document)![1]!;
    assert.ok(plain(second.out).includes(plain(failure)), second.out);
  });

  test("the program of the document outlives a refused token", async () => {
    const refusal = `
      import { test } from "node:test";
      import { testDevice } from "iotf-embedded/testing";
      import { main } from "./device.ts";

      test("its timer ends with the connection", () => {
        const t = testDevice(({ options }) => main(options));
        t.platform.accept();
        t.platform.closeConnection();
        t.advanceToConnect();
        t.platform.refuse(5);
        t.expectNoConnection(3_600_000);
      });`;
    writeFileSync(join(project, "refusal.test.ts"), refusal);
    await outputOf(node("--import", "tsx", "--test", "refusal.test.ts"));
  });

  test("a mistake in it does not pass", async () => {
    const file = join(project, "thermostat.ts");
    const program = readFileSync(file, "utf8");
    writeFileSync(file, program.replace("unreported = !client", "unreported = false && !client"));
    const { code, out } = await node(...SCRIPT);
    writeFileSync(file, program);
    assert.equal(code, 1);
    assert.match(out, /expected an event "heating", but there/);
    assert.match(out, /device {2}← PUBLISH #1 q1 iot-2\/cmd\/setTarget\/fmt\/json \{"celsius":22\}/);
  });

  function link(name: string): void {
    const path = join(project, "node_modules", name);
    mkdirSync(dirname(path), { recursive: true });
    try {
      symlinkSync(join(ROOT, "node_modules", name), path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
});
