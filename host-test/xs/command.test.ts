// NEEDS dist/ (npm run build). `iotf-embedded xs` as it is published: a program over real sockets, tests in both engines,
// and what is said when something is wrong.

import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Command } from "../cli/command.ts";
import { startTestPlatform } from "../platform/testing.ts";
import { startXs } from "./host.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
// By a name the compiler does not follow: it has no declarations, nobody imports it by a name of the package.
const { xs: command }: { xs: Command } = await import(pathToFileURL(`${ROOT}dist/xs.js`).href);
const program = (name: string) => fileURLToPath(new URL(`user/${name}`, import.meta.url));

class Run {
  readonly ended: Promise<number>;
  private readonly abort = new AbortController();
  private readonly out = new PassThrough({ encoding: "utf8" });
  readonly err = new PassThrough({ encoding: "utf8" });
  private outText = "";
  private errText = "";

  constructor(args: string[]) {
    this.out.on("data", text => {
      this.outText += text;
    });
    this.err.on("data", text => {
      this.errText += text;
    });
    const io = { stdout: this.out, stderr: this.err, env: {}, signal: this.abort.signal };
    this.ended = command.run(args, io);
  }

  get stdout(): string {
    return this.outText;
  }

  get stderr(): string {
    return this.errText;
  }

  interrupt(): void {
    this.abort.abort();
  }

  async printed(text: string): Promise<void> {
    while (!this.outText.includes(text)) await once(this.out, "data");
  }
}

/** The message of the error that the command ends with. */
async function complaint(...args: string[]): Promise<string> {
  const error = await new Run(args).ended.then(
    code => assert.fail(`exit code ${code}`),
    error => error,
  );
  return `${error.constructor.name}: ${error.message}`;
}

describe("a program in XS", { timeout: 240_000 }, () => {
  test("runs over real sockets until it leaves; its handlers and its heap are reported", async t => {
    const platform = await startTestPlatform(t);
    const settings = ["host=127.0.0.1", `port=${platform.port}`, "org=abc123", "type=thermo", "id=t-01"];
    const run = new Run([program("thermo.ts"), ...settings, "token=MP$08VKz!8rXwnR-Q*"]);
    await run.printed("connected d:abc123:thermo:t-01\n");
    await run.printed("confirmed \n".repeat(4));
    await platform.sendToDevice("d:abc123:thermo:t-01", "iot-2/cmd/leave/fmt/json", "{}", 1);
    assert.equal(await run.ended, 0, run.stderr);
    assert.match(run.stdout, /\nleave \{"leaving":true\} \[1\]\n(.*\n)*gone\n/);
    assert.match(run.stdout, /\nstarting took [\d,]+ instructions\nhandler +calls +instructions +most +slots\n/);
    assert.ok(Number(/starting took ([\d,]+) /.exec(run.stdout)![1]!.replace(",", "")) > 5000, run.stdout);
    assert.match(run.stdout, /\nsetTimeout +(\S+ +){3}[1-9][\d,]*\n/, "slots");
    for (const name of ["setTimeout", "onPublish status", "connectedCallback", "commandCallback leave"]) {
      assert.match(run.stdout, new RegExp(`\\n${name} +[1-9]\\d* +[1-9][\\d,]* +[1-9][\\d,]* *(\\d+|)\\n`));
    }
    assert.match(
      run.stdout,
      /heap of the program, when started: [1-9][\d,]* slots .*\n +at the end: +[1-9][\d,]* slots/,
    );
    assert.ok(!run.stdout.includes("MP$") && !run.stderr.includes("MP$"));
  });

  test("what its main module throws ends it", async () => {
    const run = new Run(["--json", program("thermo.ts"), "host=127.0.0.1", "port=1"]);

    assert.equal(await run.ended, 1);
    assert.match(run.stderr, /^uncaught: ConfigurationException: Missing required property: org\n/);
    assert.match(run.stderr, /\n at .*user\/thermo\.ts:\d+\)\n/);
    assert.match(JSON.parse(run.stdout).errors[0], /^ConfigurationException: /);
  });

  test("what nobody catches ends it, with exit code 1", async () => {
    const run = new Run(["--json", "--seconds", "50", program("fails.ts")]);
    assert.equal(await run.ended, 1);
    const report = JSON.parse(run.stdout);
    assert.match(report.errors[0], /^TypeError: .*no such relay/);
    assert.match(run.stderr, /^domain internetofthings.ibmcloud.com\nuncaught: TypeError: .*no such relay/);
    assert.deepEqual(
      report.handlers.map(({ name, calls }: { name: string; calls: number }) => `${name} ${calls}`),
      ["setTimeout 1"],
    );
    assert.ok(report.heap.ended.slots > 0 && report.startInstructions > 0);
  });

  test("ends after its time, or by Ctrl-C", async () => {
    const timed = new Run(["--seconds", "0.05", program("lives.ts")]);
    assert.equal(await timed.ended, 0, timed.stderr);
    assert.match(timed.stdout, /^alive\n\nstarting took/);
    const run = new Run([program("lives.ts")]);
    await run.printed("alive");
    run.interrupt();
    assert.equal(await run.ended, 0);
    assert.match(run.stdout, /^alive\n\nstarting took/);
  });
});

