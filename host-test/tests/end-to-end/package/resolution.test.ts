// NEEDS dist/ (npm run build). The packed package in an empty project: the README program compiles under each way of
// resolving modules, a bundle without an engine says what is missing, and an uncaught error prints the caller's line.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { makeFolder } from "../../support/folder.ts";
import { outputOf, runProgram } from "../../support/program.ts";
import { blocks, compile, installPackage } from "./project.ts";

const [README] = blocks("README.md", "js");
/** Lines that Node prints about an uncaught error. The issue was one line of 71,630 characters. */
const MOST_ERROR_BYTES = 1500;
/** A line ends after the token that passes the limit of the build; string literals are the longest tokens. */
const MOST_COLUMNS = 250;

const project = makeFolder();
before(() => {
  installPackage(project);
});

describe("the README program compiles, as TypeScript and as JavaScript", { timeout: 120_000 }, () => {
  const ways: [string, Record<string, unknown>][] = [
    ["node16", { module: "node16" }],
    ["nodenext", { module: "nodenext" }],
    ["bundler, no condition", { module: "esnext", moduleResolution: "bundler" }],
    ["bundler, condition node", { module: "esnext", moduleResolution: "bundler", customConditions: ["node"] }],
  ];
  const http = `import { HttpClient } from "iotf-embedded/http";\nnew HttpClient({ host: "127.0.0.1" });\n`;
  for (const [name, options] of ways) {
    test(name, async () => {
      const files = { "sample.ts": README!, "sample.js": README!, "http.ts": http };
      await outputOf(compile(project, files, { allowJs: true, checkJs: true, ...options }));
    });
  }

  test("without an engine, functions of Node's entry do not compile", async () => {
    const files = { "sample.ts": `import { parseConfigFile } from "iotf-embedded";\nparseConfigFile("device.ini");\n` };
    const { code, out } = await compile(project, files, { module: "esnext", moduleResolution: "bundler" });
    assert.notEqual(code, 0);
    assert.match(out, /no exported member named 'parseConfigFile'/);
  });
});

describe("bundled for a neutral platform", { timeout: 60_000 }, () => {
  async function bundled(text: string): Promise<string> {
    const outfile = join(project, "bundled.mjs");
    await build({
      stdin: { contents: text, resolveDir: project },
      outfile,
      bundle: true,
      format: "esm",
      platform: "neutral",
      logLevel: "silent",
    });
    return outfile;
  }

  const programs = {
    "the README program": README!,
    MqttClient: `import { MqttClient } from "iotf-embedded"; new MqttClient({ endpoint: { host: "h", port: 1 }, clientId: "x" });`,
    HttpClient: `import { HttpClient } from "iotf-embedded/http"; new HttpClient({ host: "h" });`,
  };
  for (const [name, text] of Object.entries(programs)) {
    test(`${name} without ports: ConfigurationException that says what to do`, async () => {
      const file = await bundled(text);
      await assert.rejects(import(`${pathToFileURL(file).href}?${name}`), {
        name: "ConfigurationException",
        code: "configuration",
        message: /^no ports: build for Node \(condition "node"\) or Moddable .*, or pass ports as the last argument$/,
      });
    });
  }

  test("with ports it works", async () => {
    const file = await bundled(`
      import { DeviceClient, MqttClient } from "iotf-embedded";
      export const ids = ports => [
        new DeviceClient({ host: "h", type: "t" }, ports).clientId,
        new MqttClient({ endpoint: { host: "h", port: 1 }, clientId: "x" }, ports).clientId,
      ];`);
    const { ids } = await import(`${pathToFileURL(file).href}?ports`);
    const clock = { now: () => 0, date: () => 0, timer: () => ({ set: () => {}, clear: () => {} }) };
    assert.deepEqual(ids({ clock, random: () => 0.5, serial: "s", open: () => {} }), ["d:quickstart:t:s", "x"]);
  });
});

