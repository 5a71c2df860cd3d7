// For command.test.ts: tests for both engines. One passes, one fails, one is skipped, one differs.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { DeviceClient } from "iotf-embedded";
import { testDevice } from "iotf-embedded/testing";

function publishing(name: string) {
  return testDevice(({ options }) => {
    const client = new DeviceClient(options);
    client.connect();
    client.publishEvent(name, "json", 1, 1, () => {});
  });
}

describe("a device", () => {
  test("passes", () => {
    const t = publishing("status");
    t.platform.accept();
    t.expectEvent("status", 1);
    assert.deepEqual(t.platform.subscriptions, ["iot-2/cmd/+/fmt/+"]);
  });

  test("fails", async () => {
    const t = publishing("status");
    t.platform.accept();
    await t.settle();
    t.expectEvent("alarm");
  });

  test.skip("is skipped", () => assert.fail("it ran"));
});

test("differs", () => {
  publishing("process" in globalThis ? "node" : "xs").platform.accept();
});
