// The parts of `iotf-embedded fleet` that need no network: identities, tally, outage, thresholds, merging, JUnit, picture.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { descriptorWarnings } from "../../../harness/fleet/descriptors.ts";
import { fromCsv, fromPattern } from "../../../harness/fleet/identities.ts";
import { junitXml } from "../../../harness/fleet/junit.ts";
import { Latencies } from "../../../harness/fleet/latencies.ts";
import { emptyBatch } from "../../../harness/fleet/messages.ts";
import { findOutage, type Second } from "../../../harness/fleet/outage.ts";
import { picture } from "../../../harness/fleet/picture.ts";
import { mergeReports, parseReport, type Report } from "../../../harness/fleet/report.ts";
import { reportText } from "../../../harness/fleet/report-text.ts";
import { Tally } from "../../../harness/fleet/tally.ts";
import { check, parseThreshold } from "../../../harness/fleet/threshold.ts";
import { Totals } from "../../../harness/fleet/totals.ts";
import { makeFolder, writeFile } from "../../support/folder.ts";

const PATTERN = { org: "abc123", type: "fleet", id: "device-%i", token: "secret-%i" };

test("identities: a pattern numbers the devices from --start on", () => {
  assert.deepEqual(fromPattern(PATTERN, 7, 2), [
    { org: "abc123", type: "fleet", id: "device-7", token: "secret-7", number: 7 },
    { org: "abc123", type: "fleet", id: "device-8", token: "secret-8", number: 8 },
  ]);
  assert.deepEqual(fromPattern({ ...PATTERN, id: "one" }, 0, 1)[0]!.id, "one");
  assert.throws(() => fromPattern({ ...PATTERN, id: "one" }, 0, 2), /--id must contain %i.*'one'/);
  assert.throws(() => fromPattern({ ...PATTERN, id: "a b%i" }, 0, 2), /id must be .*'a b0'/);
  assert.throws(() => fromPattern({ ...PATTERN, org: "a/b" }, 0, 1), /org must be .*'a\/b'/);
});

function csv(t: TestContext, text: string): string {
  return writeFile(makeFolder(t), "devices.csv", text);
}

test("identities: a CSV file names them", t => {
  const path = csv(t, "\ufeffid,type,auth-token\r\nd-0,thermo,t0\r\n\r\nd-1,gauge,t1\r\n");
  assert.deepEqual(fromCsv(path, "abc123", 0, undefined), [
    { org: "abc123", type: "thermo", id: "d-0", token: "t0", number: 0 },
    { org: "abc123", type: "gauge", id: "d-1", token: "t1", number: 1 },
  ]);
  const fromSecond = fromCsv(path, "abc123", 1, 1).map(({ id }) => id);
  assert.deepEqual(fromSecond, ["d-1"]);
});

for (const [text, error] of [
  ["", /:1: expected the columns/],
  ["type,id,password\n", /:1: expected the columns/],
  ["type,id,id\na,b,c\n", /:1: expected the columns/],
  ["type,id\n", /:1: expected the columns/],
  ["type,id,auth-token\na,b\n", /:2: expected 3 values, not 2/],
  ["type,id,auth-token\na,b,SECRET\na,c d,SECRET\n", /:3: id must be .*'c d'/],
  ["type,id,auth-token\na,b,\n", /:2: the token is empty/],
  ["type,id,auth-token\na,b,SECRET\n\na,b,SECRET\n", /:4: the same device as in line 2/],
  ["org,type,id,auth-token\na,b,c,SECRET\nz,b,d,SECRET\n", /:3: a fleet is of one organization: a, not z/],
  ["type,id,auth-token\n", /has 0 devices/],
] as const) {
  test(`identities: a CSV file is refused: ${JSON.stringify(text)}`, t => {
    const path = csv(t, text);
    const refused = (failure: Error) => error.test(failure.message) && !failure.message.includes("SECRET");
    assert.throws(() => fromCsv(path, "abc123", 0, undefined), refused);
  });
}

