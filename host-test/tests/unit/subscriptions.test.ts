// mqtt/session/subscriptions.ts in a session: which requests are remembered, replaced, sent again; and their bound.

import assert from "node:assert/strict";
import { test } from "node:test";
import { filters } from "../support/filters.ts";
import { live, setup } from "../support/session-stage.ts";

test("SUBSCRIBE and UNSUBSCRIBE requests: at most `subscriptions` are remembered", () => {
  const { session, take } = live();
  const subscribe = (topic: string) => session.subscribe(filters(0, topic), undefined);
  assert.deepEqual([subscribe("a"), subscribe("b"), subscribe("c"), subscribe("d")], [true, true, true, false]);
  assert.deepEqual([session.unsubscribe(["d"], undefined), session.unsubscribe(["a"], undefined)], [false, true]);
  assert.equal(subscribe("d"), false, "the UNSUBSCRIBE is remembered");
  take("unsuback", 4);
  assert.equal(subscribe("d"), true);
  // A filter asked for anew is remembered once.
  const other = live();
  for (let n = 0; n < 20; n++) assert.equal(other.session.subscribe(filters(0, "same"), undefined), true, `${n}`);
});

test("a filter asked for anew belongs to the last request; the first one's caller is told if it still waits", () => {
  const { session, out, take } = live();
  const told: string[] = [];
  session.subscribe(filters(0, "a", "b"), (error, granted) => told.push(`1 ${error?.name} ${granted}`));
  session.subscribe(filters(2, "b"), (error, granted) => told.push(`2 ${error?.name} ${granted}`));
  session.subscribe(filters(1, "b"), (error, granted) => told.push(`3 ${error?.name} ${granted}`));
  assert.deepEqual(told, ["2 ConnectionException "]);
  take("suback", 1, { granted: [0, 0] });
  take("suback", 2, { granted: [2] });
  take("suback", 3, { granted: [1] });
  assert.deepEqual(told.slice(1), ["1 undefined 0,0", "3 undefined 1"]);
  out.said();
  session.disconnected();
  session.connected(false);
  assert.deepEqual(
    out.said().map(line => line.replace(/#\d+/, "#")),
    ["SUBSCRIBE # a", "SUBSCRIBE # b"],
  );
});

test("the bound is `subscriptions` requests, exactly, before the first connection, too", () => {
  const { session, out } = setup({ subscriptions: 3 });
  const subscribe = (topic: string) => session.subscribe(filters(0, topic), undefined);
  assert.deepEqual(["a", "b", "c", "d"].map(subscribe), [true, true, true, false]);
  session.connected(false);
  assert.deepEqual(out.said(), ["SUBSCRIBE #1 a", "SUBSCRIBE #2 b", "SUBSCRIBE #3 c"]);
});

test("session lost: acknowledged requests are sent again; session present: only unanswered ones", () => {
  const { session, out, take } = live();
  for (const topic of ["a", "b"]) session.subscribe(filters(0, topic), undefined);
  take("suback", 1, { granted: [0] });
  out.said();
  for (const [present, said] of [
    [true, ["SUBSCRIBE #3 b"]],
    [false, ["SUBSCRIBE #4 a", "SUBSCRIBE #5 b"]],
  ] as const) {
    session.disconnected();
    session.connecting();
    session.connected(present);
    assert.deepEqual(out.said(), said);
  }
});

test("a CONNACK that never arrived may have said that the session is lost: everything is subscribed again", () => {
  const { session, out, take } = live();
  session.subscribe(filters(0, "a"), undefined);
  take("suback", 1, { granted: [0] });
  out.said();
  session.disconnected();
  session.connecting();
  session.connecting();
  session.connected(true);
  assert.deepEqual(out.said(), ["SUBSCRIBE #2 a"]);
});

test("a SUBACK belongs to the filters that were sent, not to those that a later request took over before", () => {
  const { session, out, take } = setup();
  const told: string[] = [];
  session.subscribe(filters(0, "a", "b"), (_, granted) => told.push(`1 ${granted}`));
  session.subscribe(filters(2, "b"), (_, granted) => told.push(`2 ${granted}`));
  session.connected(false);
  assert.deepEqual(out.said(), ["SUBSCRIBE #1 a", "SUBSCRIBE #2 b"]);
  take("suback", 1, { granted: [0] });
  take("suback", 2, { granted: [2] });
  assert.deepEqual([out.said(), told], [[], ["1 0", "2 2"]]);
});

test("what is left of a request is sent on the next connection, and its SUBACK belongs to that packet", () => {
  const { session, out, take } = live();
  const told: string[] = [];
  const subscribe = (...topics: string[]) =>
    session.subscribe(filters(0, ...topics), (_, granted) => told.push(`${topics}: ${granted}`));
  subscribe("a", "b");
  subscribe("b");
  out.said();
  session.disconnected();
  session.connecting();
  session.connected(true);
  assert.deepEqual(out.said(), ["SUBSCRIBE #3 a", "SUBSCRIBE #4 b"]);
  take("suback", 3, { granted: [0] });
  take("suback", 4, { granted: [0] });
  assert.deepEqual([out.said(), told], [[], ["a,b: 0", "b: 0"]]);
});

test("a SUBACK belongs to all filters that were sent, though two later requests took some over", () => {
  const { session, out, take } = live();
  const told: (readonly number[])[] = [];
  session.subscribe(filters(0, "a", "b", "c"), (_, granted) => told.push(granted));
  for (const topic of ["b", "c"]) session.subscribe(filters(0, topic), undefined);
  out.said();
  take("suback", 1, { granted: [0, 0, 0] });
  assert.deepEqual([out.said(), told], [[], [[0, 0, 0]]]);
});

test("a request of which nothing was taken over is sent again as the same packet", () => {
  const { session, out } = live();
  for (const topic of ["a", "b"]) session.subscribe(filters(0, topic), undefined);
  out.said();
  assert.deepEqual([session.checkAcknowledgements(), session.checkAcknowledgements()], [true, true]);
  assert.deepEqual(out.said(), ["SUBSCRIBE #1 a"]);
});

test("with as many requests as fit, a new one must replace one of them as a whole", () => {
  const { session } = live({ subscriptions: 1 });
  const subscribe = (...topics: string[]) => session.subscribe(filters(0, ...topics), undefined);
  assert.deepEqual([subscribe("a", "b"), subscribe("b"), subscribe("b", "a")], [true, false, true]);
});
