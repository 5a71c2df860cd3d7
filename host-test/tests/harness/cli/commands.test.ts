// send, watch and device against a local platform: what they print, for people and for programs, and how they end.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Aedes } from "aedes";
import type { Platform } from "../../../harness/platform/platform.ts";
import { makeCertificate, noOpenssl } from "../../contract/certificates.ts";
import { freePort } from "../../end-to-end/broker/mosquitto.ts";
import { makeFolder, writeFile } from "../../support/folder.ts";
import { listen } from "../../support/listen.ts";
import { openTlsFront } from "../../support/tls-front.ts";
import * as rig from "../platform/testing.ts";
import { Run, type RunOptions, visible } from "./testing.ts";

const folder = makeFolder();

const DEMO = { org: "abc123", type: "thermo", id: "t-01", token: "demo-token" };
const KEY = { org: "abc123", appId: "tool", key: "k1", token: "SECRET$(1)" };
const CREDENTIALS = { WIOTP_AUTH_KEY: "a-abc123-k1", WIOTP_AUTH_TOKEN: KEY.token, WIOTP_IDENTITY_APPID: "tool" };

function run(t: TestContext, platform: Platform, args: string[], options?: RunOptions): Run {
  const command = new Run([...args, "--url", platform.url], options);
  t.after(() => command.interrupt());
  return command;
}

test("send: the device gets the command; people and programs are told", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  await device.subscribe("iot-2/cmd/+/fmt/+", 2);
  for (const [args, topic, text, qos] of [
    [["print", '{"message":"hi"}'], "iot-2/cmd/print/fmt/json", '{"message":"hi"}', 1],
    [["reboot", "--qos", "2"], "iot-2/cmd/reboot/fmt/json", "{}", 2],
    [["say", "5 °", "--format", "utf8", "--qos", "0"], "iot-2/cmd/say/fmt/utf8", "5 °", 0],
  ] as const) {
    const command = await run(t, platform, ["send", "thermo:t-01", ...args]).succeeds();
    assert.equal(command.out, `sent ${args[0]} to d:abc123:thermo:t-01\n`);
    const message = await device.next();
    assert.deepEqual([message.topic, message.text, message.qos], [topic, text, qos]);
  }
  const json = await run(t, platform, ["send", "d:abc123:thermo:t-01", "print", "--json"]).succeeds();
  const sent = { what: "sent", client: "d:abc123:thermo:t-01", command: "print", format: "json", qos: 1 };
  assert.deepEqual(json.objects, [{ ...sent, state: "connected" }]);
});

test("send: bytes from the command line, a file and standard input", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  await device.subscribe("iot-2/cmd/+/fmt/+", 2);
  const bytes = Buffer.of(0, 255, 27, 128);
  const file = join(folder, "payload.bin");
  writeFileSync(file, bytes);
  for (const [args, format] of [
    [["--hex", "00 FF1b 80"], "bin"],
    [["--base64", "AP8bgA=="], "bin"],
    [["--base64", "AP8bgA", "--format", "raw"], "raw"],
    [["--file", file, "--format", "raw"], "raw"],
    [["--file", "-", "--format", "raw"], "raw"],
  ] as const) {
    await run(t, platform, ["send", "thermo:t-01", "put", ...args], { input: bytes }).succeeds();
    const { topic, payload } = await device.next();
    assert.deepEqual([topic, payload], [`iot-2/cmd/put/fmt/${format}`, bytes]);
  }
});

test("send says so when the device is not connected, or never was", async t => {
  const platform = await rig.startTestPlatform(t);
  const sent = async (...args: string[]) => {
    const command = await run(t, platform, ["send", "thermo:t-01", "print", ...args]).succeeds();
    return command;
  };
  const never = "sent print to d:abc123:thermo:t-01, which has never connected to this platform with MQTT\n";
  assert.equal((await sent()).out, never);
  await assert.rejects(rig.connectDevice(t, platform, { password: "wrong" }));
  assert.equal((await sent("--json")).objects[0]!.state, "never connected");
  const device = await rig.connectDevice(t, platform);
  const gone = rig.next(platform, "disconnect");
  await device.end();
  await gone;
  assert.match(
    (await sent()).out,
    /, which is not connected: it receives the command only if it has a durable session\n$/,
  );
});

