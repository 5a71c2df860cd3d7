// Does `iotf-embedded platform` work as a program: what it prints, how it stops, which exit code it leaves?

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import mqtt from "mqtt";
import { Program } from "../../support/program.ts";
import * as rig from "../platform/testing.ts";
import { Run, visible } from "./testing.ts";

const CLI = fileURLToPath(new URL("../../../../dist/cli.js", import.meta.url));

function run(t: TestContext, ...args: string[]): Program {
  const program = new Program(process.execPath, [CLI, "platform", ...args]);
  t.after(() => program.kill("SIGKILL"));
  return program;
}

test("it shows a device's life in readable lines, without its token, and Ctrl-C ends it cleanly", async t => {
  const { type, id, token } = rig.DEVICE;
  const program = run(t, "--port", "0", "--device", `${type}:${id}:${token}`);
  const [, url] = await program.printed(/listening on (mqtt:\S+)/);
  const [, page] = await program.printed(/page +(http:\S+)/);

  const login = { clientId: rig.CLIENT_ID, username: "use-token-auth", reconnectPeriod: 0 };
  await assert.rejects(mqtt.connectAsync(url!, { ...login, password: "WRONG-TOKEN" }), { code: 5 });
  const device = await mqtt.connectAsync(url!, { ...login, password: token });
  t.after(() => device.end(true));
  await device.subscribeAsync("iot-2/cmd/+/fmt/+", { qos: 1 });
  const application = await mqtt.connectAsync(url!, { clientId: "a:abc123:app", reconnectPeriod: 0 });
  t.after(() => application.end(true));
  await device.publishAsync("iot-2/evt/status/fmt/json", '{"cpu":60}', { qos: 1 });
  await application.publishAsync(`${rig.ON_APP}/cmd/reboot/fmt/text`, "now\u001b[31m\u202e", { qos: 2 });
  await application.endAsync();
  await program.printed(/refused +d:abc123:thermo:t-01 +CONNACK 5: not authorized$/m);
  await program.printed(/connect +d:abc123:thermo:t-01$/m);
  await program.printed(/event +d:abc123:thermo:t-01 +status json qos1 +\{"cpu":60\}$/m);
  await program.printed(
    /command +d:abc123:thermo:t-01 +reboot text qos2 +hex 6e 6f 77 1b 5b 33 31 6d e2 80 ae \(11 bytes\) +from a:abc123:app$/m,
  );
  await program.printed(/disconnect +a:abc123:app +0: The connection has completed normally\.$/m);
  const answer = await fetch(page!);
  assert.deepEqual([answer.status, /<title>Local platform/.test(await answer.text())], [200, true]);

  const { code, out, err } = await program.kill("SIGINT");
  assert.deepEqual([code, out.endsWith("\nclosed\n"), err], [0, true, ""]);
  assert.doesNotMatch(visible(out), /WRONG-TOKEN|MP\$08VKz|␛/);
});

test("the demo device is let in without any option but a free port", async t => {
  const program = run(t, "--port", "0", "--no-page");
  const [, url] = await program.printed(/listening on (mqtt:\S+)/);
  await program.printed(/device +d:abc123:thermo:t-01 +user use-token-auth, password demo-token$/m);
  await new Run(["device", "--url", url!, "--events", "1"]).succeeds();
  const { out } = await program.kill("SIGTERM");
  assert.match(out, /event +d:abc123:thermo:t-01 +status json qos1/);
  assert.doesNotMatch(out, /http:/);
});

test("as JSON: where it listens, what happens, and its end", async () => {
  const platform = new Run(["platform", "--port", "0", "--json"]);
  await platform.printed(/listening/);
  const [{ url, page, ...listening }] = platform.objects as [Record<string, unknown>];
  assert.deepEqual(listening, { what: "listening" });
  assert.match(`${url} ${page}`, /^mqtt:\/\/127\.0\.0\.1:\d+ http:\/\/127\.0\.0\.1:\d+\/$/);
  await new Run(["device", "--url", String(url), "--events", "1"]).succeeds();
  await platform.printed(/disconnect/);
  assert.equal(await platform.interrupt(), 0);
  const client = "d:abc123:thermo:t-01";
  const [, ...rest] = platform.objects;
  const { data, ...event } = rest[1]!;
  assert.deepEqual(
    [rest[0], event, ...rest.slice(2)],
    [
      { what: "connect", client, durable: false },
      { what: "event", client, event: "status", format: "json", qos: 1 },
      { what: "disconnect", client, reason: 0, text: "The connection has completed normally." },
      { what: "closed" },
    ],
  );
  assert.equal((data as { name: string }).name, "foo");
});