test("identities: a CSV file with too few devices, and one that is not there", t => {
  const path = csv(t, "type,id,auth-token\na,b,c\n");
  assert.throws(() => fromCsv(path, "abc123", 0, 2), /has 1 devices; asked for 0 to 1/);
  assert.throws(() => fromCsv(`${path}.no`, "abc123", 0, 1), /cannot read the devices in .*ENOENT/);
});

test("tally: events that both sides have count as nothing, in any order and at a lower QoS", () => {
  const tally = new Tally();
  tally.confirmed(1, 2);
  tally.received(1, 1);
  tally.received(2, 1);
  tally.confirmed(2, 1);
  assert.deepEqual(tally.differences, { lost: [0, 0, 0], duplicates: [0, 0, 0] });
  assert.equal(tally.pending, 0);
});

test("tally: what was confirmed and did not arrive is lost; what arrived again is a duplicate", () => {
  const tally = new Tally();
  for (const qos of [0, 1, 2] as const) {
    tally.confirmed(10 + qos, qos);
    tally.confirmed(10 + qos, qos);
    tally.received(10 + qos, qos);
  }
  tally.received(20, 1);
  tally.received(21, 2);
  tally.uncertain(21, 2);
  tally.uncertain(22, 1);
  tally.received(22, 1);
  tally.uncertain(23, 1);
  assert.equal(tally.pending, 3);
  assert.deepEqual(tally.differences, { lost: [1, 1, 1], duplicates: [0, 1, 0] });
});

test("tally: with too many differences it stops, and holds nothing", () => {
  const tally = new Tally(3);
  for (let event = 0; event < 4; event++) tally.confirmed(event, 1);
  assert.equal(tally.overflowed, true);
  for (let event = 4; event < 9; event++) tally.received(event, 1);
  assert.deepEqual(tally.differences, { lost: [0, 0, 0], duplicates: [0, 0, 0] });
});

function seconds(...rows: [connected: number, connects: number, connectionsLost: number][]): Second[] {
  return rows.map(([connected, connects, connectionsLost]) => ({ connected, connects, connectionsLost }));
}

test("outage: the outage, the time until 99 % are back, and the busiest second", () => {
  const timeline = seconds([100, 100, 0], [100, 0, 0], [30, 0, 70], [0, 0, 30], [20, 20, 0], [98, 78, 0], [100, 2, 0]);
  assert.deepEqual(findOutage(timeline), { second: 2, lost: 100, backSeconds: 5, peakPercent: 78 });
});

for (const [name, timeline] of [
  ["nothing happened", seconds([10, 10, 0], [10, 0, 0])],
  ["less than half were lost", seconds([10, 10, 0], [6, 0, 4], [10, 4, 0])],
  ["there was no second", seconds()],
  ["they were lost one by one", seconds([10, 10, 0], ...Array(10).fill([10, 1, 1]))],
] as const) {
  test(`outage: none if ${name}`, () => assert.equal(findOutage(timeline), undefined));
}

test("outage: not all are back", () => {
  assert.equal(findOutage(seconds([10, 10, 0], [0, 0, 10], [9, 9, 0]))?.backSeconds, null);
});

/** A report of two devices in which something of everything happened. */
function someReport(change: Partial<ReturnType<typeof emptyBatch>> = {}): Report {
  const totals = new Totals({ clientIds: ["d:abc123:fleet:device-0", "d:abc123:fleet:device-1"], plain: false });
  totals.add("thread", {
    ...emptyBatch(),
    started: [0, 1],
    connected: 2,
    connects: [100, 200, 300],
    reconnects: 1,
    connectionsLost: [250],
    connackMs: [1, 2, 30],
    pubackMs: [4],
    failedAttempts: { ECONNREFUSED: { count: 2, example: "no" } },
    refused: { 5: 1 },
    published: [1, 2, 0],
    rejected: 4,
    confirmed: [
      { index: 0, hash: 5, qos: 1 },
      { index: 1, hash: 5, qos: 0 },
    ],
    errorCount: 1,
    errors: [{ index: 1, message: '<oops> & "more"' }],
    ...change,
  });
  totals.received(0, 5, 1);
  totals.received(0, 5, 1);
  totals.end();
  return totals.report(true, ["a warning"]);
}

