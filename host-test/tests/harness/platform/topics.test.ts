// Does every kind of client get the topics of docs/protocol.md 2.1, and nothing else?

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Identity } from "../../../harness/platform/identity.ts";
import { covers, deviceTopic, parseBrokerTopic, topicSpace } from "../../../harness/platform/topics.ts";

const DEVICE = { kind: "device", org: "abc123", type: "T", id: "D" } as const;
const QUICKSTART: Identity = { kind: "device", org: "quickstart", type: "T", id: "D" };
const APPLICATION: Identity = { kind: "application", org: "abc123", appId: "app" };

test("device topics get organization, type and id after their first level, and lose them on the way out", () => {
  const space = topicSpace(DEVICE);
  const inside = "iot-2/abc123/type/T/id/D/evt/status/fmt/json";
  assert.equal(space.publish("iot-2/evt/status/fmt/json"), inside);
  assert.equal(space.fromBroker(inside), "iot-2/evt/status/fmt/json");
  assert.equal(space.subscribe("iotdm-1/#"), "iotdm-1/abc123/type/T/id/D/#");
  assert.equal(deviceTopic(DEVICE, "iot-2/mon"), "iot-2/abc123/type/T/id/D/mon");
});

test("application topics get the organization only", () => {
  const space = topicSpace(APPLICATION);
  const inside = "iot-2/abc123/type/T/id/D/cmd/reboot/fmt/json";
  assert.equal(space.publish("iot-2/type/T/id/D/cmd/reboot/fmt/json"), inside);
  assert.equal(space.fromBroker(inside), "iot-2/type/T/id/D/cmd/reboot/fmt/json");
});

type Table = { title: string; identity: Identity; way: "publish" | "subscribe"; yes: string[]; no: string[] };

const LONG = "x".repeat(60_000);

const TABLES: Table[] = [
  {
    title: "a device publishes",
    identity: DEVICE,
    way: "publish",
    yes: [
      "iot-2/evt/status/fmt/json",
      "iot-2/evt/a b.c-d~$é/fmt/json-iotf",
      `iot-2/evt/${LONG}/fmt/json`,
      "iotdevice-1/response",
      "iotdevice-1/notify",
      "iotdevice-1/device/update/location",
      "iotdevice-1/add/diag/log",
      "iotdevice-1/clear/diag/errorCodes",
      "iotdevice-1/mgmt/manage",
    ],
    no: [
      "",
      "iot-2",
      "iot-2/evt/status",
      "iot-2/evt/status/fmt",
      "iot-2/evt/status/fmt/",
      "iot-2/evt//fmt/json",
      "iot-2/evt/a/b/fmt/json",
      "iot-2/evt/a/fmt/json/",
      "/iot-2/evt/a/fmt/json",
      "IOT-2/evt/a/fmt/json",
      "iot-2/evt/a+/fmt/json",
      "iot-2/evt/#/fmt/json",
      "iot-2/evt/+/fmt/+",
      "iot-2/evt/a\nb/fmt/json",
      "iot-2/evt/a\u0000/fmt/json",
      "iot-2/cmd/a/fmt/json",
      "iot-2/type/T/id/D/evt/a/fmt/json",
      "iot-2/abc123/type/T/id/D/evt/a/fmt/json",
      "iotdevice-1/mgmt",
      "iotdevice-1/mgmt/a/b",
      "iotdm-1/response",
      "$SYS/x",
      "refused",
    ],
  },
  {
    title: "a device subscribes to",
    identity: DEVICE,
    way: "subscribe",
    yes: [
      "iot-2/cmd/+/fmt/+",
      "iot-2/cmd/reboot/fmt/+",
      "iot-2/cmd/+/fmt/json",
      "iot-2/cmd/reboot/fmt/json",
      "iotdm-1/#",
      "iotdm-1/+",
      "iotdm-1/mgmt/initiate/+/#",
      "iotdm-1/response",
      "iot-2/mon",
      "iot-2/notify",
    ],
    no: [
      "#",
      "+/#",
      "iot-2/#",
      "iot-2/cmd/#",
      "iot-2/cmd/+/fmt/#",
      "iot-2/cmd/a+/fmt/json",
      "iot-2/cmd//fmt/json",
      "iot-2/+/+/fmt/+",
      "iot-2/evt/+/fmt/+",
      "iot-2/type/T/id/D/cmd/+/fmt/+",
      "iotdm-1",
      "iotdm-1/a#",
      "iotdm-1/#/a",
      "iotdm-1/a+/b",
      `iotdm-1/${"a/".repeat(32)}`,
      "$SYS/#",
    ],
  },
  {
    title: "a Quickstart device publishes",
    identity: QUICKSTART,
    way: "publish",
    yes: ["iot-2/evt/status/fmt/json"],
    no: ["iot-2/evt/status/fmt/JSON", "iot-2/evt/status/fmt/text", "iotdevice-1/mgmt/manage"],
  },
  {
    title: "a Quickstart device subscribes to",
    identity: QUICKSTART,
    way: "subscribe",
    yes: [],
    no: ["iot-2/cmd/+/fmt/+", "iotdm-1/#", "iot-2/mon"],
  },
  {
    title: "an application publishes",
    identity: APPLICATION,
    way: "publish",
    yes: ["iot-2/type/T/id/D/cmd/a/fmt/json", "iot-2/type/T/id/D/evt/a/fmt/json"],
    no: ["iot-2/cmd/a/fmt/json", "iot-2/type/+/id/D/cmd/a/fmt/json", "iot-2/type/T/id/D/mon"],
  },
  {
    title: "an application subscribes to",
    identity: APPLICATION,
    way: "subscribe",
    yes: [
      "iot-2/type/+/id/+/evt/+/fmt/+",
      "iot-2/type/T/id/+/evt/+/fmt/json",
      "iot-2/type/T/id/D/cmd/+/fmt/+",
      "iot-2/type/+/id/+/mon",
      "iot-2/type/T/id/D/mon",
    ],
    no: ["#", "iot-2/#", "iot-2/type/+/id/+/evt/#", "iot-2/evt/+/fmt/+", "iot-2/other/type/T/id/D/mon"],
  },
];

for (const { title, identity, way, yes, no } of TABLES) {
  const space = topicSpace(identity);
  test(`${title} these`, () => {
    for (const topic of yes) assert.notEqual(space[way](topic), undefined, topic.slice(0, 80));
  });
  test(`${title} none of these`, () => {
    for (const topic of no) assert.equal(space[way](topic), undefined, topic);
  });
}

test("messages inside the broker are told apart", () => {
  const from = { org: "abc123", type: "T", id: "D" };
  const at = "abc123/type/T/id/D";
  assert.deepEqual(parseBrokerTopic(`iot-2/${at}/evt/e/fmt/f`), { kind: "event", ...from, name: "e", format: "f" });
  assert.deepEqual(parseBrokerTopic(`iot-2/${at}/cmd/c/fmt/f`), { kind: "command", ...from, name: "c", format: "f" });
  const management = { kind: "management", ...from, name: "iotdevice-1/mgmt/manage", format: "json" };
  assert.deepEqual(parseBrokerTopic(`iotdevice-1/${at}/mgmt/manage`), management);
  assert.equal(parseBrokerTopic(`iot-2/${at}/mon`), undefined);
});

test("a filter covers what MQTT says it covers", () => {
  assert.ok(covers("a/+/c", "a/b/c"));
  assert.ok(covers("a/#", "a"));
  assert.ok(covers("a/#", "a/b/c"));
  assert.ok(!covers("a/+", "a/b/c"));
  assert.ok(!covers("a/b/c", "a/b"));
});
