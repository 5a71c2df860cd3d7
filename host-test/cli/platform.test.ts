// Does `iotf-embedded platform` work as a program: what it prints, how it stops, which exit code it leaves?

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import mqtt from "mqtt";
import * as rig from "../platform/testing.ts";
import { Program } from "../support/program.ts";
import { Run, visible } from "./testing.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));

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
  await program.printed(/command +d:abc123:thermo:t-01 +reboot text qos2 +now·\[31m· +from a:abc123:app$/m);
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
  const device = new Run(["device", "--url", url!, "--events", "1"]);
  assert.equal(await device.code, 0, device.err);
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
  const device = new Run(["device", "--url", String(url), "--events", "1"]);
  assert.equal(await device.code, 0, device.err);
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

test("on a terminal the table of devices stays below the lines", async () => {
  const platform = new Run(["platform", "--port", "0", "--no-page"], { tty: true });
  const [, url] = await platform.printed(/listening on (mqtt:\S+)/);
  const device = new Run(["device", "--url", url!, "--events", "1"]);
  assert.equal(await device.code, 0, device.err);
  await platform.printed(/disconnect/);
  await platform.interrupt();
  const out = visible(platform.out);
  assert.match(out, /␛\[32mconnect +␛\[0m d:abc123:thermo:t-01\n\n␛\[2mDEVICE +STATE/);
  // Three lines erased, one more line, three drawn.
  assert.match(
    out,
    /␛\[3A\r␛\[J\S+ {2}␛\[36mevent [^\n]*\n\n[^\n]*DEVICE[^\n]*\nd:abc123:thermo:t-01 {2}connected[^\n]* 1 +0 +\S+ status\n/,
  );
  assert.match(out, /\n␛\[2md:abc123:thermo:t-01 {2}away[^\n]*\nclosed\n$/);
});

test("a port in use is told in one line, exit code 1, also that of the page", async t => {
  const platform = await rig.startTestPlatform(t);
  const { err, code } = await run(t, "--port", String(platform.port)).ended;
  assert.match(
    err,
    new RegExp(
      `^iotf-embedded platform: cannot listen on 127\\.0\\.0\\.1:${platform.port}: the port is in use.*; --port takes another one.*\n$`,
    ),
  );
  assert.equal(code, 1);
  const page = await run(t, "--port", "0", "--page", String(platform.port)).ended;
  assert.match(
    page.err,
    /^iotf-embedded platform: the page cannot listen on .* in use.*; --page takes another one.*\n$/,
  );
  assert.equal(page.code, 1);
});
