// NEEDS dist/ (npm run build). HttpClient against the local platform: over Node's own http and https, in this process and
// inside XS, and inside XS over bare sockets, as on a Moddable device. A command sent while the request waits arrives; what
// the platform refuses becomes a named error.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { HttpClient } from "../../../../dist/http-node.js";
import type { DeviceOptions } from "../../../../dist/node.js";
import { bundle } from "../../../../targets/bundle/bundle.ts";
import type { Platform } from "../../../harness/platform/platform.ts";
import { startXs, type Xs } from "../../../harness/xs/host.ts";
import { makeCertificate, noOpenssl } from "../../contract/certificates.ts";
import * as rig from "../../harness/platform/testing.ts";
import { makeFolder } from "../../support/folder.ts";
import { listen } from "../../support/listen.ts";
import { openTlsFront } from "../../support/tls-front.ts";
import { freePort } from "../broker/mosquitto.ts";
import { HTTP_PORT, lendHttp } from "./lend-http.ts";
import { type Outcome, startHttp } from "./programs/http-client.js";

const PROGRAM = fileURLToPath(new URL("programs/http-client.js", import.meta.url));
const SOCKET_PORT = fileURLToPath(new URL("../../../../targets/moddable/http-sockets.ts", import.meta.url));
const HTTP = fileURLToPath(new URL("../../../../dist/http.js", import.meta.url));

/** The client, wherever it runs. */
interface Remote {
  publish(event: string, format: string, data: unknown): Promise<Outcome>;
  request(command: string, waitTimeSecs: number): Promise<Outcome>;
}

const ENGINES: Record<string, (t: TestContext, options: DeviceOptions) => Promise<Remote>> = {
  node: onNode,
  xs: (t, options) => inXs(t, options, `(await import(${JSON.stringify(HTTP_PORT)})).httpPorts`),
  "xs, bare sockets": (t, options) =>
    inXs(t, options, `new (await import(${JSON.stringify(socketPort)})).SocketHttpPorts(host.ports)`),
};

const socketPort = join(makeFolder(), "http-sockets.js");
before(() => bundle({ entry: SOCKET_PORT, outfile: socketPort }));

async function onNode(t: TestContext, options: DeviceOptions): Promise<Remote> {
  const functions = startHttp(HttpClient, options);
  t.after(() => functions.close());
  return {
    publish: (...given) => functions.publish(given),
    request: (...given) => functions.request(given),
  };
}

/** @param ports code that makes them, in XS */
async function inXs(t: TestContext, options: DeviceOptions, ports: string): Promise<Remote> {
  const xs: Xs = await startXs({ calls: lendHttp(() => xs) });
  t.after(() => xs.close());
  await xs.evaluate(`(async () => {
    const { HttpClient } = await import(${JSON.stringify(HTTP)});
    const { startHttp } = await import(${JSON.stringify(PROGRAM)});
    const functions = startHttp(HttpClient, ${JSON.stringify(options)}, ${ports});
    for (const name in functions) host.register(name, functions[name]);
  })()`);
  return {
    publish: (...given) => xs.call<Outcome>("publish", given),
    request: async (...given) => dated(await xs.call<Outcome>("request", given)),
  };
}

/** JSON has no Date. */
function dated(outcome: Outcome): Outcome {
  if (outcome.command) outcome.command.timestamp = new Date(outcome.command.timestamp);
  return outcome;
}

const optionsFor = (platform: Platform, more: DeviceOptions = {}): DeviceOptions => ({
  ...rig.optionsFor(platform),
  ...more,
});

