// What npm publishes: only what a user needs, and it works in an empty project on Node, types included.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { configure } from "../../../../src/device/config.ts";
import { parseConfig } from "../../../../src/device/ini.ts";
import { CLIENT_ID, DEVICE, optionsFor, startTestPlatform } from "../../harness/platform/testing.ts";
import { makeFolder, ROOT } from "../../support/folder.ts";
import { outputOf, Program, runProgram } from "../../support/program.ts";
import { blocks, compile, installPackage } from "./project.ts";

describe("the package", { timeout: 120_000 }, () => {
  const project = makeFolder();
  let files: string[];

  before(() => {
    files = installPackage(project);
  });

  test("holds what a user needs and nothing else", () => {
    const expected =
      /^(dist\/|docs\/[\w-]+\.(md|svg|png)$|docs\/decisions\/[\w-]+\.md$|docs\/brokers\/[\w.-]+$|manifest(-[a-z]+)*\.json$|package\.json$|[A-Z]+\.md$|LICENSE$)/;
    const unexpected = files.filter(path => !expected.test(path));
    assert.deepEqual(unexpected, []);
    const tests = files.filter(path => /\.test\.|\.map$/.test(path));
    assert.deepEqual(tests, []);
    const needed = ["iotf-embedded.js", "node.js", "moddable.js", "index.js", "index.d.ts", "THIRD-PARTY-LICENSES.txt"];
    for (const name of needed) assert.ok(files.includes(`dist/${name}`), name);
    for (const name of [
      "LICENSE",
      "README.md",
      "CHANGELOG.md",
      "manifest.json",
      "manifest-tls.json",
      "manifest-http.json",
      "manifest-managed.json",
      "manifest-update.json",
    ])
      assert.ok(files.includes(name), name);
  });

  test("every file that package.json names is in it", () => {
    const { exports, types } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const named = [types, ...leaves(exports)].map(path => path.replace("./", ""));
    const missing = named.filter(path => !files.includes(path));
    assert.deepEqual(missing, []);
  });

  test("its manifest starts no script when it is installed", () => {
    const { scripts } = JSON.parse(readFileSync(join(project, "node_modules/iotf-embedded/package.json"), "utf8"));
    const run = ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];
    const started = Object.keys(scripts).filter(name => run.includes(name));
    assert.deepEqual(started, []);
  });

  test("allowScripts decides about each dependency that has an install script", () => {
    const read = (file: string) => JSON.parse(readFileSync(join(ROOT, file), "utf8"));
    const packages: [string, { hasInstallScript?: boolean }][] = Object.entries(read("package-lock.json").packages);
    const scripted = packages
      .filter(([, one]) => one.hasInstallScript)
      .map(([path]) => path.split("node_modules/").pop());
    const { allowScripts } = read("package.json");
    assert.deepEqual(Object.keys(allowScripts).sort(), [...new Set(scripted)].sort());
    assert.equal(allowScripts["@agoric/xsnap"], true);
  });

  test("a device runs from it on Node", async t => {
    const platform = await startTestPlatform(t);
    const program = `
      import { DeviceClient } from "iotf-embedded";
      const client = new DeviceClient(${JSON.stringify(optionsFor(platform))});
      client.connect();
      client.publishEvent("status", "json", { name: "foo" }, 1, error => {
        client.disconnect(() => console.log(error ?? "published"));
      });`;
    writeFileSync(join(project, "device.js"), program);
    const out = await outputOf(runProgram(process.execPath, ["device.js"], { cwd: project }));
    assert.equal(out, "published\n");
  });

  test("the programs of README and docs/connect.md run", async t => {
    const platform = await startTestPlatform(t, { devices: [{ ...DEVICE, token: "demo-token" }] });
    const [device] = blocks("README.md", "js");
    const [reader] = blocks("docs/connect.md", "js");
    const login = `"a:abc123:reader", username: "a-abc123-x", password: "y"`;
    const here = (code: string) => code.replace("port: 1883", `port: ${platform.port}`);
    writeFileSync(join(project, "reader.js"), here(reader!).replace('"a:abc123:reader"', login));
    writeFileSync(join(project, "sample.js"), here(device!));
    const run = (file: string) => new Program(process.execPath, [file], { cwd: project });
    const programs = [run("reader.js")];
    try {
      await programs[0]!.printed(/^granted \[ 1 \]$/m);
      programs.push(run("sample.js"));
      await programs[1]!.printed(/^confirmed$/m);
      await programs[0]!.printed(
        /^iot-2\/type\/thermo\/id\/t-01\/evt\/status\/fmt\/json 1 \{"name":"foo","cpu":60,"mem":50\}$/m,
      );
      await platform.sendToDevice(CLIENT_ID, "iot-2/cmd/print/fmt/json", '{"message":"hi"}', 1);
      await programs[1]!.printed(/Z print json \{ message: 'hi' \}$/m);
    } finally {
      for (const program of programs) await program.kill();
    }
  });

  test("the configurations of docs/connect.md are complete", () => {
    const hosts = blocks("docs/connect.md", "ini").map(text => {
      const { mqtt } = configure(parseConfig(text, "docs/connect.md"), Math.random);
      return `${mqtt.endpoint.host}:${mqtt.endpoint.port}${mqtt.endpoint.tls ? " TLS" : ""}`;
    });
    assert.deepEqual(hosts, [
      "abc123.messaging.iot.mas.example.com:443 TLS",
      "amlen.example.com:8883 TLS",
      "amlen-1.example.com, amlen-2.example.com:8883 TLS",
      "192.0.2.7:1883",
    ]);
  });

  test("its types serve a strict TypeScript project, with and without skipLibCheck", async () => {
    const program = `
      import { type Command, DeviceClient, parseConfigFile } from "iotf-embedded";
      import { MqttClient } from "iotf-embedded/core";
      const client = new DeviceClient(parseConfigFile("device.ini"));
      client.commandCallback = (command: Command) => console.log(command.command, command.data, command.timestamp.getTime());
      const accepted: boolean = client.publishEvent("status", "json", { cpu: 1 }, 1, error => console.log(error?.message));
      console.log(accepted, MqttClient.name);`;
    for (const skipLibCheck of [true, false]) {
      await outputOf(compile(project, { "device.ts": program }, { skipLibCheck }));
    }
  });
});

/** The paths at the ends of the conditions of "exports". */
function leaves(node: unknown): string[] {
  return typeof node === "string" ? [node] : Object.values(node as object).flatMap(leaves);
}
