// The cases of several hosts, on Node and in XS.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Xs } from "../../harness/xs/host.ts";
import { BUNDLE } from "../engines/engines.ts";
import { device } from "../support/device.ts";
import { MqttClient } from "../support/subject.ts";
import { startProgram } from "../support/xs-program.ts";
import { CASES, start } from "./failover-program.ts";

let xs: Xs;
before(async () => {
  xs = await startProgram(new URL("failover-program.ts", import.meta.url), BUNDLE);
});
after(() => xs.close());

for (const name of Object.keys(CASES)) {
  test(`${name}, on Node`, () => assert.equal(start({ MqttClient }).play(name), ""));
  test(`${name}, in XS`, async () => assert.equal(await xs.call<string>("play", name), ""));
}

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
