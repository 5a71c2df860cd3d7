// Two hours of a device's life on the fake clock, three times: what it holds at the end of each is what it held before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mqtt } from "../support/device.ts";
import { FakeServer } from "../support/fake-server.ts";
import { seeded } from "../support/fake-transport.ts";
import { utf8 } from "../support/frames.ts";

const HOURS = 2;
const STEP_MS = 5000;

test("two hours with an event every five seconds and a cut every ten minutes: one timer, nothing left over", () => {
  const random = seeded(11);
  // It begins just before the monotonic clock wraps.
  const stage = mqtt({ clean: false, keepAlive: 60 }, 2 ** 32 - 60_000);
  const server = new FakeServer();
  let confirmed = 0;
  let accepted = 0;
  const begin = () => {
    server.take(stage.link);
    stage.link.opens();
  };
  const settle = () => {
    for (let round = 0; round < 4; round++) {
      server.reads(100_000);
      server.arrives(100_000);
    }
  };
  stage.client.connect();
  begin();
  settle();
  for (let round = 0; round < 3; round++) {
    for (let ms = 0; ms < HOURS * 3_600_000; ms += STEP_MS) {
      const qos = Math.floor(random() * 3) as 0 | 1 | 2;
      const taken = stage.client.publish("t", utf8(`${ms}`), qos, false, error => {
        if (!error) confirmed++;
      });
      if (taken) accepted++;
      if (random() < 0.2) server.send("command", 2);
      if (random() < 1 / 120) stage.link.ends("cut");
      stage.clock.advance(STEP_MS);
      if (stage.link.alive && stage.client.stateName === "opening") begin();
      settle();
      assert.equal(stage.clock.pending.length, 1);
    }
    // Measured at rest: connected, and all confirmed.
    while (stage.client.stateName !== "connected" || stage.client.counters.inflight) {
      if (stage.client.stateName === "opening") begin();
      else stage.clock.advance(STEP_MS);
      settle();
    }
    stage.net.links.splice(0, stage.net.links.length - 1); // the test's own memory
    stage.heard();
  }
  const { queued, inflight, reconnects } = stage.client.counters;
  assert.deepEqual([confirmed, queued, inflight], [accepted, 0, 0]);
  assert.ok(reconnects > 30, `${reconnects} reconnects`);
  assert.equal(stage.clock.timersMade, 1);
});