test("as JSON: an event that is nested deeper than JSON.stringify() can go is text, and the platform goes on", async t => {
  const nested = "[".repeat(60_000) + "]".repeat(60_000);
  const platform = new Run(["platform", "--port", "0", "--no-page", "--json"]);
  t.after(() => platform.interrupt());
  await platform.printed(/listening/);
  const url = String(platform.objects[0]!.url);
  const watch = new Run(["watch", "--url", url, "--org", "quickstart", "--count", "2", "--json"]);
  await platform.printed(/"connect","client":"a:quickstart/);
  const stranger = await mqtt.connectAsync(url, { clientId: "d:quickstart:thermo:x", reconnectPeriod: 0 });
  t.after(() => stranger.end(true));
  await watch.printed(/"connect","client":"d:quickstart/);
  for (const text of [nested, "[[1]]"]) stranger.publish("iot-2/evt/status/fmt/json", text);
  await watch.succeeds();
  await platform.printed(/"data":\[\[1\]\]/);
  for (const run of [platform, watch]) {
    const events = run.objects.filter(({ what }) => what === "event");
    assert.deepEqual(
      events.map(({ text, data }) => [text, data]),
      [
        [nested, undefined],
        [undefined, [[1]]],
      ],
    );
  }
});

test("the client id of a refused CONNECT cannot control the terminal, in lines and table", async t => {
  const platform = new Run(["platform", "--port", "0", "--no-page"], { tty: true, env: { NO_COLOR: "1" } });
  t.after(() => platform.interrupt());
  const [, url] = await platform.printed(/listening on (mqtt:\S+)/);
  const clientId = "d:abc123\u001b[2J\u0007\r:thermo:t-01";
  await assert.rejects(mqtt.connectAsync(url!, { clientId, reconnectPeriod: 0 }), { code: 5 });
  await platform.printed(/refused +d:abc123·\[2J··:thermo:t-01 /);
  for (const sign of ["\u001b", "\u0007", "\r"]) assert.equal(platform.out.includes(sign), false);
});

test("on an address of the network, only the printed API key lets an application in", async t => {
  const platform = new Run(["platform", "--host", "0.0.0.0", "--port", "0", "--no-page", "--device", "thermo:t-01:x"]);
  t.after(() => platform.interrupt());
  const [, port] = await platform.printed(/listening on mqtt:\/\/0\.0\.0\.0:(\d+)/);
  const [, user, token] = await platform.printed(/a:abc123:<name> +user (\S+), password (\S+)/);
  await platform.printed(/The platform made this API key/);
  const send = ["send", "thermo:t-01", "print", "--url", `mqtt://127.0.0.1:${port}`];
  await new Run(send).fails(/CONNACK code 5/);
  await new Run(send, { env: { WIOTP_AUTH_KEY: user!, WIOTP_AUTH_TOKEN: token! } }).succeeds();
  const wrong = new Run(send, { env: { WIOTP_AUTH_KEY: user!, WIOTP_AUTH_TOKEN: `${token}x` } });
  assert.equal(await wrong.code, 1);
});

test("with nobody reading the output, devices wait and memory stays bounded", async t => {
  const platform = new Run(["platform", "--port", "0", "--no-page", "--json"]);
  t.after(() => platform.interrupt());
  await platform.printed(/listening/);
  const url = String(platform.objects[0]!.url);
  const device = await mqtt.connectAsync(url, { clientId: "d:quickstart:thermo:x", reconnectPeriod: 0 });
  t.after(() => device.end(true));
  await platform.printed(/"connect"/);
  platform.stall();
  // QoS 0, as fast as the socket takes it: 40 MB.
  const payload = "x".repeat(100_000);
  const published = Promise.all(
    Array.from({ length: 400 }, () => device.publishAsync("iot-2/evt/e/fmt/json", JSON.stringify(payload))),
  );
  while (platform.stdout.writableLength < 256 * 1024) await new Promise(resolve => setImmediate(resolve));
  await new Promise<void>(resolve => {
    let rounds = 0;
    const look = () => (++rounds < 2000 ? setImmediate(look) : resolve());
    look();
  });
  assert.ok(platform.stdout.writableLength < 4_000_000, `${platform.stdout.writableLength} bytes wait`);
  platform.read();
  await published;
  await device.endAsync();
  await platform.printed(/"disconnect"/);
  assert.equal(platform.objects.filter(({ what }) => what === "event").length, 400);
});

test("on a terminal the table of devices stays below the lines", async () => {
  const platform = new Run(["platform", "--port", "0", "--no-page"], { tty: true });
  const [, url] = await platform.printed(/listening on (mqtt:\S+)/);
  await new Run(["device", "--url", url!, "--events", "1"]).succeeds();
  await platform.printed(/disconnect/);
  await platform.interrupt();
  const out = visible(platform.out);
  assert.match(out, /␛\[32mconnect +␛\[0m d:abc123:thermo:t-01\n\n␛\[2mDEVICE +STATE/);
  // Three lines erased, one more line, three drawn.
  assert.match(
    out,
    /␛\[3A\r␛\[J\S+ {2}␛\[36mevent [^\n]*\n\n[^\n]*DEVICE[^\n]*\nd:abc123:thermo:t-01 {2}connected[^\n]* 1 +0 +\S+ status\n/,
  );
  assert.match(out, /\n␛\[2md:abc123:thermo:t-01 {2}disconnected[^\n]*\nclosed\n$/);
});

test("a port in use is told in one line, exit code 1, also that of the page", async t => {
  const platform = await rig.startTestPlatform(t);
  const { err, code } = await run(t, "--port", String(platform.port)).ended;
  assert.match(
    err,
    new RegExp(
      `^iotf-embedded platform: cannot listen on 127\\.0\\.0\\.1:${platform.port}: the port is in use.*; choose another one with --port.*\n$`,
    ),
  );
  assert.equal(code, 1);
  const page = await run(t, "--port", "0", "--page", String(platform.port)).ended;
  assert.match(
    page.err,
    /^iotf-embedded platform: the page cannot listen on .* in use.*; choose another one with --page.*\n$/,
  );
  assert.equal(page.code, 1);
});
