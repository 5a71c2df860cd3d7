// A link that is quiet, half-open, stalled or cut: noticed in bounded time, without asking the clock.

import assert from "node:assert/strict";
import { test } from "node:test";
import { connack, pingresp, publish } from "../../harness/testing/frames.ts";
import { mqtt, readyDevice, readyMqtt } from "../support/device.ts";
import { noise } from "../support/feed-all-ways.ts";
import { BYTE, linesOf, retried } from "./steps.ts";

test("an idle client sends PINGREQ within each keep-alive [MQTT-3.1.2-23]", () => {
  const stage = readyMqtt();
  let last = 0;
  let now = 0;
  for (let n = 0; n < 20; n++) {
    now += stage.clock.jumpToNext();
    if (!stage.said().includes("PINGREQ")) continue;
    assert.ok(now - last <= 60_000, `${now - last} ms between two packets`);
    last = now;
    stage.link.receives(pingresp());
  }
  assert.ok(now - last <= 60_000);
  assert.deepEqual(stage.heard(), []);
});

test("a client that publishes and is answered all the time sends no PINGREQ", () => {
  const stage = readyMqtt();
  for (let n = 0; n < 50; n++) {
    stage.client.publish("a", BYTE);
    stage.link.receives(publish("b", "x"));
    stage.clock.advance(10_000);
  }
  assert.equal(stage.said().includes("PINGREQ"), false);
});

test("an unanswered PINGREQ ends the connection half a keep-alive later [§3.1.2.10]", () => {
  const stage = readyMqtt();
  stage.clock.advance(30_000);
  assert.deepEqual(stage.said(), ["PINGREQ"]);
  stage.clock.advance(29_999);
  assert.deepEqual(stage.heard(), []);
  stage.clock.advance(1);
  assert.deepEqual(stage.heard(), ["disconnected timeout, retry in 1000"]);
  assert.match(stage.errors[0]!.message, /^timed out waiting for an answer from broker\.test/);
  assert.equal(stage.net.links[0]!.closedByClient, true);
});

test("a half-open link is noticed though QoS 0 events go out all the time", () => {
  const stage = readyDevice();
  let ms = 0;
  for (; stage.client.connected && ms < 1_000_000; ms += 1000) {
    stage.client.publishEvent("a", "json", ms);
    stage.clock.advance(1000);
  }
  assert.ok(ms <= 90_000, `${ms} ms`);
  assert.deepEqual(stage.heard(), ["disconnected timeout, retry in 1000"]);
});

test("a link that takes nothing more is given up: neither ping nor publish could leave", () => {
  const stage = readyMqtt();
  stage.client.publish("a", BYTE);
  stage.clock.advance(20_000);
  stage.link.room = 0;
  stage.client.publish("a", BYTE);
  stage.clock.advance(39_999);
  stage.link.receives(publish("b", "the server is alive"));
  assert.deepEqual(stage.heard(), ["message b the server is alive q0"]);
  stage.clock.advance(1);
  assert.deepEqual(stage.heard(), ["disconnected timeout, retry in 1000"]);
});

test("a slow link that takes a little in each tick is kept, for as long as a payload takes", () => {
  const stage = readyMqtt();
  stage.link.room = 10;
  stage.client.publish("a", noise(2000), 0, false, stage.done("a"));
  for (let n = 0; n < 100; n++) {
    stage.clock.advance(29_000);
    stage.link.receives(pingresp());
    stage.link.drains(20);
  }
  assert.equal(stage.client.connected, true);
  stage.link.drains();
  assert.deepEqual(stage.heard(), ["done a"]);
  assert.equal(linesOf(stage.said(), "PUBLISH").length, 1);
});

test("keep-alive 0: no PINGREQ ever; a stalled write is noticed all the same", () => {
  const stage = readyMqtt({ keepAlive: 0 });
  stage.clock.advance(24 * 3_600_000);
  assert.deepEqual(stage.said(), []);
  stage.link.room = 0;
  stage.client.publish("a", BYTE);
  stage.clock.advance(180_000);
  assert.match(stage.heard().join(), /^disconnected timeout/);
});

test("a link cut after n bytes of output, at every n: the next connection is whole", () => {
  const all = 19 + 10 + 12 + 12; // CONNECT and three PUBLISH
  for (let n = 0; n < all; n++) {
    const stage = mqtt({ clean: false });
    stage.client.connect();
    stage.link.cutAfter = n;
    stage.link.opens();
    stage.link.receives(connack());
    for (const qos of [0, 1, 2] as const) stage.client.publish("a", noise(5), qos);
    stage.link.settle();
    retried(stage);
    const said = stage.said();
    assert.equal(said[0], "CONNECT plain durable", `cut after ${n}`);
    assert.equal(stage.unfinished, 0);
    assert.equal(said.filter(line => line.startsWith("PUBLISH") && !line.includes("q0")).length, 2, `cut after ${n}`);
  }
});

test("the monotonic clock may wrap at 2^32: pings, timeouts and delays stay as they are", () => {
  const run = (startMs: number) => {
    const stage = mqtt({}, startMs);
    const waits: number[] = [];
    const jump = () => waits.push(stage.clock.jumpToNext());
    stage.client.connect();
    jump(); // connect timeout
    jump(); // back-off
    stage.accepted();
    for (let n = 0; n < 6; n++) {
      jump();
      if (stage.said().includes("PINGREQ")) stage.link.receives(pingresp());
    }
    return { waits, diary: stage.heard(), now: stage.clock.now() };
  };
  const plain = run(0);
  for (const before of [1, 29_999, 30_000, 30_600, 61_000, 100_000]) {
    const wrapped = run(2 ** 32 - before);
    assert.ok(wrapped.now < 2 ** 31, "it did wrap");
    assert.deepEqual([wrapped.waits, wrapped.diary], [plain.waits, plain.diary], `${before} ms before the wrap`);
  }
});

test("two hours with a thousand losses: one timer, nothing left over", () => {
  const stage = readyMqtt({ clean: false });
  for (let n = 0; n < 1000; n++) {
    stage.client.publish("a", BYTE, 0);
    stage.clock.advance(7_200);
    stage.reconnected(true).quiet();
  }
  assert.equal(stage.clock.timersMade, 1);
  assert.equal(stage.clock.pending.length, 1);
  assert.equal(stage.net.links.filter(link => link.alive).length, 1);
});
