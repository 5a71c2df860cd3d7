// mqtt/session/packet-ids.ts: which packet identifier is next, beside those that messages and requests use.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Inflight } from "../../../src/mqtt/session/inflight.ts";
import { MessageStore } from "../../../src/mqtt/session/message-store.ts";
import { fewerFree, NO_ID_IN_USE, type PacketIdHolder, PacketIds } from "../../../src/mqtt/session/packet-ids.ts";
import { memoryStore } from "../../../targets/node/memory-store.ts";
import { seeded } from "../../harness/testing/random.ts";
import { awaitingPuback, live, setup } from "../support/session-stage.ts";

/** Uses these identifiers. */
function user(...ids: number[]): PacketIdHolder {
  return { freeIdsAfter: last => ids.reduce((free, id) => fewerFree(id, last, free), NO_ID_IN_USE) };
}

const NOBODY = user();

function next(ids: PacketIds, users = NOBODY): number {
  return ids.next(users);
}

/** Identifiers whose last one was `last`; none is in use. */
function after(last: number): PacketIds {
  const ids = new PacketIds();
  while (next(ids) !== last) {}
  return ids;
}

test("ids begin at 1, go up by one, and wrap from 65535 to 1, never 0", () => {
  const ids = new PacketIds();
  const given: number[] = [];
  for (let i = 0; i < 3 * 65535; i++) given.push(next(ids));
  assert.deepEqual(given.slice(0, 3), [1, 2, 3]);
  assert.deepEqual(given.slice(65533, 65537), [65534, 65535, 1, 2]);
  assert.deepEqual(given.slice(-2), [65534, 65535]);
  assert.equal(given.includes(0), false);
});

test("an id in use is skipped after the wrap [MQTT-2.3.1-2]", () => {
  const ids = after(65535);
  const users = user(4, 1, 2);
  assert.deepEqual([next(ids, users), next(ids, users), next(ids, users)], [3, 5, 6]);
  assert.equal(next(after(65535), user(2, 1, 0)), 3, "0 is not in use");
});

test("ids of messages in flight, of messages that wait, and of requests are skipped alike", () => {
  // With a store, messages that wait have ids, too.
  const store = new MessageStore(memoryStore(), assert.ifError);
  store.load([]);
  const { session, out, send, take } = live({ inflight: 1 }, store);
  session.subscribe([{ topic: "f", qos: 0 }], undefined);
  for (const name of ["in flight", "waits", "waits, too"]) send(name, 1, 1);
  assert.deepEqual(out.said(), ["SUBSCRIBE #1 f", "PUBLISH #2 q1 in flight 1"]);
  const { ids } = session.publisher;
  for (const last of [0, 65535]) {
    ids.startAfter(last);
    assert.equal(ids.next(session.publisher), 5);
  }
  take("puback", 2);
  take("suback", 1, { granted: [0] });
  out.said();
  ids.startAfter(0);
  assert.equal(ids.next(session.publisher), 1);
  ids.startAfter(1);
  assert.equal(ids.next(session.publisher), 2);
});

test("the first id can be chosen, and those in use are still skipped", () => {
  const users = user(7, 8, 65535);
  const ids = new PacketIds();
  for (const [last, expected] of [
    [6, 9],
    [65534, 1],
    [65535, 1],
    [0, 1],
  ] as const) {
    ids.startAfter(last);
    assert.equal(next(ids, users), expected, `after ${last}`);
  }
});

test("ids in use are skipped around the wrap itself, too", () => {
  const ids = after(65533);
  const given: number[] = [];
  const users = { freeIdsAfter: (last: number) => user(...given).freeIdsAfter(last) };
  for (let n = 0; n < 3; n++) given.push(next(ids, users));
  assert.deepEqual(given, [65534, 65535, 1]);
  while (next(ids, users) !== 65533) {}
  assert.deepEqual([next(ids, users), next(ids, users)], [2, 3]);
});

test("whatever comes and goes, an id is never given out while it is in use", () => {
  const ids = new PacketIds();
  const inflight = new Inflight({ inflight: 50, redeliveries: 0 });
  const random = seeded(7);
  for (let n = 0; n < 200_000; n++) {
    const id = next(ids, inflight);
    assert.equal(inflight.get(id), undefined);
    if (inflight.full) {
      let one = inflight.first!;
      for (let skip = Math.floor(random() * inflight.count); skip > 0; skip--) one = one.next!;
      inflight.remove(one);
    }
    // A few stay in flight for a long time, over the wrap.
    if (n % 40_000 < 50) {
      inflight.push(awaitingPuback(id));
    }
    assert.ok(inflight.count <= 50);
  }
});

test("the bound: with 64,000 messages in flight and 1,000 requests, an id is left for each, and none is used twice", () => {
  const { session, out, send } = setup({ inflight: 64000, queuedBytes: 1e6, subscriptions: 1000 });
  out.room = 1e6;
  session.connected(false);
  for (let n = 0; n < 1000; n++) session.subscribe([{ topic: `f${n}`, qos: 0 }], undefined);
  for (let n = 0; n < 64000; n++) assert.equal(send("m", 1, 1), true);
  const ids = out.said().map(line => Number(/#(\d+)/.exec(line)![1]));
  assert.deepEqual([ids.length, new Set(ids).size, Math.max(...ids)], [65000, 65000, 65000]);
  session.disconnected();
  session.connected(true);
  const again = out.said().map(line => Number(/#(\d+)/.exec(line)![1]));
  assert.deepEqual([again.length, new Set(again).size], [65000, 65000]);
});
