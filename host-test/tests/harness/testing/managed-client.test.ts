// NEEDS dist/ (npm run build). ManagedDeviceClient against both servers of this package: testDevice and the local platform.
// Every flow ends, and neither server sees a rule broken.

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import {
  type InstallListener,
  ManagedDeviceClient,
  type ManagedDeviceOptions,
  type PreviousStart,
} from "../../../../dist/managed-node.js";
import { type Bench, testDevice } from "../../../../dist/testing.js";
import * as rig from "../platform/testing.ts";

/** A device program with an installer that a test drives. */
function program(options: ManagedDeviceOptions, previousStart?: PreviousStart) {
  const listeners: InstallListener[] = [];
  const work = (_: unknown, listener: InstallListener) => listeners.push(listener);
  const installer = { ...(previousStart && { previousStart }), download: work, update: work };
  const bundles = ["acme-v1"];
  const client = new ManagedDeviceClient({
    ...options,
    managed: { deviceInfo: { fwVersion: "1.2.0" }, bundles, installer },
  });
  client.rebootCallback = request => request.answer(202);
  client.customActionCallback = request => request.answer(200, JSON.stringify(request.parameters));
  client.manage();
  client.connect();
  return { client, listeners };
}

const OFFER = { version: "1.3.0", uri: "https://example.com/fw.bin" };
const LOCATION = { longitude: 127.02, latitude: 37.5 };
const ENTRY = { message: "low heap", severity: 1, data: "x" } as const;

describe("testDevice", () => {
  const started = () => {
    let previousStart: PreviousStart | undefined;
    const t = testDevice(({ options }: Bench) => program(options, previousStart));
    t.platform.accept({ always: true });
    return { t, leave: (value: PreviousStart) => (previousStart = value) };
  };

  test("what the device tells", () => {
    const { t } = started();
    const { client } = t.program;
    t.run(() => {
      client.setLocation(LOCATION);
      client.addErrorCode(17);
      client.addLog(ENTRY);
    });
    const { managed, location, errorCodes, log, supports, deviceInfo } = t.platform.management;
    assert.deepEqual([managed, errorCodes, deviceInfo], [true, [17], { fwVersion: "1.2.0" }]);
    assert.deepEqual(supports, { deviceActions: true, firmwareActions: true, bundles: ["acme-v1"] });
    assert.deepEqual([location?.latitude, log[0]?.message, log[0]?.data], [37.5, "low heap", "eA=="]);
    t.advance(4 * 3_600_000);
    assert.equal(t.platform.management.managed, true, "it renews the lifetime");
    t.run(() => client.unmanage());
    assert.equal(t.platform.management.managed, false);
    t.expectNoViolation();
  });

  test("attributes, custom actions, a reboot", () => {
    const { t } = started();
    assert.deepEqual(t.platform.observe("metadata", "mgmt.firmware.state").outcome?.fields, {
      metadata: {},
      "mgmt.firmware.state": 0,
    });
    t.run(() => t.program.client.setMetadata({ room: 5 }));
    assert.deepEqual(t.platform.management.metadata, { room: 5 });
    assert.equal(t.platform.observe("colour").outcome?.rc, 404);
    assert.equal(t.platform.setAttribute("location", LOCATION).outcome?.rc, 204);
    assert.equal(t.platform.setAttribute("metadata", {}, { unanswered: true }).outcome?.status, "done");
    assert.equal(t.platform.cancel("metadata", "mgmt.firmware.state").outcome?.rc, 200);
    assert.equal(t.platform.customAction("acme-v1", "blink", { times: 3 }).outcome?.text, '{"times":3}');
    const reboot = t.platform.reboot();
    t.restart();
    assert.equal(reboot.outcome?.status, "done");
    assert.equal(t.platform.factoryReset().outcome?.rc, 501);
    t.expectNoViolation();
  });

  test("firmware: downloaded, installed, told after the restart", () => {
    const { t, leave } = started();
    assert.equal(t.platform.updateFirmware().outcome?.rc, 400);
    t.platform.observe("metadata");
    const download = t.platform.downloadFirmware(OFFER);
    t.run(() => t.program.listeners[0]!.progress(40));
    assert.equal(t.platform.management.metadata.firmwareProgress, 40);
    t.run(() => t.program.listeners[0]!.done(0));
    assert.equal(download.outcome?.text, "downloaded");
    assert.equal(t.platform.downloadFirmware().outcome?.rc, 400);
    const update = t.platform.updateFirmware();
    assert.deepEqual([update.rc, t.platform.management.firmware.updateStatus], [202, 1]);
    leave({ state: 0, updateStatus: 0, finished: true });
    t.restart();
    assert.equal(update.outcome?.text, "installed");
    t.expectNoViolation();
  });

  for (const updateStatus of [2, 3, 4, 5, 6] as const) {
    test(`a download that fails with ${updateStatus}`, () => {
      const { t } = started();
      const download = t.platform.downloadFirmware(OFFER);
      t.run(() => t.program.listeners[0]!.done(updateStatus));
      assert.match(download.outcome!.text, new RegExp(`^updateStatus ${updateStatus}`));
      assert.equal(t.platform.downloadFirmware(OFFER).rc, 202);
      t.expectNoViolation();
    });
  }

  test("an update that was rolled back, though the platform does not observe it any more", () => {
    const { t, leave } = started();
    leave({ state: 0, updateStatus: 5, finished: true });
    t.restart();
    assert.equal(t.platform.management.firmware.updateStatus, 5);
    t.expectNoViolation();
  });
});

test("the local platform: reboot, download, attributes", async t => {
  const platform = await rig.startTestPlatform(t);
  const violations: unknown[] = [];
  platform.on("violation", violation => violations.push(violation));
  const { client, listeners } = program(rig.optionsFor(platform));
  t.after(() => new Promise<void>(resolve => client.disconnect(resolve)));
  await platform.awaitManaged(rig.CLIENT_ID);
  const management = platform.management(rig.DEVICE);
  assert.deepEqual((await management.observe(["deviceInfo"])).fields, { deviceInfo: { fwVersion: "1.2.0" } });
  assert.equal((await management.setAttribute("metadata", { room: 5 })).rc, 204);
  assert.equal((await management.customAction("acme-v1", "blink", { times: 3 })).text, '{"times":3}');
  const reboot = management.reboot();
  await once(platform as never, "management");
  client.manage();
  assert.equal((await reboot).status, "done");
  const download = management.downloadFirmware(OFFER);
  while (listeners.length === 0) await once(platform as never, "managed");
  while (management.state.firmware.state !== 1) await once(platform as never, "managed");
  listeners[0]!.done(0);
  assert.equal((await download).text, "downloaded");
  assert.deepEqual(violations, []);
});
