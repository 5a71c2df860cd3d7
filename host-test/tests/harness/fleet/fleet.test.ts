// `iotf-embedded fleet` with real devices in real threads, against the local platform and Mosquitto.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Report } from "../../../harness/fleet/report.ts";
import { type Platform, type PlatformOptions, startPlatform } from "../../../harness/platform/platform.ts";
import { Mosquitto, withoutMosquitto } from "../../end-to-end/broker/mosquitto.ts";
import { makeFolder } from "../../support/folder.ts";
import { listen } from "../../support/listen.ts";
import { outputOf, runProgram } from "../../support/program.ts";
import { Run } from "../cli/testing.ts";

const programs = fileURLToPath(new URL("programs/", import.meta.url));
const STEADY = join(programs, "steady.ts");
const FAULTY = join(programs, "faulty.ts");
const ONCE = join(programs, "once.ts");
const UNUSUAL = join(programs, "unusual.ts");

async function platform(
  t: TestContext,
  options: PlatformOptions = { open: true, orgs: ["abc123"] },
): Promise<Platform> {
  const started = await startPlatform(options);
  t.after(() => started.close());
  return started;
}

type Words = readonly (string | number)[];

function fleet(...words: Words): Run {
  return new Run(["fleet", ...words.map(String)]);
}

/** The report of a run against the server at `url`, which must end with this code. */
async function reportOf({ url }: { url: string }, words: Words, code = 0): Promise<Report> {
  const run = fleet(...words, "--url", url, "--json");
  assert.equal(await run.code, code, run.out + run.err);
  return JSON.parse(run.out);
}

test("steady: 50 devices on the platform; every event arrives once, and the platform counts the same", async t => {
  const server = await platform(t);
  let events = 0;
  const clients = new Set<string>();
  server.on("event", () => events++);
  server.on("connect", ({ clientId }) => clients.add(clientId));
  const report = await reportOf(server, [STEADY, "qos=1", "--count", 50, "--rate", 200, "--duration", 3]);
  const { devices, connected, connects, published, confirmed, unconfirmed, dropped, lost, duplicates } = report;
  assert.deepEqual({ devices, connected, connects }, { devices: 50, connected: 50, connects: 50 });
  assert.ok(published > 100, `${published}`);
  assert.deepEqual({ confirmed, unconfirmed, dropped }, { confirmed: published, unconfirmed: 0, dropped: 0 });
  assert.deepEqual({ lost, duplicates, events }, { lost: 0, duplicates: 0, events: published });
  assert.deepEqual([report.connack.count, report.puback.count], [50, published]);
  assert.equal([...clients].filter(id => id.startsWith("d:abc123:fleet:device-")).length, 50);
  assert.equal(report.stopped, 0);
  const [observer] = [...clients].filter(id => id.startsWith("a:"));
  assert.equal(await server.session(observer!), undefined, "the observer leaves no session");
});