test("send: the largest payload, and one that is too large for the platform", async t => {
  const platform = await rig.startTestPlatform(t);
  const text = "x".repeat(131_072);
  const device = await rig.connectDevice(t, platform);
  await device.subscribe("iot-2/cmd/+/fmt/+", 1);
  await run(t, platform, ["send", "thermo:t-01", "print", text, "--format", "utf8"]).succeeds();
  assert.equal((await device.next()).text.length, 131_072);
  await run(t, platform, ["send", "thermo:t-01", "print", `${text}x`, "--format", "utf8"]).fails(
    /^iotf-embedded send: mqtt:[^\n]+\n$/,
  );
});

test("an application that is not there, not let in, or not answered: one line, exit code 1", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [rig.DEVICE], applications: [KEY] });
  const wrong = { ...CREDENTIALS, WIOTP_AUTH_TOKEN: "SECRET-WRONG" };
  for (const command of [["send", "thermo:t-01", "print"], ["watch"]]) {
    const refused = await run(t, platform, command, { env: wrong }).fails(
      /^iotf-embedded \w+: mqtt:\S+ refused with CONNACK code 5: not authorized\n$/,
    );
    await new Run([...command, "--url", `mqtt://127.0.0.1:${await freePort()}`]).fails(
      /^iotf-embedded \w+: mqtt:\S+ cannot reach [^\n]*ECONNREFUSED[^\n]*\n$/,
    );
    assert.doesNotMatch(refused.out + refused.err, /SECRET/);
  }
  platform.available = false;
  await run(t, platform, ["send", "thermo:t-01", "print"], { env: CREDENTIALS }).fails(/CONNACK code 3/);
});

test("credentials from options, file and environment open a platform that asks for them", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [rig.DEVICE], applications: [KEY] });
  const config = writeFile(
    folder,
    "app.ini",
    `[application]\nid=tool\nauth-key=a-abc123-k1\nauth-token=${KEY.token}\n`,
  );
  const options = ["--api-key", "a-abc123-k1", "--api-token", KEY.token, "--app-id", "tool"];
  for (const [args, env] of [
    [options, {}],
    [["--config", config], {}],
    [[], CREDENTIALS],
  ] as const) {
    await run(t, platform, ["send", "thermo:t-01", "print", ...args], { env }).succeeds();
  }
});

test("TLS, with authorities from a file", { skip: noOpenssl() }, async t => {
  const platform = await rig.startTestPlatform(t);
  const certificate = makeCertificate();
  const { port } = await openTlsFront(platform.port, certificate, t);
  const ca = writeFile(folder, "ca.pem", certificate.cert);
  const url = `mqtts://127.0.0.1:${port}`;
  await new Run(["send", "thermo:t-01", "print", "--url", url, "--ca", ca]).succeeds();
  await new Run(["send", "thermo:t-01", "print", "--url", url]).fails(/self[- ]signed certificate/);
});

test("send works where an application may not subscribe to the state of devices", async t => {
  const broker = await Aedes.createBroker({
    authorizeSubscribe: (_client, _subscription, done) => done(null, null),
  });
  t.after(() => broker.close());
  const { port } = await listen(createServer(broker.handle), t);
  const url = `mqtt://127.0.0.1:${port}`;
  const command = await new Run(["send", "thermo:t-01", "print", "--url", url, "--json"]).succeeds();
  assert.equal(command.objects[0]!.state, "unknown");
});

test("watch: events, commands, and who comes and goes, in lines", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  const watch = run(t, platform, ["watch"]);
  await watch.printed(/connect +d:abc123:thermo:t-01 {2}since \d{4}-/);
  await device.publish("iot-2/evt/status/fmt/json", '{"cpu":60}', 1);
  await watch.printed(/^\d\d:\d\d:\d\d {2}event +d:abc123:thermo:t-01 {2}status json qos1 {2}\{"cpu":60\}$/m);
  await platform.sendCommand(rig.CLIENT_ID, "reboot", "now\u001b[31m\u202e", { format: "utf8" });
  await watch.printed(
    /^\S+ {2}command +d:abc123:thermo:t-01 {2}reboot utf8 qos1 {2}hex 6e 6f 77 1b 5b 33 31 6d e2 80 ae \(11 bytes\)$/m,
  );
  await device.end();
  await watch.printed(/^\S+ {2}disconnect +d:abc123:thermo:t-01 {2}0: The connection has completed normally\.$/m);
  await assert.rejects(rig.connectDevice(t, platform, { password: "wrong" }));
  await watch.printed(/^\S+ {2}refused +d:abc123:thermo:t-01 {2}180: not authorized$/m);
  assert.equal(await watch.interrupt(), 0);
  assert.deepEqual([watch.err, visible(watch.out)], ["", watch.out]);
});

