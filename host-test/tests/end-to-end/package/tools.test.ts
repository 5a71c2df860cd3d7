// docs/tools.md and docs/fleet.md, from the packed tarball in an empty project: the commands by the names npm gives them,
// and the programs.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, type TestContext, test } from "node:test";
import { DeviceClient } from "../../../../dist/node.js";
import { makeFolder } from "../../support/folder.ts";
import { type Ended, outputOf, Program, runProgram } from "../../support/program.ts";
import { installPackage } from "./project.ts";

const PAGE = pageText("tools.md");
const FLEET = pageText("fleet.md");

function pageText(name: string): string {
  return readFileSync(new URL(`../../../../docs/${name}`, import.meta.url), "utf8");
}

/** A block of the page, by the comment above it. */
function block(kind: string, name: string, page = PAGE): string {
  const [, text] = new RegExp(`<!-- ${kind}: ${name} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)^\`\`\``, "m").exec(page) ?? [];
  assert.ok(text, `${kind} ${name}`);
  return text;
}

/** What a person typed, and what was answered. */
function session(name: string, page = PAGE): { words: string[]; answer: string } {
  const [, typed, answer] = /^\$ npx (.*)\n([\s\S]*)$/.exec(block("session", name, page))!;
  const words = [...typed!.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!);
  return { words, answer: answer! };
}