for (const [engine, make] of Object.entries(ENGINES)) {
  test(`HTTP on ${engine}: an event reaches the application`, { timeout: 20_000 }, async t => {
    const platform = await rig.startTestPlatform(t);
    const application = await rig.watchOrganization(t, platform);
    const client = await make(t, optionsFor(platform));
    assert.deepEqual(await client.publish("status", "json", { cpu: 60, name: "온도" }), {});
    const { topic, text } = await application.next();
    assert.deepEqual([topic, text], [`${rig.ON_APP}/evt/status/fmt/json`, '{"cpu":60,"name":"온도"}']);
  });

  test(`HTTP on ${engine}: a command comes while the request waits, another was kept`, { timeout: 20_000 }, async t => {
    const platform = await rig.startTestPlatform(t);
    const client = await make(t, optionsFor(platform));
    const waits = rig.next(platform, "waiting");
    const first = client.request("+", 60);
    await waits;
    const application = await rig.connectApplication(t, platform);
    const before = Date.now();
    await application.publish(`${rig.ON_APP}/cmd/setInterval/fmt/json`, '{"interval":5}', 1);
    await application.publish(`${rig.ON_APP}/cmd/print/fmt/text`, "안녕", 1);
    const { command } = await first;
    const { timestamp, ...rest } = command!;
    assert.deepEqual(rest, { command: "setInterval", format: "json", data: { interval: 5 } });
    assert.ok(Math.abs(timestamp.getTime() - before) < 10_000);
    const second = (await client.request("print", 1)).command!;
    assert.deepEqual([second.format, second.data], ["text", "안녕"]);
    assert.deepEqual(await client.request("+", 0), {});
  });

  test(`HTTP on ${engine}: refused credentials are a ConnectionException with the status`, {
    timeout: 20_000,
  }, async t => {
    const platform = await rig.startTestPlatform(t);
    const client = await make(t, optionsFor(platform, { "auth-token": "wrong-token" }));
    const { error } = await client.publish("status", "json", 1);
    assert.deepEqual([error!.name, error!.code, error!.returnCode], ["ConnectionException", "refused", 403]);
    assert.ok(!error!.message.includes("wrong-token"));
  });

  test(`HTTP on ${engine}: nobody there is unreachable`, { timeout: 20_000 }, async t => {
    const platform = await rig.startTestPlatform(t);
    const port = await freePort();
    const client = await make(t, optionsFor(platform, { port }));
    const { error } = await client.publish("status", "json", 1);
    assert.equal(error!.code, "unreachable");
    assert.match(error!.message, new RegExp(`^cannot reach 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED`));
  });

  test(`HTTP on ${engine}: a command above limits.frameBytes is refused`, { timeout: 20_000 }, async t => {
    const platform = await rig.startTestPlatform(t);
    const client = await make(t, optionsFor(platform, { limits: { frameBytes: 1000 } }));
    await client.request("+", 0);
    for (const length of [1001, 1000]) {
      await platform.sendToDevice(rig.CLIENT_ID, "iot-2/cmd/big/fmt/text", "x".repeat(length));
    }
    assert.equal((await client.request("+", 0)).error!.code, "limit");
    assert.equal((await client.request("+", 0)).command!.data, "x".repeat(1000));
  });
}

test("HTTP over TLS: the certificate is checked against ca and server-name", {
  timeout: 20_000,
  skip: noOpenssl(),
}, async t => {
  const platform = await rig.startTestPlatform(t);
  const certificate = makeCertificate("DNS:abc123.messaging.example.com");
  const { cert } = certificate;
  const { port } = await openTlsFront(platform.port, certificate, t);
  const tls = { tls: true, port, "server-name": "abc123.messaging.example.com" };
  const trusting = await onNode(t, optionsFor(platform, { ...tls, ca: cert }));
  assert.deepEqual(await trusting.publish("status", "json", 1), {});
  const strange = await onNode(t, optionsFor(platform, tls));
  assert.match((await strange.publish("status", "json", 1)).error!.message, /self-signed certificate/);
  const other = await onNode(t, optionsFor(platform, { ...tls, ca: cert, "server-name": "example.org" }));
  assert.match((await other.publish("status", "json", 1)).error!.message, /altnames|does not match/);
});

test("a server that takes the request and says nothing: timeout", { timeout: 20_000 }, async t => {
  const platform = await rig.startTestPlatform(t);
  const { port } = await listen(createServer(), t);
  const client = await onNode(t, optionsFor(platform, { port, timeout: 1 }));
  assert.equal((await client.publish("status", "json", 1)).error!.code, "timeout");
});

test("an answer that breaks off is unreachable, not a command", { timeout: 20_000 }, async t => {
  const platform = await rig.startTestPlatform(t);
  const broken = createServer(socket => {
    socket.once("data", () =>
      socket.end("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{}"),
    );
  });
  const { port } = await listen(broken, t);
  const client = await onNode(t, optionsFor(platform, { port }));
  assert.equal((await client.request("print", 0)).error!.code, "unreachable");
});
