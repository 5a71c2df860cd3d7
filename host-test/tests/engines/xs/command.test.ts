// NEEDS dist/ (npm run build). `iotf-embedded xs` as it is published: a program over real sockets, tests in both engines,
// and what is said when something is wrong.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Command } from "../../../harness/cli/command.ts";
import { startXs } from "../../../harness/xs/host.ts";
import { Run } from "../../harness/cli/testing.ts";
import { startTestPlatform } from "../../harness/platform/testing.ts";
import { ROOT } from "../../support/folder.ts";

// By a name the compiler does not follow: it has no declarations, nobody imports it by a name of the package.
const { xs: command }: { xs: Command } = await import(pathToFileURL(`${ROOT}dist/xs.js`).href);
const program = (name: string) => fileURLToPath(new URL(`user/${name}`, import.meta.url));

const run = (...args: string[]) => new Run(args, { command: command.run });

/** The message of the error that the command ends with. */
async function complaint(...args: string[]): Promise<string> {
  const error = await run(...args).code.then(
    code => assert.fail(`exit code ${code}`),
    error => error,
  );
  return `${error.constructor.name}: ${error.message}`;
}

describe("a program in XS", { timeout: 240_000 }, () => {
  test("runs over real sockets until it leaves; its handlers and its heap are reported", async t => {
    const platform = await startTestPlatform(t);
    const settings = ["host=127.0.0.1", `port=${platform.port}`, "org=abc123", "type=thermo", "id=t-01"];
    const ran = run(program("thermo.ts"), ...settings, "token=MP$08VKz!8rXwnR-Q*");
    await ran.printed(/connected d:abc123:thermo:t-01\n/);
    await ran.printed(/(confirmed \n){4}/);
    await platform.sendToDevice("d:abc123:thermo:t-01", "iot-2/cmd/leave/fmt/json", "{}", 1);
    await ran.succeeds();
    assert.match(ran.out, /\nleave \{"leaving":true\} \[1\]\n(.*\n)*gone\n/);
    assert.match(ran.out, /\nstarting took [\d,]+ instructions\nhandler +calls +instructions +most +slots\n/);
    assert.ok(Number(/starting took ([\d,]+) /.exec(ran.out)![1]!.replace(",", "")) > 5000, ran.out);
    assert.match(ran.out, /\nsetTimeout +(\S+ +){3}[1-9][\d,]*\n/, "slots");
    for (const name of ["setTimeout", "onPublish status", "connectedCallback", "commandCallback leave"]) {
      assert.match(ran.out, new RegExp(`\\n${name} +[1-9]\\d* +[1-9][\\d,]* +[1-9][\\d,]* *(\\d+|)\\n`));
    }
    assert.match(ran.out, /heap of the program, when started: [1-9][\d,]* slots .*\n +at the end: +[1-9][\d,]* slots/);
    assert.ok(!ran.out.includes("MP$") && !ran.err.includes("MP$"));
  });

  test("what its main module throws ends it", async () => {
    const ran = await run("--json", program("thermo.ts"), "host=127.0.0.1", "port=1").fails(
      /^uncaught: ConfigurationException: Missing required property: org\n/,
    );
    assert.match(ran.err, /\n at .*user\/thermo\.ts:\d+\)\n/);
    assert.match(JSON.parse(ran.out).errors[0], /^ConfigurationException: /);
  });

  test("what nobody catches ends it, with exit code 1", async () => {
    const ran = run("--json", "--seconds", "50", program("fails.ts"));
    assert.equal(await ran.code, 1);
    const report = JSON.parse(ran.out);
    assert.match(report.errors[0], /^TypeError: .*no such relay/);
    assert.match(ran.err, /^domain internetofthings.ibmcloud.com\nuncaught: TypeError: .*no such relay/);
    assert.deepEqual(
      report.handlers.map(({ name, calls }: { name: string; calls: number }) => `${name} ${calls}`),
      ["setTimeout 1"],
    );
    assert.ok(report.handlers[0].instructions >= 0, JSON.stringify(report.handlers));
    assert.ok(report.heap.ended.slots > 0 && report.startInstructions > 0);
  });

  test("ends after its time, or by Ctrl-C", async () => {
    const timed = await run("--seconds", "0.05", program("lives.ts")).succeeds();
    assert.match(timed.out, /^alive\n\nstarting took/);
    const ran = run(program("lives.ts"));
    await ran.printed(/alive/);
    ran.interrupt();
    assert.equal(await ran.code, 0);
    assert.match(ran.out, /^alive\n\nstarting took/);
  });
});

