// The cases of several hosts, on Node and in XS.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BUNDLE } from "../engines/engines.ts";
import { device } from "../support/device.ts";
import { MqttClient } from "../support/subject.ts";
import { CASES, start } from "./failover-program.ts";
import { testOnNodeAndXs } from "./node-and-xs.ts";

testOnNodeAndXs(Object.keys(CASES), start({ MqttClient }), new URL("failover-program.ts", import.meta.url), BUNDLE);

test("a Quickstart device with two hosts moves on to the second", () => {
  const stage = device({ org: "quickstart", host: ["a.test", "b.test"] });
  stage.client.connect();
  stage.link.ends("ECONNREFUSED");
  stage.clock.jumpToNext();
  assert.equal(stage.link.endpoint.host, "b.test");
  stage.accepted();
  assert.deepEqual(stage.heard(), ["disconnected unreachable, retry in 1000", "connected"]);
});

test("a device reads its hosts from one text with commas", () => {
  const stage = device({ host: "a.test,b.test" });
  stage.client.connect();
  stage.link.ends();
  stage.clock.jumpToNext();
  assert.deepEqual(
    stage.net.links.map(link => link.endpoint.host),
    ["a.test", "b.test"],
  );
});
