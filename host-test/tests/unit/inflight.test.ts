// mqtt/session/inflight.ts: the window, the order, and the bytes of messages in flight.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Inflight } from "../../../src/mqtt/session/inflight.ts";
import { NO_ID_IN_USE } from "../../../src/mqtt/session/packet-ids.ts";
import { awaitingPuback } from "../support/session-stage.ts";

function inflightOf(window: number, ids: number[]): Inflight {
  const inflight = new Inflight({ inflight: window, redeliveries: 0 });
  for (const id of ids) inflight.push(awaitingPuback(id));
  return inflight;
}

test("is full at its window, not before", () => {
  const inflight = inflightOf(3, [1, 2]);
  assert.equal(inflight.full, false);
  inflight.push(awaitingPuback(3));
  assert.equal(inflight.full, true);
  assert.equal(inflight.count, 3);
});

test("finds by id and keeps the order they were sent in, also when one in the middle is removed", () => {
  const inflight = inflightOf(10, [5, 3, 9]);
  assert.deepEqual(
    [5, 3, 9, 4].map(id => inflight.get(id)?.id),
    [5, 3, 9, undefined],
  );
  inflight.remove(inflight.get(3)!);
  assert.equal(inflight.get(3), undefined);
  assert.deepEqual([inflight.first?.id, inflight.first?.next?.id, inflight.first?.next?.next], [5, 9, undefined]);
  inflight.remove(inflight.get(5)!);
  assert.deepEqual([inflight.first?.id, inflight.count], [9, 1]);
  inflight.push(awaitingPuback(7));
  assert.equal(inflight.first?.next?.id, 7);
});

test("bytes are those of the topics and payloads in flight", () => {
  const inflight = inflightOf(10, []);
  inflight.push(awaitingPuback(1, 3, 40));
  inflight.push(awaitingPuback(2, 5, 600));
  assert.equal(inflight.bytes, 648);
  inflight.shift();
  assert.equal(inflight.bytes, 605);
  inflight.shift();
  assert.equal(inflight.bytes, 0);
});

test("freeIdsAfter() counts up to the nearest id in flight, around the wrap", () => {
  const inflight = inflightOf(10, [5, 65535, 3]);
  assert.deepEqual(
    [0, 2, 3, 4, 5, 65534, 65535].map(last => inflight.freeIdsAfter(last)),
    [2, 0, 1, 0, 65529, 0, 2],
  );
  assert.equal(inflightOf(1, []).freeIdsAfter(7), NO_ID_IN_USE);
});
