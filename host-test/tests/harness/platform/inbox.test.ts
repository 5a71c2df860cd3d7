// Waiting for what devices do: events before and after the question, conditions, timeouts that say what came instead;
// connections; commands in all shapes; what a session holds; and that nothing is left open when platforms close.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runProgram } from "../../support/program.ts";
import * as rig from "./testing.ts";

const PARTS = { org: "abc123", type: "thermo", id: "t-01" };

async function publishing(t: import("node:test").TestContext) {
  const { platform, device } = await rig.startWithDevice(t);
  const publish = (event: string, text: string | Buffer, format = "json") =>
    device.publish(`iot-2/evt/${event}/fmt/${format}`, text, 1);
  return { platform, device, publish };
}

test("an event is handed out once, in order, whether it came before the question or after", async t => {
  const { platform, publish } = await publishing(t);
  await publish("status", '{"n":1}');
  await publish("alarm", '{"n":2}');
  await publish("status", '{"n":3}');
  assert.deepEqual((await platform.awaitEvent({ event: "status" })).data, { n: 1 });
  assert.deepEqual((await platform.awaitEvent({ event: "status", device: rig.CLIENT_ID })).data, { n: 3 });
  const later = platform.awaitEvent({ event: "status", device: PARTS });
  const alarm = await platform.awaitEvent();
  assert.deepEqual([alarm.event, alarm.data, alarm.qos, alarm.clientId], ["alarm", { n: 2 }, 1, rig.CLIENT_ID]);
  await publish("status", '{"n":4}');
  assert.deepEqual((await later).data, { n: 4 });
});

test("conditions choose among events, and one that throws rejects only its own wait", async t => {
  const { platform, publish } = await publishing(t);
  const bad = platform.awaitEvent({
    where: () => {
      throw new RangeError("condition");
    },
  });
  const warm = platform.awaitEvent({ where: ({ data }) => (data as { temp: number }).temp > 30 });
  const failed = assert.rejects(bad, { name: "RangeError", message: "condition" });
  await publish("status", '{"temp":20}');
  await publish("status", '{"temp":31}');
  await failed;
  assert.deepEqual((await warm).data, { temp: 31 });
  assert.deepEqual((await platform.awaitEvent()).data, { temp: 20 });
});

test("data is what the format says, and never an error", async t => {
  const { platform, publish } = await publishing(t);
  for (const [format, payload, expected] of [
    ["json", "not JSON", "not JSON"],
    ["json-iotf", '{"d":{"x":1}}', { d: { x: 1 } }],
    ["utf8", "5", "5"],
    ["raw", Buffer.of(0xff, 0x00), Buffer.of(0xff, 0x00)],
    ["json", "", ""],
  ] as const) {
    await publish("any", payload as string, format);
    assert.deepEqual((await platform.awaitEvent({ format })).data, expected);
  }
});

test("a wait that ends in vain says what was awaited and what came instead", async t => {
  const { platform, publish } = await publishing(t);
  await publish("alarm", "{}");
  await assert.rejects(platform.awaitEvent({ event: "status", device: PARTS, format: "json", where: () => true }, 1), {
    message:
      "no event 'status' in format json of d:abc123:thermo:t-01 with the given condition within 1 ms; " +
      "what came: 'alarm' of d:abc123:thermo:t-01 {}",
  });
  await platform.awaitEvent();
  await assert.rejects(platform.awaitEvent({}, 1), { message: "no event within 1 ms; nothing came" });
  await assert.rejects(platform.awaitConnected("d:abc123:thermo:t-99", 1), {
    message: "no connect of d:abc123:thermo:t-99 within 1 ms",
  });
});

test("its error points to where the wait began", async t => {
  const platform = await rig.startTestPlatform(t);
  await assert.rejects(platform.awaitEvent({}, 1), ({ stack }: Error) => /inbox\.test\.ts/.test(stack!));
});

test("no more than 1000 events and 4 MiB are kept: the oldest go", async t => {
  const { platform, publish } = await publishing(t);
  for (let n = 0; n < 1001; n++) await publish("small", String(n));
  assert.equal((await platform.awaitEvent()).data, 1);
  const large = Buffer.alloc(131_072, 0x20);
  for (let n = 0; n < 40; n++) await publish("large", large, "utf8");
  const kept = await Promise.allSettled(Array.from({ length: 40 }, () => platform.awaitEvent({ event: "large" }, 1)));
  assert.equal(kept.filter(({ status }) => status === "fulfilled").length, 32);
  await assert.rejects(platform.awaitEvent({ event: "small" }, 1));
});

test("many calls may wait at the same time: Node warns of no leak", async t => {
  const platform = await rig.startTestPlatform(t);
  const warnings: Error[] = [];
  const listener = (warning: Error) => void warnings.push(warning);
  process.on("warning", listener);
  t.after(() => process.off("warning", listener));
  await Promise.allSettled(Array.from({ length: 20 }, () => platform.awaitConnected(PARTS, 1)));
  assert.deepEqual(warnings, []);
});