describe("the tools of the package", { timeout: 120_000 }, () => {
  const project = makeFolder();

  before(() => {
    installPackage(project);
  });

  /** The platform by its name, as npx runs it; where it listens. */
  async function platform(
    t: TestContext,
    ...options: string[]
  ): Promise<{ program: Program; url: string; page: string }> {
    const command = join(project, "node_modules/.bin/iotf-embedded");
    const program = new Program(command, ["platform", "--port", "0", ...options]);
    t.after(() => program.kill("SIGKILL"));
    const [, url] = await program.printed(/listening on (mqtt:\S+)/);
    const [, page] = await program.printed(/page +(http:\S+)/);
    return { program, url: url!, page: page! };
  }

  /** Connected, and publishing nothing yet. */
  async function device(t: TestContext, url: string): Promise<DeviceClient> {
    const port = Number(new URL(url).port);
    const identity = { org: "abc123", type: "thermo", id: "t-01", "auth-token": "demo-token" };
    const client = new DeviceClient({ ...identity, "auth-method": "token", host: "127.0.0.1", port, tls: false });
    t.after(() => new Promise<void>(resolve => client.disconnect(resolve)));
    await new Promise<void>(resolve => {
      client.connectedCallback = () => resolve();
      client.connect();
    });
    return client;
  }

  function npx(words: readonly string[], url: string): Promise<Ended> {
    return runProgram("npx", ["--no-install", ...words, "--url", url], { cwd: project });
  }

  test("no other package is installed with it", () => {
    const installed = readdirSync(join(project, "node_modules")).filter(name => !name.startsWith("."));
    assert.deepEqual(installed, ["iotf-embedded"]);
  });

  test("the page lists every command", async () => {
    const { out } = await runProgram("npx", ["--no-install", "iotf-embedded", "help"], { cwd: project });
    const commands = [...out.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name!);
    const [, table] = /^\| Command \| Does \|\n([\s\S]*?)\n\n/m.exec(PAGE)!;
    const listed = [...table!.matchAll(/^\| `([a-z]+)/gm)].map(([, name]) => name!);
    assert.ok(commands.length >= 5, out);
    assert.deepEqual(listed, commands);
  });

  test("npx iotf-embedded send, as on the page", async t => {
    const { url, program } = await platform(t);
    await device(t, url);
    const { words, answer } = session("send");
    const { code, out, err } = await npx(words, url);
    assert.deepEqual([code, out], [0, answer], err);
    await program.printed(/command +d:abc123:thermo:t-01 +print json qos1 +\{"message":"hello"\}/);
    const { code: stopped, out: told } = await program.kill("SIGINT");
    assert.deepEqual([stopped, told.endsWith("\nclosed\n")], [0, true]);
  });

  test("npx iotf-embedded watch, as on the page", async t => {
    const { url } = await platform(t);
    const client = await device(t, url);
    const { words, answer } = session("watch");
    const watch = new Program("npx", ["--no-install", ...words, "--url", url], { cwd: project });
    t.after(() => watch.kill("SIGKILL"));
    await watch.printed(/"connect"/);
    client.publishEvent("status", "json", { name: "foo", cpu: 60, mem: 50 }, 1);
    const { code, out, err } = await watch.ended;
    assert.deepEqual([code, out.replace(/"\d{4}-[^"]*Z"/g, '"…"')], [0, answer], err);
  });

  test("the page is in the package, with what it needs", async t => {
    const { page } = await platform(t);
    const html = await (await fetch(page)).text();
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, file]) => file!);
    assert.deepEqual(files.sort(), ["icon.svg", "page.css", "page.js"]);
    for (const file of files) {
      const response = await fetch(new URL(file, page));
      assert.equal(response.status, 200, file);
      assert.doesNotMatch(await response.text(), /https?:\/\/(?!www\.w3\.org)/, file);
    }
  });

  test("the licence of every package in it is told", () => {
    const text = readFileSync(join(project, "node_modules/iotf-embedded/dist/THIRD-PARTY-LICENSES.txt"), "utf8");
    const named = [...text.matchAll(/^(\S.*) contains? (?:parts of )?([@\w/.-]+) \d+\.\d+\.\d+/gm)];
    const by = (file: string) => named.filter(([, files]) => files!.includes(file)).map(([, , name]) => name);
    assert.deepEqual(by("iotf-embedded.js"), ["mqtt-packet"]);
    assert.deepEqual(by("page/"), ["uplot"]);
    for (const name of ["aedes", "aedes-persistence", "mqemitter", "qlobber", "bl", "readable-stream"]) {
      assert.ok(by("platform.js").includes(name), name);
    }
    const cli = by("cli.js");
    for (const name of ["hdr-histogram-js", "prom-client"]) assert.ok(cli.includes(name), name);
    const sections = text.split(`\n${"-".repeat(80)}\n`);
    assert.equal(sections.length, named.length);
    for (const section of sections)
      assert.match(section, /Permission (is hereby granted|to use)|Apache License|Redistribution and use/);
  });

  test("npx iotf-embedded fleet, as on its page", async t => {
    const esbuild = new URL("../../../../node_modules/esbuild", import.meta.url);
    symlinkSync(esbuild, join(project, "node_modules/esbuild"));
    writeFileSync(join(project, "meter.js"), block("program", "meter.js", FLEET));
    const { url } = await platform(t, "--open");
    const { words, answer } = session("fleet", FLEET);
    const out = await outputOf(npx(words, url));
    const lines = answer.split("\n").filter(line => line !== "" && line !== "…");
    for (const line of lines) assert.ok(out.includes(`${line.replace(/ …$/, " ")}`), `${line}\n${out}`);
    assert.equal(lines.length, 6);
  });

  test("the test of the page passes, and fails for a program that does not obey", async () => {
    for (const name of ["led.js", "led.test.js"]) writeFileSync(join(project, name), block("program", name));
    const run = () => runProgram(process.execPath, ["--test"], { cwd: project, env: { PATH: process.env.PATH } });
    const out = await outputOf(run());
    assert.match(out, /^(#|ℹ) pass 3$/m);
    writeFileSync(join(project, "led.js"), block("program", "led.js").replace("data.on === true", "false"));
    const broken = await run();
    assert.equal(broken.code, 1);
    assert.match(
      broken.out,
      /no event 'led' with the given condition within 5000 ms; what came: 'led' of d:abc123:lamp:l-01 \{"on":false\}/,
    );
  });
});
