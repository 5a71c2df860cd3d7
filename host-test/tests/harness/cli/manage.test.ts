// manage against a local platform and a managed device: what it prints, for people and for programs, and how it ends.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Platform } from "../../../harness/platform/platform.ts";
import { freePort } from "../../end-to-end/broker/mosquitto.ts";
import * as rig from "../platform/testing.ts";
import { Run, type RunOptions } from "./testing.ts";

const KEY = { org: "abc123", key: "k1", token: "SECRET$(1)" };
const NAME = "d:abc123:thermo:t-01";

function run(t: TestContext, platform: Platform, args: string[], options?: RunOptions): Run {
  const command = new Run(["manage", "thermo:t-01", ...args, "--url", platform.url], options);
  t.after(() => command.interrupt());
  return command;
}

test("reboot: done when the device has sent manage", async t => {
  const { platform, device } = await rig.startWithManaged(t);
  const command = run(t, platform, ["reboot"]);
  await device.answer("mgmt/initiate/device/reboot", 202);
  await device.manage();
  await command.succeeds();
  assert.equal(command.out, `device/reboot ${NAME} done: the device accepted it and has sent manage\n`);
});

test("every other request reaches the device, and --json tells how it ended", async t => {
  const { platform, device } = await rig.startWithManaged(t);
  const location = { longitude: 1, latitude: 2 };
  const value = { version: "1.3.0", uri: "https://example.com/fw", state: 0, updateStatus: 0, updatedDateTime: "" };
  const parameters = [
    { field: "times", value: "3" },
    { field: "on", value: "a=b" },
  ];
  const download = ["firmware-download", "--version", "1.3.0", "--uri", "https://example.com/fw"];
  for (const [args, topic, rc, fields, code] of [
    [["factory-reset"], "mgmt/initiate/device/factory_reset", 501, undefined, 1],
    [["observe", "location", "metadata"], "observe", 200, [{ field: "location" }, { field: "metadata" }], 0],
    [["cancel", "location"], "cancel", 200, [{ field: "location" }], 0],
    [["set", "location", JSON.stringify(location)], "device/update", 204, [{ field: "location", value: location }], 0],
    [["custom", "acme-v1/blink", "times=3", "on=a=b"], "mgmt/custom/acme-v1/blink", 200, parameters, 0],
    [download, "device/update", 400, [{ field: "mgmt.firmware", value }], 1],
    [["firmware-update"], "observe", 500, [{ field: "mgmt.firmware" }], 1],
  ] as const) {
    const command = run(t, platform, [...args, "--json"]);
    assert.deepEqual((await device.answer(topic, rc)).d, fields && { fields });
    assert.equal(await command.code, code, command.err);
    const [{ what, client, status: got, rc: answered }] = command.objects as [Record<string, unknown>];
    assert.deepEqual([what, client, got, answered], ["action", NAME, code === 0 ? "done" : "failed", rc]);
  }
});

test("values that the device answers; a request without answer", async t => {
  const { platform, device } = await rig.startWithManaged(t);
  const observe = run(t, platform, ["observe", "metadata"]);
  await device.answer("observe", 200, { d: { fields: [{ field: "metadata", value: { "a\u001b": 1 } }] } });
  assert.equal(await observe.code, 0);
  assert.equal(observe.out, `device/observe ${NAME} done: observed\n  metadata         {"a\\u001b":1}\n`);
  const set = await run(t, platform, ["set", "metadata", "{}", "--unanswered"]).succeeds();
  assert.equal(set.out, `device/update ${NAME} done: sent without reqId\n`);
  const late = run(t, platform, ["reboot", "--answer", "1", "--complete", "5"]);
  assert.equal(await late.code, 1);
  assert.equal(late.out, `device/reboot ${NAME} timeout: no answer within 1000 ms\n`);
});

test("show", async t => {
  const { platform, device } = await rig.startWithManaged(t, { deviceInfo: { fwVersion: "1.2.0" } });
  await device.tell("add/diag/errorCodes", { errorCode: 17 });
  const people = await run(t, platform, ["show"]).succeeds();
  assert.match(people.out, /^d:abc123:thermo:t-01\n {2}managed {10}true\n/);
  assert.match(people.out, /^ {2}errorCodes {7}\[17\]$/m);
  const program = await run(t, platform, ["show", "--json"]).succeeds();
  const [{ what, client, managed, deviceInfo }] = program.objects as [Record<string, unknown>];
  assert.deepEqual([what, client, managed, deviceInfo], ["device", NAME, true, { fwVersion: "1.2.0" }]);
});

test("refused, not let in, nobody there, interrupted: one line, exit code 1, no token", async t => {
  const platform = await rig.startTestPlatform(t, { devices: [rig.DEVICE], applications: [KEY] });
  const env = { WIOTP_AUTH_KEY: "a-abc123-k1", WIOTP_AUTH_TOKEN: KEY.token };
  const absent = { url: `mqtt://127.0.0.1:${await freePort()}` };
  for (const [command, message] of [
    [run(t, platform, ["reboot"], { env }), /device\/reboot: d:abc123:thermo:t-01 is not managed/],
    [run(t, platform, ["reboot"]), /not authorized/],
    [run(t, platform, ["show"], { env: { ...env, WIOTP_AUTH_TOKEN: "SECRET-WRONG" } }), /not authorized/],
    [
      new Run(["manage", "thermo:t-01", "reboot", "--url", absent.url]),
      /^iotf-embedded manage: http:\S+ .*ECONNREFUSED/,
    ],
  ] as const) {
    assert.equal(await command.code, 1);
    assert.match(command.err, message);
    assert.match(command.err, /^iotf-embedded manage: [^\n]*\n$/);
    assert.doesNotMatch(command.out + command.err, /SECRET/);
  }
  const device = await rig.connectManaged(t, platform);
  const command = run(t, platform, ["reboot"], { env });
  await device.client.next();
  assert.equal(await command.interrupt(), 1);
  assert.equal(command.err, "iotf-embedded manage: interrupted\n");
});