test("a program that loops for ever can be ended", { timeout: 240_000 }, async () => {
  const run = new Run(["--seconds", "0.2", program("loops.ts")]);
  assert.equal(await run.ended, 1);
  assert.equal(run.stdout, "looping\n");
  assert.match(run.stderr, /^no report: the program does not return to the engine/);
});

test("a program that ends the engine is told from one that is done", { timeout: 240_000 }, async () => {
  const run = new Run([program("overflows.ts")]);
  assert.equal(await run.ended, 1);
  assert.match(run.stderr, /^uncaught: .*XS worker ended with code 12 \(stack overflow\)/);
  assert.match(run.stderr, /\nno report: /);
});

test("tests that loop for ever in XS can be ended", { timeout: 240_000 }, async () => {
  const run = new Run(["--test", program("loops-in-xs.ts")]);
  while (!run.stderr.includes("looping")) await once(run.err, "data");
  run.interrupt();
  await assert.rejects(run.ended, { message: "interrupted" });
});

describe("tests in both engines", { timeout: 240_000 }, () => {
  test("pass, fail, are skipped, differ", async () => {
    const run = new Run(["--test", program("both.ts")]);
    assert.equal(await run.ended, 1);
    const [first, ...lines] = run.stdout.split("\n");
    assert.equal(first, program("both.ts"));
    assert.match(lines[0]!, /^ {2}✔ a device > passes {2}[\d,]+ instructions$/);
    assert.equal(lines[1], "  ✖ a device > fails");
    assert.match(
      run.stdout,
      / on Node:\n +ExpectationError: expected an event "alarm"[^✖]* in XS:\n +ExpectationError/,
    );
    assert.match(run.stdout, /\n {2}﹣ a device > is skipped \(skipped\)\n/);
    assert.match(
      run.stdout,
      /✖ differs: the engines differ\n +on Node: .*evt\/node\/fmt\/json 1\n +in XS: .*evt\/xs\/fmt\/json 1\n/,
    );
    assert.match(run.stdout, /\n {4}onPublish node +1 |\n {4}onPublish status +2 /);
    assert.match(run.stdout, /\n2 of 4 tests are fine in both engines\n$/);
  });

  test("our own harness and the broken programs are the same in XS", async () => {
    const files = ["device.test.ts", "broken.test.ts"].map(name => `${ROOT}host-test/testing/${name}`);
    const run = new Run(["--json", "--test", ...files]);
    const code = await run.ended;
    const tests: { name: string; verdict: string }[] = JSON.parse(run.stdout).files.flatMap(
      (file: { tests: object[] }) => file.tests,
    );
    assert.deepEqual(
      tests.filter(({ verdict }) => verdict !== "passed"),
      [],
    );
    assert.equal(code, 0);
    assert.ok(tests.length > 30);
  });
});

test("wrong use, and what cannot be run", { timeout: 240_000 }, async () => {
  assert.equal(await complaint(), "UsageError: xs needs a program");
  assert.equal(await complaint("--test"), "UsageError: xs --test needs test files");
  assert.match(await complaint("--fast", "a.ts"), /^UsageError: Unknown option '--fast'/);
  assert.equal(await complaint("--seconds", "-1", "a.ts"), "UsageError: Option '--seconds' argument is ambiguous");
  assert.equal(await complaint("--seconds=soon", "a.ts"), "UsageError: --seconds must be a number above 0, not soon");
  assert.equal(
    await complaint("--test", "--seconds=1", "a.ts"),
    "UsageError: --seconds is for programs, not for --test",
  );
  assert.equal(await complaint("a.ts", "=secret"), "UsageError:  is not key=value");
  assert.equal(await complaint("none.ts"), "CommandError: there is no file none.ts");
  assert.match(
    await complaint(fileURLToPath(import.meta.url)),
    /^CommandError: [\s\S]*command\.test\.ts:\d+: node:assert\/strict is Node's, a device has no such module/,
  );
});

test("the package in XS exports what the bundle exports, but for what is ours only", async () => {
  const xs = await startXs();
  try {
    const ours = ["Codecs", "checked", "configure", "encodePayload", "encodeUtf8", "levelFault", "wantsTime"];
    const bundle = (await xs.import(`${ROOT}dist/iotf-embedded.js`)).filter(name => !ours.includes(name));
    const device = await xs.import(`${ROOT}dist/xs-device.js`);
    assert.deepEqual(
      bundle.filter(name => !device.includes(name)),
      [],
    );
  } finally {
    await xs.close();
  }
});