test("watch: one device, as JSON, until so many have come", async t => {
  const platform = await rig.startTestPlatform(t);
  platform.addDevice({ ...rig.DEVICE, id: "t-02" });
  const [one, two] = [
    await rig.connectDevice(t, platform),
    await rig.connectDevice(t, platform, { clientId: "d:abc123:thermo:t-02" }),
  ];
  const watch = run(t, platform, ["watch", "thermo:t-01", "--count", "4", "--json"]);
  await watch.printed(/"connect"/);
  await two.publish("iot-2/evt/status/fmt/json", "1", 1);
  await one.publish("iot-2/evt/status/fmt/json", '{"cpu":60}', 1);
  await one.publish("iot-2/evt/status/fmt/json", "not JSON\u009b31m", 1);
  await one.publish("iot-2/evt/status/fmt/raw", Buffer.of(0, 255), 1);
  await platform.sendCommand(rig.CLIENT_ID, "print", { message: "hi" });
  assert.equal(await watch.code, 0);
  const client = rig.CLIENT_ID;
  const event = { what: "event", client, event: "status", format: "json", qos: 1 };
  const [{ since, ...connect }, ...rest] = watch.objects as [Record<string, unknown>];
  assert.deepEqual([connect, typeof since], [{ what: "connect", client }, "string"]);
  assert.deepEqual(rest, [
    { ...event, data: { cpu: 60 } },
    { ...event, text: "not JSON\u009b31m" },
    { ...event, format: "raw", base64: "AP8=" },
    { what: "command", client, command: "print", format: "json", qos: 1, data: { message: "hi" } },
  ]);
  assert.equal(watch.out.includes("\u009b"), false, "an escape that would steer a terminal is written as one of JSON");
});

test("watch: silence has a limit when a count is awaited; Ctrl-C before it is a failure", async t => {
  const platform = await rig.startTestPlatform(t);
  const silent = run(t, platform, ["watch", "--count", "1", "--timeout", "1"]);
  assert.equal(await silent.code, 1);
  assert.equal(silent.err, "iotf-embedded watch: no message for 1 s; received 0 of 1\n");
  const interrupted = run(t, platform, ["watch", "--count", "1"]);
  await rig.next(platform, "connect");
  assert.equal(await interrupted.interrupt(), 1);
});

test("watch: on a broker that is not a platform, a hint at the topics", async t => {
  const platform = await rig.startTestPlatform(t);
  const silent = run(t, platform, ["watch"]);
  const device = await rig.connectDevice(t, platform, { clientId: "d:abc123:thermo:t-01" });
  const heard = run(t, platform, ["watch"]);
  await heard.printed(/connect/);
  await device.end();
  const other = new Run(["watch", "--org", "quickstart", "--url", platform.url]);
  t.after(() => other.interrupt());
  await other.printed(/^no message for 5 s: .* iot-2\/evt\/…, .* iot-2\/type\/<type>\/id\/<id>\/…\.\n$/, "err");
  assert.deepEqual([silent.err, heard.err], ["", ""], "not after a message");
});

test("watch: a lost connection is told and made anew, with its subscriptions", async t => {
  const platform = await rig.startTestPlatform(t);
  const watch = run(t, platform, ["watch", "--app-id", "watcher"]);
  await rig.next(platform, "connect");
  const device = await rig.connectDevice(t, platform);
  await watch.printed(/connect +d:abc123/);
  await platform.disconnectDevice("a:abc123:watcher");
  await watch.printed(/^connection lost: .*; the client retries\n/, "err");
  await watch.printed(/reconnected\n$/, "err");
  await watch.printed(/connect +d:.*\n(.*\n)*.*connect +d:/);
  await device.publish("iot-2/evt/status/fmt/json", "7", 1);
  await watch.printed(/status json qos1 {2}7$/m);
  assert.equal(await watch.interrupt(), 0);
});

