// session/inflight.ts: the window, the order, and the choice of packet ids.

import assert from "node:assert/strict";
import { test } from "node:test";
import { SENT_1 } from "../../src/session/flows.ts";
import { Inflight, type Message } from "../../src/session/inflight.ts";
import { seeded } from "../testing/random.ts";

const NOTHING = new Uint8Array(0);

function message(id: number): Message {
  return {
    topic: NOTHING,
    payload: NOTHING,
    qos: 1,
    retain: false,
    id,
    step: SENT_1,
    done: undefined,
    next: undefined,
  };
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
  assert.deepEqual([inflight.find(5), inflight.find(3), inflight.find(9), inflight.find(4)], [0, 1, 2, -1]);
  inflight.removeAt(1);
  assert.equal(inflight.find(3), -1);
  assert.deepEqual([inflight.at(0)?.id, inflight.at(1)?.id, inflight.at(2)], [5, 9, undefined]);
  inflight.removeAt(0);
  assert.deepEqual([inflight.at(0)?.id, inflight.count], [9, 1]);
});

test("ids begin at 1, go up by one, and wrap from 65535 to 1, never 0", () => {
  const inflight = new Inflight(1);
  const ids: number[] = [];
  for (let i = 0; i < 3 * 65535; i++) ids.push(inflight.nextId([]));
  assert.deepEqual(ids.slice(0, 3), [1, 2, 3]);
  assert.deepEqual(ids.slice(65533, 65537), [65534, 65535, 1, 2]);
  assert.deepEqual(ids.slice(-2), [65534, 65535]);
  assert.equal(ids.includes(0), false);
});

// Gives out ids until the last one was `last`, each of them used for a moment only.
function wound(inflight: Inflight, last: number): Inflight {
  while (inflight.nextId([]) !== last) {}
  return inflight;
}

test("an id in flight is skipped after the wrap [MQTT-2.3.1-2]", () => {
  const inflight = wound(new Inflight(10), 65535);
  for (const id of [1, 2, 4]) inflight.add(message(id));
  assert.deepEqual([inflight.nextId([]), inflight.nextId([]), inflight.nextId([])], [3, 5, 6]);
});

test("an id a request has is skipped after the wrap; 0 is none", () => {
  const inflight = wound(new Inflight(10), 65535);
  inflight.add(message(2));
  assert.equal(inflight.nextId([{ id: 1 }, { id: 0 }, { id: 3 }]), 4);
});

test("ids of messages that wait in the outbox, as with a store, are skipped after the wrap", () => {
  const inflight = wound(new Inflight(10), 65535);
  const queued = { ...message(1), next: { ...message(0), next: message(2) } };
  assert.deepEqual([inflight.nextId([], queued), inflight.nextId([], queued)], [3, 4]);
});

test("ids can be made to begin anywhere, and still skip those in use", () => {
  const inflight = holding(10, [7, 8, 65535]);
  inflight.beginIds(6);
  assert.equal(inflight.nextId([]), 9);
  inflight.beginIds(65534);
  assert.equal(inflight.nextId([]), 1);
  inflight.beginIds(65535);
  assert.equal(inflight.nextId([]), 1);
});

test("ids in use are skipped around the wrap itself, too", () => {
  const inflight = wound(new Inflight(10), 65533);
  for (let n = 0; n < 3; n++) inflight.add(message(inflight.nextId([])));
  assert.deepEqual([inflight.at(0)?.id, inflight.at(1)?.id, inflight.at(2)?.id], [65534, 65535, 1]);
  wound(inflight, 65533);
  assert.deepEqual([inflight.nextId([]), inflight.nextId([])], [2, 3]);
});

test("whatever comes and goes, an id is never given out while it is in use", () => {
  const inflight = new Inflight(50);
  const random = seeded(7);
  for (let n = 0; n < 200_000; n++) {
    const id = inflight.nextId([]);
    assert.equal(inflight.find(id), -1);
    // Now and then one stays for a long time, over the wrap.
    if (inflight.full) inflight.removeAt(Math.floor(random() * inflight.count));
    if (n % 40_000 < 50) inflight.add(message(id));
    assert.ok(inflight.count <= 50);
  }
});