describe("an uncaught error", { timeout: 60_000 }, () => {
  const device = `new DeviceClient({ org: "abc123", type: "t", id: "i", "auth-method": "token", "auth-token": "x" })`;
  const mqtt = `new MqttClient({ endpoint: { host: "h", port: 1 }, clientId: "x" })`;
  const http = `import { HttpClient } from "iotf-embedded/http";`;

  async function uncaught(text: string): Promise<{ err: string; first: string; frames: string[] }> {
    const file = join(project, "uncaught.mjs");
    writeFileSync(file, text);
    const { code, err } = await runProgram(process.execPath, [file], { cwd: project });
    assert.equal(code, 1, err);
    assert.ok(err.length < MOST_ERROR_BYTES, `${err.length} bytes`);
    return { err, first: err.split("\n")[1]!, frames: err.split("\n").filter(line => /^ {4}at /.test(line)) };
  }

  const calls: [name: string, before: string, call: string, error: RegExp][] = [
    ["new DeviceClient", "", "new DeviceClient({ org: 7 })", /^ConfigurationException: /m],
    ["publishEvent", `const c = ${device};`, `c.publishEvent("a/b", "json", {})`, /^InvalidEventException: /m],
    [
      "setMessageEncoderModule",
      `const c = ${device};`,
      `c.setMessageEncoderModule("a/b")`,
      /^ConfigurationException: /m,
    ],
    ["new MqttClient", "", "new MqttClient({ clientId: 7 })", /^ConfigurationException: /m],
    ["publish", `const c = ${mqtt};`, `c.publish("#", new Uint8Array(0))`, /^ConfigurationException: /m],
    ["subscribe", `const c = ${mqtt};`, "c.subscribe([])", /^ConfigurationException: /m],
    ["unsubscribe", `const c = ${mqtt};`, `c.unsubscribe([""])`, /^ConfigurationException: /m],
    ["new HttpClient", http, "new HttpClient({ org: 7 })", /^ConfigurationException: /m],
    [
      "HttpClient.requestCommand",
      `${http} const c = new HttpClient({ host: "h" });`,
      `c.requestCommand("+", -1)`,
      /^InvalidEventException: /m,
    ],
    ["parseConfigFile", "", `parseConfigFile("absent.ini")`, /^ConfigurationException: /m],
    ["parseEnvVars", "", "parseEnvVars({})", /^ConfigurationException: /m],
    ["parseNestedConfig", "", "parseNestedConfig({})", /^ConfigurationException: /m],
  ];
  for (const [name, before, call, error] of calls) {
    test(`${name}: Node prints the line of the application, and no frame of the package`, async () => {
      const { err, first, frames } = await uncaught(`import * as all from "iotf-embedded";
        const { DeviceClient, MqttClient, parseConfigFile, parseEnvVars, parseNestedConfig } = all;
        ${before}
        ${call};`);
      assert.equal(first.trim(), `${call};`, err);
      assert.match(err, error);
      assert.match(frames[0]!, /uncaught\.mjs:4:\d+/);
      assert.equal(frames.join("\n").includes("iotf-embedded"), false, err);
    });
  }

  test("thrown by the application's codec: its frame stays on top", async () => {
    const { frames } = await uncaught(`import { DeviceClient, InvalidEventException } from "iotf-embedded";
      const client = ${device};
      const encode = () => { throw new InvalidEventException("too cold"); };
      client.connect();
      client.setMessageEncoderModule("own", { encode, decode: () => ({}) });
      client.publishEvent("status", "own", {});`);
    assert.match(frames[0]!, /at (Object\.)?encode .*uncaught\.mjs:3:/);
    assert.ok(frames.some(frame => frame.includes("iotf-embedded/dist/")));
  });

  test("thrown by a fault in ports: a readable line of the package", async () => {
    const { err, frames } = await uncaught(`import { DeviceClient } from "iotf-embedded";
      new DeviceClient({ host: "h" }, {});`);
    assert.match(err, /^TypeError: /m);
    assert.match(frames[0]!, /iotf-embedded\/dist\//);
  });
});

describe("what Node loads", () => {
  const dist = (name: string) => new URL(`../../../../dist/${name}`, import.meta.url);

  test("node-core.js has the exports of the bundle for devices", async () => {
    const names = async (file: string) => Object.keys(await import(dist(file).href)).sort();
    assert.deepEqual(await names("node-core.js"), await names("iotf-embedded.js"));
    assert.deepEqual(await names("index-node.js"), await names("index.js"));
  });

  test("iotf-embedded, /core and /http share their classes", async () => {
    const text = `
      import * as all from "iotf-embedded";
      import * as core from "iotf-embedded/core";
      import { HttpClient } from "iotf-embedded/http";
      const client = new all.DeviceClient({ host: "h" });
      let error;
      try { new HttpClient({ org: 7 }); } catch (thrown) { error = thrown; }
      console.log(client instanceof core.DeviceClient, error instanceof all.ConfigurationException,
        all.ConfigurationException === core.ConfigurationException);`;
    writeFileSync(join(project, "shared.mjs"), text);
    const { out, err } = await runProgram(process.execPath, ["shared.mjs"], { cwd: project });
    assert.equal(out, "true true true\n", err);
  });

  for (const name of [
    "node-core",
    "index-node",
    "node",
    "http-node",
    "testing",
    "platform",
    "cli",
    "xs",
    "cli-errors",
  ]) {
    test(`${name}.js has readable lines`, () => {
      const longest = Math.max(
        ...readFileSync(dist(`${name}.js`), "utf8")
          .split("\n")
          .map(line => line.length),
      );
      assert.ok(longest <= MOST_COLUMNS, `${longest} columns`);
    });
  }
});
