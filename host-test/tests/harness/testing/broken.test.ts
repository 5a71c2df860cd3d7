// NEEDS dist/ (npm run build). Device programs with the mistakes that cost most in the field are caught by tests that are
// written with nothing but the harness; the same programs without the mistake pass them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { testDevice } from "../../../../dist/testing.js";
import { door } from "./broken/outbox.ts";
import { thermometer, type Way } from "./broken/refused.ts";
import { gateway } from "./broken/resubscribe.ts";

function hearsCommandsAfterAReconnect(broken: boolean): void {
  const t = testDevice(bench => gateway(bench, broken));
  t.platform.accept();
  t.expectSubscribed("lamp/+");
  t.link.ends("ECONNRESET");
  t.advanceToConnect();
  t.platform.accept();
  t.platform.send("lamp/1", "on", 1);
}

test("forgets to resubscribe", () => {
  hearsCommandsAfterAReconnect(false);
  assert.throws(() => hearsCommandsAfterAReconnect(true), {
    name: "ExpectationError",
    message: /^lamp\/1 cannot be delivered: the device has subscribed to nothing\n/,
  });
});

function reportsEachOpening(way: Parameters<typeof door>[1]): void {
  const t = testDevice(bench => door(bench, way));
  t.platform.unreachable("ENETUNREACH", { always: true });
  for (let i = 0; i < 30; i++) t.advance(60_000).run(t.program);
  t.platform.accept({ always: true });
  t.advance(180_000);
  let count = 0;
  while (count < 30) count += t.expectEvent<{ count: number }>("opened").data.count;
  t.expectNoEvent("opened");
  assert.equal(count, 30);
}

test("loses events when the outbox is full", () => {
  reportsEachOpening("healthy");
  assert.throws(
    () => reportsEachOpening("ignoring"),
    /^ExpectationError: expected an event "opened", but there was none/,
  );
});

test("blocks when the outbox is full", () => {
  assert.throws(
    () => reportsEachOpening("blocking"),
    /the device is stuck: it was told 10001 times that the outbox is full, and no time passes/,
  );
});

function stopsWhenItsTokenIsRefused(way: Way): void {
  const t = testDevice(bench => thermometer(bench, way));
  t.platform.refuse(5, { always: true });
  t.expectNoConnection(3_600_000);
  if (t.program.lamp !== "red") throw t.failure(`the lamp is ${t.program.lamp}`);
}

test("mishandles a refused token", () => {
  stopsWhenItsTokenIsRefused("healthy");
  assert.throws(() => stopsWhenItsTokenIsRefused("hammering"), {
    name: "ExpectationError",
    message: /^the device opened more than 100 connections without any pause between them\n/,
  });
  assert.throws(() => stopsWhenItsTokenIsRefused("deaf"), {
    name: "ExpectationError",
    message: /^expected no connection from 0 ms to 3600000 ms, but the device asked for one\n/,
  });
  // No fault any more: publishEvent returns false, and the reason stands in the dialogue.
  stopsWhenItsTokenIsRefused("unaware");
});