test("totals: devices are told apart by their number, and every message is accounted for", () => {
  const report = someReport();
  const { published, confirmed, dropped, unconfirmed, lost, duplicates, qos } = report;
  assert.deepEqual([report.refused, report.failedAttempts, report.rejected], [1, 2, 4]);
  assert.deepEqual(
    { published, confirmed, dropped, unconfirmed },
    { published: 3, confirmed: 2, dropped: 0, unconfirmed: 1 },
  );
  assert.deepEqual({ lost, duplicates }, { lost: 0, duplicates: 1 });
  assert.deepEqual(qos.lost, [1, 0, 0]);
  assert.deepEqual(report.timeline, [{ connected: 2, connects: 3, connectionsLost: 1 }]);
  assert.deepEqual([report.connack.count, report.connack.p50, Math.round(report.connack.max!)], [3, 2, 30]);
});

test("totals: what the devices drop after the end was only not confirmed, and may have arrived", () => {
  const totals = new Totals({ clientIds: ["d:a:b:c"], plain: false });
  const drop = { ...emptyBatch(), dropped: [{ index: 0, hash: 7, qos: 1 as const }] };
  const confirmed = [{ index: 0, hash: 8, qos: 1 as const }];
  totals.add("thread", { ...drop, started: [0], published: [0, 4, 0], confirmed });
  totals.end();
  totals.add("thread", { ...drop, rejected: 5, errorCount: 5, stopped: [{ index: 0, message: "no" }] });
  for (const hash of [7, 7, 8]) totals.received(0, hash, 1);
  const { dropped, unconfirmed, duplicates, rejected, errors, stopped } = totals.report(true, []);
  assert.deepEqual([dropped, unconfirmed, duplicates], [1, 2, 0]);
  assert.deepEqual([rejected, errors, stopped], [0, 0, 0]);
});

test("totals: losses are not known if no event was confirmed that an observer gets", () => {
  const totals = new Totals({ clientIds: ["d:a:b:c"], plain: false });
  totals.add("thread", { ...emptyBatch(), confirmed: [{ index: 0, hash: undefined, qos: 1 }] });
  totals.end();
  const { confirmed, lost, duplicates } = totals.report(true, []);
  assert.deepEqual([confirmed, lost, duplicates], [1, null, null]);
});

test("totals: a lost thread loses its connections, and a device that starts again is one device", () => {
  const totals = new Totals({ clientIds: ["d:a:b:c", "d:a:b:d"], plain: false });
  totals.add("thread", { ...emptyBatch(), started: [0, 1], connected: 2 });
  totals.loseThread("thread", { message: "an endless loop" });
  totals.add("another thread", { ...emptyBatch(), started: [1], connected: 1 });
  totals.end();
  const { devices, connected, connectionsLost, stopped, stoppedPrograms } = totals.report(false, []);
  assert.deepEqual([devices, connected, connectionsLost, stopped], [2, 1, 2, 1]);
  assert.deepEqual(stoppedPrograms, [{ device: "an unknown device", message: "an endless loop" }]);
});

test("totals: without an observer, losses are not known", () => {
  const totals = new Totals({ clientIds: ["d:a:b:c"], plain: true });
  totals.end();
  const { lost, duplicates, puback } = totals.report(false, []);
  assert.deepEqual([lost, duplicates, puback.p99], [null, null, null]);
});

test("totals: stopped programs beyond the twentieth are only counted", () => {
  const { stopped, stoppedPrograms } = someReport({ stopped: Array(30).fill({ index: 0, message: "no" }) });
  assert.deepEqual([stopped, stoppedPrograms.length], [30, 20]);
  assert.match(reportText(someReport({ stopped: Array(30).fill({ index: 0, message: "no" }) })), /… and 10 more/);
});

