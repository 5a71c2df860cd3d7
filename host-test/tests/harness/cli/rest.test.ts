// RestClient against a server that answers as a test says: where it asks, as whom, and what it makes of the answers.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type TestContext, test } from "node:test";
import { CommandError } from "../../../harness/cli/errors.ts";
import { RestClient, restPlace } from "../../../harness/cli/rest.ts";
import { findTarget } from "../../../harness/cli/target.ts";
import { makeCertificate, noOpenssl } from "../../contract/certificates.ts";
import { makeFolder, writeFile } from "../../support/folder.ts";
import { listen } from "../../support/listen.ts";
import { Run } from "./testing.ts";

type Answer = readonly [status: number, body: unknown] | "reset";

/** A platform that gives one answer to each request, the last one again and again. */
async function platform(t: TestContext, ...answers: Answer[]) {
  const requests: string[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url} ${request.headers.host}`);
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    if (answer === "reset") return void request.socket.resetAndDestroy();
    const [status, body] = answer;
    response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
  });
  const { port } = await listen(server, t);
  return { requests, server, url: `mqtt://127.0.0.1:${port}` };
}

const STARTED: Answer = [202, { reqId: "r-1" }];
const PENDING: Answer = [200, { results: [{ complete: false }] }];
const DEVICE = { type: "thermo", id: "t-01" };
const REBOOT = { action: "device/reboot", parameters: [] };

function run(url: string, signal = new AbortController().signal) {
  return new RestClient(findTarget({ url, org: "org123" }, {}), signal).run(REBOOT, DEVICE);
}

test("where the REST API is", () => {
  const of = (url: string) => restPlace(findTarget({ url, org: "abc123" }, {})).url;
  assert.equal(of("mqtts://abc123.messaging.example.com:8883"), "https://abc123.example.com");
  assert.equal(of("mqtts://other.messaging.example.com:8883"), "https://other.messaging.example.com:8883");
  assert.equal(of("mqtt://abc123.messaging.local:1883"), "http://abc123.messaging.local:1883");
  assert.equal(of("mqtt://127.0.0.1:1883"), "http://127.0.0.1:1883");
  assert.equal(of("mqtts://[::1]:8883"), "https://[::1]:8883");
});

test("an action: starts it, names the organization, asks until it is complete", async t => {
  const { requests, url } = await platform(t, STARTED, PENDING, [200, { results: [{ complete: true, status: 0 }] }]);
  assert.deepEqual(await run(url), { complete: true, done: true, status: 0, message: "" });
  const poll = "GET /api/v0002/mgmt/requests/r-1/deviceStatus org123.messaging.local";
  assert.deepEqual(requests, ["POST /api/v0002/mgmt/requests org123.messaging.local", poll, poll]);
});

test("status is success only for 0 and done", async t => {
  for (const [status, done] of [
    ["done", true],
    [0, true],
    [2, false],
    ["timeout", false],
    [undefined, false],
  ] as const) {
    const { url } = await platform(t, STARTED, [200, { results: [{ complete: true, status, message: "m" }] }]);
    const outcome = await run(url);
    assert.deepEqual([outcome.done, outcome.status, outcome.message], [done, status ?? "failed", "m"]);
  }
});

for (const [what, answers, message] of [
  ["no reqId", [[202, {}]], "device/reboot: the platform gave no reqId"],
  ["a reqId that is a path", [[202, { reqId: "../x" }]], "device/reboot: the platform gave no reqId"],
  ["no body", [[202, ""]], "device/reboot: the platform gave no reqId"],
  ["not started", [[409, "not managed"]], "not managed"],
  ["not started, without a text", [[500, ""]], "the platform answered 500"],
  ["no JSON", [[200, "<html>"]], /^http:.* answered to \/api\/v0002\/mgmt\/requests is not JSON$/],
  ["no results", [STARTED, [200, { results: [] }]], "device/reboot: the platform knows no status of the device"],
  ["no list of results", [STARTED, [200, {}]], "device/reboot: the platform knows no status of the device"],
  ["the request is unknown", [STARTED, [404, "no such request"]], "no such request"],
  ["an answer without end", [[200, " ".repeat((1 << 24) + 1)]], /the answer has more than 16777216 bytes/],
  ["a connection that breaks", ["reset"], /ECONNRESET/],
] as [string, Answer[], string | RegExp][]) {
  test(`${what}: an error of one line`, async t => {
    const { url } = await platform(t, ...answers);
    await assert.rejects(run(url), error => {
      assert.ok(error instanceof CommandError);
      if (typeof message === "string") assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    });
  });
}

