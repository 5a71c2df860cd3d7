// mqtt/session/received.ts: packet identifiers of incoming QoS 2 messages, and what the session answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageStore } from "../../../src/mqtt/session/message-store.ts";
import { ReceivedIds } from "../../../src/mqtt/session/received.ts";
import { memoryStore } from "../../../targets/node/memory-store.ts";
import { seeded } from "../../harness/testing/random.ts";
import { live } from "../support/session-stage.ts";

const PUBLISH = { qos: 2, topic: "t" };

// By state of the packet identifier and packet: what the session does, and whether it then knows the identifier.
const INCOMING: Record<"unknown" | "unreleased", Record<"publish" | "pubrel", [string[], boolean]>> = {
  unknown: { publish: [["message t #1", "PUBREC #1"], true], pubrel: [["PUBCOMP #1"], false] },
  unreleased: { publish: [["PUBREC #1"], true], pubrel: [["PUBCOMP #1"], false] },
};

for (const [name, packets] of Object.entries(INCOMING)) {
  for (const [packet, [said, known]] of Object.entries(packets)) {
    test(`incoming, ${name}, ${packet.toUpperCase()}: ${said}`, () => {
      const { out, take } = live();
      if (name === "unreleased") take("publish", 1, PUBLISH);
      out.said();
      take(packet, 1, packet === "publish" ? PUBLISH : {});
      assert.deepEqual(out.said(), said);
      take("publish", 1, PUBLISH);
      assert.deepEqual(out.said(), known ? ["PUBREC #1"] : ["message t #1", "PUBREC #1"]);
    });
  }
}

test("a server that lost its session has no unreleased messages any more", () => {
  const { session, out, take } = live();
  take("publish", 1, PUBLISH);
  session.disconnected();
  session.connected(false);
  out.said();
  take("publish", 1, PUBLISH);
  assert.deepEqual(out.said(), ["message t #1", "PUBREC #1"]);
});

test("all 65,535 identifiers may be unreleased, and each is forgotten when it is released", () => {
  const received = new ReceivedIds(undefined);
  received.connected(false);
  for (let id = 1; id <= 65_535; id++) assert.equal(received.receive(id), true, `${id}`);
  for (let id = 1; id <= 65_535; id++) assert.equal(received.receive(id), false, `${id}`);
  for (let id = 1; id <= 65_535; id += 2) received.release(id);
  for (let id = 1; id <= 65_535; id++) assert.equal(received.receive(id), id % 2 === 1, `${id}`);
});

test("agrees with a set of numbers, whatever is received and released", () => {
  const random = seeded(7);
  const received = new ReceivedIds(undefined);
  const known = new Set<number>();
  for (let n = 0; n < 50_000; n++) {
    const id = 1 + Math.floor(random() * 300) * 218;
    if (random() < 0.5) {
      assert.equal(received.receive(id), !known.has(id), `${n}`);
      known.add(id);
    } else {
      received.release(id);
      known.delete(id);
    }
  }
});

test("holds no memory for identifiers that are released, however far the server has counted", () => {
  const received = new ReceivedIds(undefined);
  for (let id = 1; id <= 65_535; id++) {
    received.receive(id);
    received.release(id);
  }
  assert.equal(JSON.stringify(received), '{"known":{"count":0,"bits":{}},"seen":{"count":0,"bits":{}}}');
});

test("above 128, identifiers that the server has not sent again on this connection are forgotten, in the store, too", () => {
  const store = memoryStore();
  const received = new ReceivedIds(new MessageStore(store, assert.fail));
  const receive = (id: number) => {
    const isNew = received.receive(id);
    if (isNew) received.delivered(id);
    return isNew;
  };
  for (let id = 1; id <= 128; id++) receive(id);
  received.connected(true);
  for (const id of [1, 64, 128]) assert.equal(receive(id), false, "sent again");
  assert.equal(store.keys().length, 128, "no more than 128: nothing is forgotten");
  assert.equal(receive(500), true);
  assert.deepEqual(store.keys().sort(), ["i1", "i128", "i500", "i64"]);
  assert.deepEqual([1, 2, 500].map(receive), [false, true, false]);
});

test("without a session on the server every identifier is forgotten, in the store, too", () => {
  const store = memoryStore();
  const received = new ReceivedIds(new MessageStore(store, assert.fail));
  for (const id of [1, 31, 32, 33, 40_000, 65_535]) if (received.receive(id)) received.delivered(id);
  received.connected(false);
  assert.deepEqual(store.keys(), []);
  assert.equal(received.receive(40_000), true);
});

test("identifiers of a store are known", () => {
  const received = new ReceivedIds(undefined);
  received.restore([7, 65_535]);
  received.connected(true);
  assert.deepEqual(
    [7, 8, 65_535].map(id => received.receive(id)),
    [false, true, false],
  );
});