test("watch: colours on a terminal", async t => {
  const platform = await rig.startTestPlatform(t);
  const [plain, coloured] = [{ NO_COLOR: "1" }, {}].map(env =>
    run(t, platform, ["watch", "--count", "1"], { env, tty: true }),
  );
  await rig.next(platform, "connect");
  if (platform.connectedClients.length < 2) await rig.next(platform, "connect");
  const device = await rig.connectDevice(t, platform);
  await Promise.all([plain!.printed(/connect/), coloured!.printed(/connect/)]);
  await device.publish("iot-2/evt/status/fmt/json", "7", 1);
  assert.deepEqual([await plain!.code, await coloured!.code], [0, 0]);
  assert.match(visible(coloured!.out), /␛\[36mevent +␛\[0m/);
  assert.equal(visible(plain!.out), plain!.out);
});

test("device: the demo device publishes, handles commands, and ends after so many events", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [DEMO] });
  const device = run(t, platform, ["device", "--events", "3"]);
  await device.printed(/device +connected +d:abc123:thermo:t-01$/m);
  await platform.awaitSubscribed(DEMO);
  await platform.sendCommand(DEMO, "setInterval", { interval: 0.05 });
  await device.succeeds();
  assert.match(device.out, /device +← command +setInterval +json +\{"interval":0\.05\}$/m);
  assert.match(device.out, /device +handled +setInterval +one event every 0\.05 s$/m);
  const { data, qos } = await platform.awaitEvent({ device: DEMO, event: "status" });
  assert.deepEqual([Object.keys(data as object), qos], [["name", "cpu", "mem"], 1]);
});

test("device: an interval beyond the range of timers is refused", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [DEMO] });
  const device = run(t, platform, ["device"]);
  await platform.awaitSubscribed(DEMO);
  for (const interval of [3_000_000, 0]) {
    await platform.sendCommand(DEMO, "setInterval", { interval });
    await device.printed(new RegExp(`interval must be 0\\.01 to 86400 seconds, not ${interval}$`, "m"));
  }
  await platform.sendCommand(DEMO, "setInterval", { interval: 86_400 });
  await device.printed(/one event every 86400 s$/m);
});

test("device: from a file, as JSON, until Ctrl-C, with DISCONNECT", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [{ ...DEMO, id: "t-07" }] });
  const config = join(folder, "device.ini");
  const identity = "[device]\norg=abc123\ntype=thermo\nid=t-07\nauth-method=token\nauth-token=demo-token\n";
  writeFileSync(config, `${identity}host=127.0.0.1\nport=${platform.port}\ntls=false\n`);
  const device = new Run(["device", "--config", config, "--json", "--qos", "2"]);
  await platform.awaitConnected("d:abc123:thermo:t-07");
  assert.equal((await platform.awaitEvent({ event: "status" })).qos, 2);
  const gone = rig.next(platform, "disconnect");
  assert.equal(await device.interrupt(), 0);
  assert.equal((await gone).clean, true);
  const whats = device.objects.map(({ what }) => what);
  assert.deepEqual([whats.includes("event"), whats.includes("connected"), whats.at(-1)], [true, true, "disconnected"]);
});

test("device: from the environment; Quickstart at QoS 0", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [{ ...DEMO, id: "t-08" }] });
  const env = { WIOTP_IDENTITY_ORGID: "abc123", WIOTP_IDENTITY_TYPEID: "thermo", WIOTP_IDENTITY_DEVICEID: "t-08" };
  await run(t, platform, ["device", "--events", "1"], { env: { ...env, WIOTP_AUTH_TOKEN: "demo-token" } }).succeeds();
  const quick = { ...env, WIOTP_IDENTITY_ORGID: "quickstart" };
  await run(t, platform, ["device", "--events", "1"], { env: quick }).succeeds();
  assert.equal((await platform.awaitEvent({ device: "d:quickstart:thermo:t-08" })).qos, 0);
  const wrong = run(t, platform, ["device", "--qos", "1"], { env: quick });
  assert.equal(await wrong.code, 2);
});

test("device: a refused token ends it, in one line without the token", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [{ ...DEMO, token: "another" }] });
  const device = run(t, platform, ["device"]);
  assert.equal(await device.code, 1);
  assert.equal(device.err, "iotf-embedded device: refused with CONNACK code 5: not authorized\n");
  assert.doesNotMatch(device.out, /demo-token/);
});