test("errors that may pass: asks again for the end of an action, never starts it twice", async t => {
  const busy: Answer[] = [429, 502, 503, 504].map(status => [status, ""]);
  const { requests, url } = await platform(t, STARTED, "reset", ...busy, [
    200,
    { results: [{ complete: true, status: 0 }] },
  ]);
  assert.equal((await run(url)).done, true);
  const methods = requests.map(request => request.split(" ")[0]);
  assert.deepEqual(methods, ["POST", ...Array<string>(6).fill("GET")]);
  const refused = await platform(t, [503, "200 requests are under way"], STARTED, PENDING);
  await assert.rejects(run(refused.url), { message: "200 requests are under way" });
  assert.equal(refused.requests.length, 1);
});

test("errors that do not pass within 60 s end it", async t => {
  let now = 0;
  t.mock.method(performance, "now", () => {
    now += 20_000;
    return now;
  });
  const { requests, url } = await platform(t, STARTED, [503, ""]);
  await assert.rejects(run(url), { message: "the platform answered 503" });
  assert.equal(requests.length, 5);
});

test("TLS elsewhere than at a hosted platform: the port of MQTT, and the certificate of the host", {
  skip: noOpenssl(),
}, async t => {
  const hosts: (string | undefined)[] = [];
  const server = createSecureServer(({ headers }, response) => {
    hosts.push(headers.host);
    response.end("{}");
  });
  const { port } = await listen(server, t);
  const folder = makeFolder(t);
  const ask = (ca: string) => {
    const path = writeFile(folder, "ca.pem", ca);
    const target = findTarget({ url: `mqtts://localhost:${port}`, org: "org123", ca: path }, {});
    return new RestClient(target, new AbortController().signal).ask("GET", "/");
  };
  const good = makeCertificate();
  server.setSecureContext(good);
  assert.deepEqual(await ask(good.cert), {});
  assert.deepEqual(hosts, ["org123.messaging.local"]);
  const other = makeCertificate("DNS:other.example.com");
  server.setSecureContext(other);
  await assert.rejects(ask(other.cert), { message: /localhost\. is not in the cert's altnames/ });
});

test("texts of the platform do not control the terminal", async t => {
  const results = [{ complete: true, status: "bad\x1b[2J", message: "no\x1b]0;x\x07\nline" }];
  for (const [answers, out, err] of [
    [[STARTED, [200, { results }]], "bad·[2J: no·]0;x··line\n", ""],
    [[[409, "\x1b[2J\n"]], "", "iotf-embedded manage: ·[2J·\n"],
  ] as [Answer[], string, string][]) {
    const { url } = await platform(t, ...answers);
    const run = new Run(["manage", "thermo:t-01", "reboot", "--url", url]);
    assert.equal(await run.code, 1);
    assert.deepEqual([run.out.replace("device/reboot d:abc123:thermo:t-01 ", ""), run.err], [out, err]);
  }
});

test("Ctrl-C while an action is under way", async t => {
  const { requests, server, url } = await platform(t, STARTED, PENDING);
  const stop = new AbortController();
  const running = run(url, stop.signal);
  while (requests.length < 2) await once(server, "request");
  stop.abort();
  await assert.rejects(running, { message: "interrupted" });
});