test("storm: Mosquitto restarts under 50 devices; all are back, and no event is lost", {
  skip: withoutMosquitto(),
}, async t => {
  const broker = await Mosquitto.start({
    config: ["allow_anonymous true", "persistence true", "persistence_location %DIR%/", "max_queued_messages 100000"],
    quiet: true,
  });
  t.after(() => broker.close());
  const run = fleet(STEADY, "--count", 50, "--rate", 500, "--url", broker.url, "--plain", "--prometheus", 0, "--json");
  const [, url] = await run.printed(/figures at (http:\S+)/, "err");
  const figure = async (name: string) => {
    const text = await (await fetch(url!)).text();
    return Number(new RegExp(`^iotf_fleet_${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  };
  const reaches = async (name: string, least: number) => {
    while ((await figure(name)) < least) t.signal.throwIfAborted();
  };
  await reaches("connected", 50);
  await reaches("confirmed_total", 100);
  await broker.kill("SIGTERM");
  await reaches("connections_lost_total", 50);
  await broker.run();
  await reaches("connects_total", 100);
  await reaches("connected", 50);
  assert.equal(await run.interrupt(), 0, run.err);
  const report: Report = JSON.parse(run.out);
  assert.deepEqual([report.connected, report.reconnects >= 50, report.connectionsLost >= 50], [50, true, true]);
  assert.equal(report.lost, 0);
  assert.ok(report.outage?.backSeconds, JSON.stringify(report.timeline));
  assert.ok(report.outage.lost >= 50);
});

test("every way to fail names the device; the others go on", async t => {
  const server = await platform(t);
  const report = await reportOf(server, [FAULTY, "--count", 10, "--rate", 500, "--duration", 15], 1);
  const named = new Map(report.stoppedPrograms.map(({ device, message }) => [device.replace(/.*:/, ""), message]));
  assert.match(named.get("device-1")!, /not connected: call connect\(\) first/);
  assert.equal(named.get("device-3"), "in a timer");
  assert.equal(named.get("device-4"), "in a promise");
  assert.match(named.get("device-5")!, /endless loop/);
  assert.equal(named.get("device-6"), "in a microtask");
  assert.match(named.get("device-7")!, /endless loop/);
  assert.equal(named.get("device-8"), "it called process.exit(3)");
  assert.deepEqual([report.stopped, named.size], [7, 7]);
  assert.ok(
    report.errorExamples.some(({ device, message }) => device.endsWith("device-2") && message === "in a callback"),
  );
  assert.deepEqual([report.devices, report.connected, report.lost], [10, 3, 0]);
  assert.match(report.warnings.join(), /a thread was lost/);
});

for (const [way, connected, confirmed] of [
  ["fields", 2, 2],
  ["chained", 2, 4],
  ["two", 4, 4],
  ["late", 2, 2],
] as const) {
  test(`a program that uses its clients in an unusual way is counted as it is: ${way}`, async t => {
    const server = await platform(t);
    const report = await reportOf(server, [UNUSUAL, `way=${way}`, "--count", 2, "--duration", 3]);
    assert.deepEqual([report.connected, report.connects, report.connack.count], [connected, connected, connected]);
    assert.deepEqual([report.confirmed, report.lost, report.duplicates, report.stopped], [confirmed, 0, 0, 0]);
  });
}

test("a loop that begins just before the end is found, and the report comes", async t => {
  const server = await platform(t);
  const report = await reportOf(server, [join(programs, "loop-at-end.ts"), "--count", 2, "--duration", 1], 1);
  assert.equal(report.stopped, 1);
  assert.match(report.stoppedPrograms[0]!.message, /endless loop/);
});

test("a loop that no device is known for is found, too", async t => {
  const server = await platform(t);
  const report = await reportOf(server, [join(programs, "hidden-loop.ts"), "--count", 1, "--start", 1], 1);
  assert.match(report.stoppedPrograms[0]!.message, /endless loop/);
});

test("two machines that share a fleet do not have the same random numbers", async t => {
  const server = await platform(t);
  const published: unknown[] = [];
  server.on("event", ({ payload }) => published.push(JSON.parse(payload.toString()).random));
  for (const start of [0, 100]) await fleet(ONCE, "--count", 2, "--start", start, "--url", server.url).code;
  assert.equal(new Set(published).size, 4, `${published}`);
});

test("a server that takes the connection and never answers: the run lasts as long as it should", async t => {
  const { port } = await listen(createServer(), t);
  const url = `mqtt://127.0.0.1:${port}`;
  const report = await reportOf({ url }, [STEADY, "--count", 1, "--duration", 1]);
  assert.ok(report.seconds < 2, `${report.seconds}`);
  assert.match(report.warnings.join(), /not counted.*no device has connected/);
});

test("a platform that refuses half of them: counted, and not retried", async t => {
  const registered = Array.from({ length: 5 }, (_, i) => ({
    org: "abc123",
    type: "fleet",
    id: `device-${2 * i}`,
    token: `token-${2 * i}`,
  }));
  const server = await platform(t, { devices: registered });
  let refusals = 0;
  server.on("refused", () => refusals++);
  const report = await reportOf(server, [STEADY, "--count", 10, "--duration", 3, "--threads", 2]);
  assert.deepEqual([report.refusedByCode, report.connected, refusals], [{ 5: 5 }, 5, 5]);
});

test("it ends when every device has ended", async t => {
  const server = await platform(t);
  const report = await reportOf(server, [ONCE, "--count", 5]);
  assert.deepEqual([report.connected, report.qos.confirmed, report.lost, report.duplicates], [0, [0, 0, 5], 0, 0]);
});

test("Ctrl-C: a report of what was, a line of progress on a terminal, and thresholds that are not met", async t => {
  const server = await platform(t);
  const folder = makeFolder(t);
  const [junit, svg] = [join(folder, "junit.xml"), join(folder, "run.svg")];
  const words = [STEADY, "ms=50", "--url", server.url, "--count", "3", "--junit", junit, "--svg", svg];
  const run = new Run(["fleet", ...words, "--threshold", "connected==3", "--threshold", "puback.p50<0"], { tty: true });
  await run.printed(/3 of 3 connected, [\d,]+ published, [1-9][\d,]* confirmed/, "err");
  assert.equal(await run.interrupt(), 1);
  assert.match(run.out, /^devices +3, connected at the end 3$/m);
  assert.match(run.out, /^met: connected==3 \(3\)$/m);
  assert.match(run.out, /^NOT MET: puback\.p50<0 \([\d.]+\)$/m);
  assert.match(readFileSync(junit, "utf8"), /tests="3" failures="1"/);
  assert.match(readFileSync(svg, "utf8"), /^<svg/);
});

test("bad links: they stall and break, and what is confirmed is not lost", async t => {
  const server = await platform(t);
  const links = ["--bad-links", 100, "--seed", 3];
  const report = await reportOf(server, [STEADY, "ms=20", "--count", 8, "--duration", 4, ...links]);
  assert.ok(report.connectionsLost > 0, `${report.connectionsLost}`);
  assert.ok(report.reconnects > 0, `${report.reconnects}`);
  assert.equal(report.lost, 0);
});

test("--restart runs the command once; its failure is a warning", async t => {
  const server = await platform(t);
  const restart = ["--restart", "exit 3", "--restart-at", "0.1"];
  const report = await reportOf(server, [STEADY, "--count", 1, "--duration", 1, ...restart]);
  const warnings = report.warnings.filter(warning => warning.startsWith("--restart"));
  assert.deepEqual(warnings, ["--restart: exit code 3"]);
});

test("an observer that is refused: the run goes on, and losses are not known", async t => {
  const server = await platform(t, {
    open: true,
    orgs: ["abc123"],
    applications: [{ org: "abc123", key: "k", token: "s" }],
  });
  const report = await reportOf(server, [STEADY, "--count", 1, "--duration", 1]);
  assert.deepEqual([report.lost, report.connected], [null, 1]);
  assert.match(report.warnings.join(), /losses and duplicates are not counted/);
});

test("an observer that hears nothing is not taken for losses", { skip: withoutMosquitto() }, async t => {
  const broker = await Mosquitto.start();
  t.after(() => broker.close());
  const report = await reportOf(broker, [STEADY, "--count", 1, "--duration", 2]);
  assert.equal(report.lost, null);
  assert.match(report.warnings.join(), /--plain/);
});

test("file descriptors run out: the limit and the command that raises it", {
  skip: process.platform === "win32",
}, async t => {
  const server = await platform(t);
  const cli = fileURLToPath(new URL("../../../../dist/cli.js", import.meta.url));
  const words = [STEADY, "--count", "200", "--rate", "1000", "--duration", "2", "--no-observer", "--url", server.url];
  const command = `ulimit -n 80; exec "${process.execPath}" "${cli}" fleet ${words.join(" ")}`;
  const out = await outputOf(runProgram("sh", ["-c", command]));
  assert.match(out, /^attempts +failed, EMFILE: \d+/m);
  assert.match(out, /limit of open files of this process was reached: 80; 'ulimit -n 65536'/);
});

for (const [args, error] of [
  [[], /needs a program/],
  [["none.ts"], /there is no file none\.ts/],
  [[join(programs, "outside.ts")], /it makes a client outside main\(options\)/],
  [[join(programs, "outside-throw.ts")], /it failed outside main\(\): in no device/],
  [[join(programs, "../config.d.ts")], /exports no function main\(options\)|config\.d\.ts/],
  [[STEADY, "oops"], /word 1 after the program is not key=value/],
  [[STEADY, "--count", "0"], /--count must be a whole number 1\.\.1000000, not '0'/],
  [[STEADY, "--rate", "0"], /--rate must be a number above 0/],
  [[STEADY, "--duration", "1d"], /--duration must be a time like/],
  [[STEADY, "--url", "http://x"], /--url must be mqtt:/],
  [[STEADY, "--devices", "none.csv"], /cannot read the devices in 'none\.csv'/],
  [[STEADY, "--devices", "none.csv", "--id", "a%i"], /--id is not for --devices/],
  [[STEADY, "--restart", "true"], /--restart needs --restart-at or --duration/],
  [[STEADY, "--restart-at", "3"], /--restart-at needs --restart/],
  [[STEADY, "--restart", "", "--duration", "3"], /--restart needs a command/],
  [[STEADY, "--restart", "true", "--restart-at", "3", "--duration", "3"], /--restart-at must be less than --duration/],
  [[STEADY, "--bad-links", "101"], /--bad-links must be a whole number 0\.\.100, not '101'/],
  [[STEADY, "--threshold", "puback<3"], /--threshold: no figure 'puback'/],
  [["--merge"], /--merge needs reports/],
  [["--merge", "none.json"], /cannot read the report 'none\.json'/],
] as const satisfies [readonly string[], RegExp][]) {
  test(`refused: fleet ${args.map(arg => arg.replace(programs, "")).join(" ")}`, async () => {
    const run = fleet(...args);
    assert.notEqual(await run.code, 0);
    assert.match(run.err, error);
    assert.equal(run.err.trim().split("\n").length, 1);
  });
}