test("a program that loops for ever can be ended", { timeout: 240_000 }, async () => {
  const ran = run("--seconds", "0.2", program("loops.ts"));
  assert.equal(await ran.code, 1);
  assert.equal(ran.out, "looping\n");
  assert.equal(ran.err, "no report: the program does not return to the engine, or has ended it\n");
});

test("a program that ends the engine is told from one that is done", { timeout: 240_000 }, async () => {
  const ran = await run(program("overflows.ts")).fails(/^uncaught: .*XS worker ended with code 12 \(stack overflow\)/);
  assert.match(ran.err, /\nno report: /);
});

test("tests that loop for ever in XS can be ended", { timeout: 240_000 }, async () => {
  const ran = run("--test", program("loops-in-xs.ts"));
  await ran.printed(/looping/, "err");
  ran.interrupt();
  await assert.rejects(ran.code, { message: "interrupted" });
});

describe("tests in both engines", { timeout: 240_000 }, () => {
  test("pass, fail, are skipped, differ", async () => {
    const ran = run("--test", program("both.ts"));
    assert.equal(await ran.code, 1);
    const [first, ...lines] = ran.out.split("\n");
    assert.equal(first, program("both.ts"));
    assert.match(lines[0]!, /^ {2}✔ a device > passes {2}[\d,]+ instructions$/);
    assert.equal(lines[1], "  ✖ a device > fails");
    assert.match(ran.out, / on Node:\n +ExpectationError: expected an event "alarm"[^✖]* in XS:\n +ExpectationError/);
    assert.match(ran.out, /\n {2}﹣ a device > is skipped \(skipped\)\n/);
    assert.match(
      ran.out,
      /✖ differs: the engines differ\n +on Node: .*evt\/node\/fmt\/json 1\n +in XS: .*evt\/xs\/fmt\/json 1\n/,
    );
    assert.match(ran.out, /\n {4}onPublish node +1 |\n {4}onPublish status +2 /);
    assert.match(ran.out, /\n2 of 4 tests are fine in both engines\n$/);
  });

  test("our own harness and the broken programs are the same in XS", async () => {
    const files = ["device.test.ts", "broken.test.ts"].map(name => `${ROOT}host-test/tests/harness/testing/${name}`);
    const ran = run("--json", "--test", ...files);
    const code = await ran.code;
    const tests: { name: string; verdict: string }[] = JSON.parse(ran.out).files.flatMap(
      (file: { tests: object[] }) => file.tests,
    );
    const failed = tests.filter(({ verdict }) => verdict !== "passed");
    assert.deepEqual(failed, []);
    assert.equal(code, 0);
    assert.ok(tests.length > 30);
  });
});

test("wrong use, and what cannot be run", { timeout: 240_000 }, async () => {
  const word = "word 1 after the program is not key=value; is it quoted for the shell?";
  for (const [args, message] of [
    [[], "xs needs a program"],
    [["--test"], "xs --test needs test files"],
    [["--fast", "a.ts"], "unknown option --fast"],
    [["--seconds", "-1", "a.ts"], "--seconds must be a number above 0, at most 1000000, not '-1'"],
    [["--seconds=soon", "a.ts"], "--seconds must be a number above 0, at most 1000000, not 'soon'"],
    [["--test", "--seconds=1", "a.ts"], "--seconds is for programs, not for --test"],
    [["a.ts", "=secret"], word],
    [["none.ts"], "there is no file none.ts"],
    [["--test", ROOT], `there is no file ${ROOT}`],
  ] as const) {
    assert.equal(await complaint(...args), `UsageError: ${message}`);
  }
  assert.match(
    await complaint(fileURLToPath(import.meta.url)),
    /^\S*command\.test\.ts:\d+: node:assert\/strict is Node's, a device has no such module$/m,
  );
});

test("the package in XS has the public exports of the bundle", async () => {
  const xs = await startXs();
  try {
    const bundle = await xs.import(`${ROOT}dist/index.js`); // the public exports of the bundle
    const device = await xs.import(`${ROOT}dist/xs-device.js`);
    const missing = bundle.filter(name => !device.includes(name));
    assert.deepEqual(missing, []);
  } finally {
    await xs.close();
  }
});