test("connections are awaited, at once when there is nothing to wait for", async t => {
  const platform = await rig.startTestPlatform(t);
  await platform.awaitDisconnected(PARTS);
  const connected = platform.awaitConnected(PARTS);
  const device = await rig.connectDevice(t, platform);
  await connected;
  await platform.awaitConnected(rig.CLIENT_ID);
  await assert.rejects(platform.awaitSubscribed(PARTS, 1), /^Error: no subscribe of d:abc123:thermo:t-01 within 1 ms$/);
  const subscribed = platform.awaitSubscribed(PARTS);
  await device.subscribe("iotdm-1/response", 1);
  await device.subscribe("iot-2/cmd/+/fmt/json", 1);
  await subscribed;
  await platform.awaitSubscribed(rig.CLIENT_ID);
  assert.equal(platform.connected(PARTS), true);
  await device.end();
  await platform.awaitDisconnected(PARTS);
  assert.equal(platform.connected(PARTS), false);
});

test("commands: JSON, text and bytes, format and QoS", async t => {
  const { platform, device } = await rig.startWithDevice(t);
  await device.subscribe("iot-2/cmd/+/fmt/+", 2);
  await platform.sendCommand(PARTS, "a", { x: [1] });
  await platform.sendCommand(PARTS, "b");
  await platform.sendCommand(rig.CLIENT_ID, "c", "text");
  await platform.sendCommand(PARTS, "d", "text", { format: "utf8", qos: 2 });
  await platform.sendCommand(PARTS, "e", Buffer.of(0, 255), { format: "raw", qos: 0 });
  const seen = [];
  for (let n = 0; n < 5; n++) {
    const { topic, payload, qos } = await device.next();
    seen.push([topic, payload.toString("latin1"), qos]);
  }
  assert.deepEqual(seen, [
    ["iot-2/cmd/a/fmt/json", '{"x":[1]}', 1],
    ["iot-2/cmd/b/fmt/json", "{}", 1],
    ["iot-2/cmd/c/fmt/json", '"text"', 1],
    ["iot-2/cmd/d/fmt/utf8", "text", 2],
    ["iot-2/cmd/e/fmt/raw", "\0\xff", 0],
  ]);
  await assert.rejects(platform.sendCommand(PARTS, "a/b"), /no topic level: "a\/b"/);
  await assert.rejects(platform.sendCommand(PARTS, "a", {}, { format: "#" }), /no topic level: "#"/);
  await assert.rejects(
    platform.sendCommand(PARTS, "a", () => {}),
    /must be bytes, text or have JSON/,
  );
  await assert.rejects(platform.sendCommand("a:abc123:app", "a"), /no device id: a:abc123:app/);
});

test("a session: of a connected device, of an absent one with what waits for it, and none", async t => {
  const platform = await rig.startTestPlatform(t);
  assert.equal(await platform.session(PARTS), undefined);
  const device = await rig.connectDevice(t, platform, { clean: false });
  await device.subscribe("iot-2/cmd/+/fmt/+", 1);
  const subscriptions = [{ topic: "iot-2/cmd/+/fmt/+", qos: 1 }];
  const session = { clientId: rig.CLIENT_ID, cleanSession: false, subscriptions };
  assert.deepEqual(await platform.session(PARTS), { ...session, connected: true, waiting: 0 });
  assert.equal(await platform.disconnectDevice(PARTS), true);
  await platform.sendCommand(PARTS, "one");
  await platform.sendCommand(PARTS, "two");
  assert.deepEqual(await platform.session(PARTS), { ...session, connected: false, waiting: 2 });

  const again = await rig.connectDevice(t, platform, { clean: true });
  const clean = { ...session, cleanSession: true, subscriptions: [], connected: true, waiting: 0 };
  assert.deepEqual(await platform.session(PARTS), clean);
  await again.end();
  await platform.awaitDisconnected(PARTS);
  assert.equal(await platform.session(PARTS), undefined);
});

test("closing ends every wait", async t => {
  const platform = await rig.startTestPlatform(t);
  const event = assert.rejects(platform.awaitEvent(), /the platform closed while an event was awaited/);
  const connect = assert.rejects(platform.awaitConnected(PARTS), /before the platform closed/);
  await platform.close();
  await Promise.all([event, connect]);
});

test("three platforms in one process, with pages and devices, leave nothing open when they close", async () => {
  const program = fileURLToPath(new URL("three-platforms.ts", import.meta.url));
  const { code, out, err } = await runProgram(process.execPath, ["--import", "tsx", program]);
  assert.deepEqual([code, out, err], [0, "open: 0\n", ""]);
});
