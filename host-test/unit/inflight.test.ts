// session/inflight.ts: the window, the order, and the choice of packet ids.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Inflight, type Message, SENT } from "../../src/session/inflight.ts";

const NOTHING = new Uint8Array(0);

function message(id: number): Message {
  return { topic: NOTHING, payload: NOTHING, qos: 1, retain: false, id, step: SENT, done: undefined, next: undefined };
}

function holding(window: number, ids: number[]): Inflight {
  const inflight = new Inflight(window);
  for (const id of ids) inflight.add(message(id));
  return inflight;
}

test("is full at its window, not before", () => {
  const inflight = holding(3, [1, 2]);
  assert.equal(inflight.full, false);
  inflight.add(message(3));
  assert.equal(inflight.full, true);
  assert.equal(inflight.count, 3);
});

test("finds by id and keeps the order they were sent in, also when one in the middle goes", () => {
  const inflight = holding(10, [5, 3, 9]);
  const middle = inflight.find(3)!;
  assert.equal(inflight.remove(middle), 1);
  assert.equal(inflight.find(3), undefined);
  assert.deepEqual([inflight.at(0)?.id, inflight.at(1)?.id, inflight.at(2)], [5, 9, undefined]);
});

test("ids begin at 1, go up by one, and wrap from 65535 to 1, never 0", () => {
  const inflight = new Inflight(1);
  const ids: number[] = [];
  for (let i = 0; i < 65537; i++) ids.push(inflight.nextId());
  assert.deepEqual(ids.slice(0, 3), [1, 2, 3]);
  assert.deepEqual(ids.slice(-3), [65535, 1, 2]);
  assert.equal(ids.includes(0), false);
});

test("an id in flight is skipped after the wrap [MQTT-2.3.1-2]", () => {
  const inflight = holding(10, [1, 2, 4]);
  for (let i = 0; i < 65535; i++) if (inflight.nextId() === 65535) break;
  assert.equal(inflight.nextId(), 3);
  assert.equal(inflight.nextId(), 5);
});

test("an id taken by somebody else is skipped", () => {
  const inflight = new Inflight(10);
  assert.equal(
    inflight.nextId(id => id < 4),
    4,
  );
});