test("latencies: a copy by its counts has the same percentiles", () => {
  const times = new Latencies();
  for (let ms = 1; ms <= 1000; ms++) times.record(ms);
  const copy = new Latencies();
  copy.add(times.counts);
  assert.deepEqual(copy.summary, times.summary);
  const { count, p50, p99 } = times.summary;
  assert.deepEqual([count, Math.round(p50!), Math.round(p99! / 10) * 10], [1000, 500, 990]);
});

test("merge: counts add up, percentiles come from all times, and a missing observer is missing", () => {
  const [one, two] = [someReport(), someReport({ connackMs: [500, 500, 500] })];
  const both = mergeReports([one, parseReport(JSON.stringify(two), "two.json")]);
  assert.deepEqual([both.devices, both.connected, both.published, both.duplicates], [4, 4, 6, 2]);
  assert.deepEqual([both.connack.count, Math.round(both.connack.p99!)], [6, 500]);
  assert.deepEqual(
    [both.refusedByCode, both.failedAttemptsByCause],
    [{ 5: 2 }, { ECONNREFUSED: { count: 4, example: "no" } }],
  );
  assert.deepEqual(both.timeline, [{ connected: 4, connects: 6, connectionsLost: 2 }]);
  const warnings = both.warnings.filter(warning => warning === "a warning");
  assert.deepEqual(warnings, ["a warning"]);
  assert.equal(mergeReports([one, { ...two, lost: null, duplicates: null }]).lost, null);
  for (const text of ["{}", "1", '{"devices":1,"timeline":[],"histograms":{"connack":[],"puback":[]}}']) {
    assert.throws(() => parseReport(text, "x.json"), /x\.json is not a report/, text);
  }
  assert.throws(() => parseReport("{", "x.json"), /x\.json is not JSON/);
});

test("thresholds: figures are compared, and one that is not there is not met", () => {
  const report = someReport();
  const results = ["connack.max<=31", "connack.max<30", "connected==2", "puback.count>0", "outage.backSeconds<10"].map(
    text => check(parseThreshold(text), report),
  );
  const met = results.map(({ met }) => met);
  assert.deepEqual(met, [true, false, true, true, false]);
  assert.equal(results[4]!.value, null);
  for (const text of ["puback.p99", "puback.p99<x", "<5", "puback.p98<5", "toString<5"]) {
    assert.throws(() => parseThreshold(text), /--threshold/, text);
  }
});

test("JUnit: a case for each threshold, with the text escaped", () => {
  const report = someReport({ stopped: [{ index: 0, message: 'a "<b>\u0007' }] });
  const xml = junitXml(report, [
    check(parseThreshold("connected<2"), report),
    check(parseThreshold("devices==2"), report),
  ]);
  assert.match(xml, /tests="3" failures="2"/);
  assert.match(xml, /<testcase name="connected&lt;2"><failure message="it is 2"\/>/);
  assert.match(xml, /<testcase name="devices==2"\/>/);
  assert.match(xml, /message="d:abc123:fleet:device-0: a &quot;&lt;b&gt;·"/);
});

test("picture: a line, a bar for each second with connects, and the outage", () => {
  const timeline = seconds([2, 2, 0], [0, 0, 2], [2, 2, 0]);
  const svg = picture({ ...someReport(), timeline, outage: findOutage(timeline)! });
  assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  assert.equal(svg.match(/<rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="[\d.]+"\/>/g)?.length, 2);
  assert.match(svg, /class="outage"/);
  assert.deepEqual(
    [...svg.matchAll(/text-anchor="middle">(\d+)</g)].map(([, time]) => time),
    ["0", "1", "2", "3"],
  );
  assert.equal(/points="([^"]+)"/.exec(svg)![1]!.split(" ").length, 3);
});

test("warnings: what ran out, and the command that raises it", () => {
  const [files, all, ports] = descriptorWarnings({ EMFILE: 1, ENFILE: 1, EADDRNOTAVAIL: 1, timeout: 3 });
  assert.match(files!, /limit of open files of this process was reached.*ulimit -n/);
  assert.match(all!, /fs\.file-max/);
  assert.match(ports!, /ip_local_port_range/);
  assert.deepEqual(descriptorWarnings({ timeout: 3 }), []);
});
