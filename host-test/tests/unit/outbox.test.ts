// mqtt/session/outbox.ts: its two bounds filled exactly, its order, and what makeRoom() removes; and the same in a session.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Message, PublishCallback } from "../../../src/mqtt/session/message.ts";
import { MessageStore } from "../../../src/mqtt/session/message-store.ts";
import { Outbox, type OutboxLimits, recordBytes } from "../../../src/mqtt/session/outbox.ts";
import { NOT_IN_FLIGHT } from "../../../src/mqtt/session/publish-states.ts";
import { utf8 } from "../../harness/testing/bytes.ts";
import { seeded } from "../../harness/testing/random.ts";
import { live, setup } from "../support/session-stage.ts";

const LIMITS: OutboxLimits = { queuedMessages: 4, queuedBytes: 100, dropOldest: true };
/** Bytes of a waiting message beside topic and payload. */
const OVERHEAD = [6, 8, 8] as const;

type Qos = 0 | 1 | 2;

/** Of `size` bytes while it waits; its topic is `name`. */
function message(name: string, size: number, qos: Qos = 0, done?: PublishCallback): Message {
  const topic = utf8(name);
  const payload = new Uint8Array(size - OVERHEAD[qos] - topic.length).fill(name.charCodeAt(0));
  return { topic, payload, qos, retain: false, id: qos, state: NOT_IN_FLIGHT, done, next: undefined };
}

function push(outbox: Outbox, { topic, payload, qos, retain, id, done }: Message): void {
  outbox.push(topic, payload, qos, retain, id, done);
}

/** An outbox of messages of 20 bytes with these names; those in capitals are of QoS 1. */
function outboxOf(limits: OutboxLimits, names: string): Outbox {
  const outbox = new Outbox(limits);
  for (const name of names) push(outbox, message(name, 20, name < "a" ? 1 : 0));
  return outbox;
}

/** Removes all, and returns their names. */
function emptied(outbox: Outbox): string {
  let names = "";
  while (outbox.count) names += String.fromCharCode(...outbox.shift().topic);
  assert.equal(outbox.bytes, 0);
  return names;
}

/** Size of the buffer, by its name in src. */
function bufferBytes(outbox: Outbox): number {
  return (outbox as unknown as { buffer?: Uint8Array }).buffer?.length ?? 0;
}

test("what is pushed comes out in order and whole, and is a copy", () => {
  const outbox = new Outbox({ queuedMessages: 9, queuedBytes: 1000, dropOldest: false });
  const rest = { state: NOT_IN_FLIGHT, next: undefined } as const;
  const [large, long] = [new Uint8Array(500).fill(255), utf8("d".repeat(300))];
  const messages: Message[] = [
    { topic: utf8("a"), payload: Uint8Array.of(1, 2, 3), qos: 0, retain: false, id: 0, done: undefined, ...rest },
    { topic: utf8("b/c"), payload: new Uint8Array(0), qos: 1, retain: true, id: 65535, done: () => {}, ...rest },
    { topic: long, payload: large, qos: 2, retain: false, id: 256, done: undefined, ...rest },
  ];
  for (const one of messages) {
    const payload = one.payload.slice();
    push(outbox, { ...one, payload });
    payload.fill(9);
  }
  for (const one of messages) {
    assert.equal(outbox.firstQos, one.qos);
    assert.deepEqual(outbox.shift(), one);
  }
  assert.deepEqual([outbox.count, outbox.bytes], [0, 0]);
});

test("what comes out of the outbox or of a store is made without slice(), which makes an Array in Espruino", t => {
  const record = Uint8Array.of(0x11, 0, 0, 0, 1, 0, 1, 65, 66);
  t.mock.method(Uint8Array.prototype, "slice", () => assert.fail("slice"));
  assert.equal(emptied(outboxOf(LIMITS, "ab")), "ab");
  const store = { keys: () => ["m1"], get: () => record, set() {}, remove() {} };
  const [restored] = new MessageStore(store, error => assert.fail(error)).load([]);
  assert.deepEqual([restored!.topic, restored!.payload], [utf8("A"), utf8("B")]);
});

test("a message that is put back is first again, before what waits", () => {
  const outbox = outboxOf(LIMITS, "aB");
  const first = outbox.shift();
  outbox.putBack(first);
  assert.deepEqual([outbox.count, outbox.bytes, outbox.firstQos], [2, 40, 0]);
  assert.equal(outbox.shift(), first);
  outbox.putBack(message("C", 30, 1));
  assert.deepEqual([outbox.count, outbox.bytes, outbox.firstQos], [2, 50, 1]);
  push(outbox, message("d", 20));
  assert.equal(emptied(outbox), "CBd");
  push(outbox, message("e", 20));
  assert.equal(emptied(outbox), "e");
});

test("fits() is true up to queuedMessages messages, exactly", () => {
  assert.equal(outboxOf(LIMITS, "abc").fits(20, 0, false), true);
  assert.equal(outboxOf(LIMITS, "abcd").fits(20, 0, false), false);
  assert.equal(outboxOf(LIMITS, "abcd").fits(20, 0, true), true);
  const none = new Outbox({ ...LIMITS, queuedMessages: 0 });
  assert.deepEqual([none.fits(20, 0, false), none.fits(20, 0, true)], [false, true]);
});

test("fits() is true up to queuedBytes bytes, exactly, with those in flight", () => {
  const outbox = outboxOf(LIMITS, "abC");
  for (const anyCount of [false, true]) {
    assert.deepEqual([outbox.fits(40, 0, anyCount), outbox.fits(41, 0, anyCount)], [true, false]);
    assert.deepEqual([outbox.fits(20, 20, anyCount), outbox.fits(21, 20, anyCount)], [true, false]);
  }
});

test("a message takes its topic, its payload and 6 bytes, at QoS 1 and 2 8 bytes", () => {
  for (const qos of [0, 1, 2] as const) {
    assert.equal(recordBytes(new Uint8Array(3), new Uint8Array(4), qos), 7 + OVERHEAD[qos]);
    const outbox = new Outbox(LIMITS);
    outbox.push(utf8("abc"), new Uint8Array(4), qos, false, 1, undefined);
    assert.equal(outbox.bytes, 7 + OVERHEAD[qos]);
  }
});

test("the buffer has queuedBytes bytes, from the first message on, and is filled to the last one again and again", () => {
  const outbox = new Outbox({ ...LIMITS, queuedMessages: 1000 });
  assert.equal(bufferBytes(outbox), 0);
  push(outbox, message("a", 40));
  const { buffer } = outbox as unknown as { buffer: Uint8Array };
  push(outbox, message("b", 60));
  for (let round = 0; round < 50; round++) {
    assert.equal(outbox.fits(7, 0, false), false);
    const size = round % 2 ? 60 : 40;
    assert.equal(outbox.shift().payload.length, size - 7);
    assert.deepEqual([outbox.fits(size, 0, false), outbox.fits(size + 1, 0, false)], [true, false]);
    push(outbox, message("c", size));
  }
  assert.equal((outbox as unknown as { buffer: Uint8Array }).buffer, buffer, "allocated once");
});

test("one message of any size fits when nothing waits or is in flight; it is not copied, and nothing fits beside it", () => {
  const outbox = new Outbox(LIMITS);
  assert.deepEqual([outbox.fits(5000, 0, false), outbox.fits(5000, 1, false)], [true, false]);
  const large = message("a", 5000);
  push(outbox, large);
  assert.deepEqual([outbox.count, outbox.bytes, bufferBytes(outbox)], [1, 5000, 0]);
  assert.equal(outbox.fits(7, 0, false), false);
  assert.equal(outbox.shift().payload, large.payload);
  const exact = message("b", 100);
  push(outbox, exact);
  assert.deepEqual([outbox.bytes, bufferBytes(outbox)], [100, 100]);
  assert.notEqual(outbox.shift().payload, exact.payload);
});

test("a payload of more than 16 MB keeps its length in the buffer", () => {
  const outbox = new Outbox({ queuedMessages: 2, queuedBytes: 40_000_000, dropOldest: false });
  outbox.push(utf8("a"), new Uint8Array(0x1234567), 2, true, 3, undefined);
  outbox.push(utf8("b"), Uint8Array.of(7), 0, false, 0, undefined);
  const { qos, retain, id, payload } = outbox.shift();
  assert.deepEqual([qos, retain, id, payload.length], [2, true, 3, 0x1234567]);
  assert.deepEqual(outbox.shift().payload, Uint8Array.of(7));
});

test("what a store held may exceed both limits: all of it is kept, in order", () => {
  const outbox = new Outbox(LIMITS);
  for (const name of "ABCDEFGHIJ") push(outbox, message(name, 90, 1));
  assert.deepEqual([outbox.count, outbox.bytes, outbox.fits(9, 0, true)], [10, 900, false]);
  assert.equal(emptied(outbox), "ABCDEFGHIJ");
  push(outbox, message("A", 1000, 1));
  for (const name of "BCD") push(outbox, message(name, 90, 1));
  assert.equal(emptied(outbox), "ABCD");
});

test("a message larger than queuedBytes that a store held keeps its place behind others", () => {
  const outbox = outboxOf(LIMITS, "A");
  push(outbox, message("B", 101, 1));
  assert.equal(emptied(outbox), "AB");
});

test("packet identifiers of all that waits are in use, those of QoS 0 are not", () => {
  const outbox = new Outbox({ ...LIMITS, queuedMessages: 9 });
  const add = (id: number, qos: Qos) => outbox.push(utf8("t"), new Uint8Array(0), qos, false, id, undefined);
  add(1, 1);
  add(500, 2);
  add(2, 1);
  add(0, 0);
  assert.deepEqual(
    [0, 1, 2, 499, 500].map(last => outbox.freeIdsAfter(last)),
    [0, 0, 497, 0, 65535 - 500],
  );
  outbox.putBack(outbox.shift());
  assert.equal(outbox.freeIdsAfter(0), 0);
  outbox.shift();
  assert.equal(outbox.freeIdsAfter(0), 1);
});

test("makeRoom() removes the oldest messages of QoS 0, as many as needed, and no other", () => {
  const outbox = outboxOf({ ...LIMITS, queuedMessages: 9 }, "AbcDe");
  assert.equal(outbox.canMakeRoom(40, 0), true);
  assert.deepEqual([outbox.makeRoom(40, 0).length, outbox.count, outbox.bytes], [2, 3, 60]);
  push(outbox, message("f", 40));
  assert.equal(emptied(outbox), "ADef");
});

test("makeRoom() makes room for one more message, also when it is the last that goes", () => {
  const outbox = outboxOf(LIMITS, "ABCd");
  assert.deepEqual([outbox.canMakeRoom(20, 0), outbox.makeRoom(20, 0).length], [true, 1]);
  push(outbox, message("e", 20));
  assert.equal(emptied(outbox), "ABCe");
});

test("makeRoom() returns the callbacks of what it removes, and the others keep theirs", () => {
  const outbox = new Outbox({ ...LIMITS, queuedMessages: 5 });
  const done = "abCdE".split("").map(() => () => {});
  for (const [n, name] of [..."abCdE"].entries()) {
    push(outbox, message(name, 20, name < "a" ? 1 : 0, name === "b" ? undefined : done[n]));
  }
  assert.deepEqual(outbox.makeRoom(60, 0), [done[0], undefined, done[3]]);
  assert.deepEqual([outbox.shift().done, outbox.shift().done, outbox.count], [done[2], done[4], 0]);
});

test("makeRoom() also removes what was put back, and one that was too large for the buffer", () => {
  const large = new Outbox(LIMITS);
  push(large, message("a", 5000));
  large.putBack(message("b", 3000));
  assert.deepEqual([large.canMakeRoom(4000, 0), large.makeRoom(4000, 0).length, large.count], [true, 2, 0]);
  const outbox = outboxOf(LIMITS, "abCd");
  outbox.putBack(outbox.shift());
  assert.deepEqual([outbox.makeRoom(30, 0).length, emptied(outbox)], [1, "bCd"]);
});

test("makeRoom() removes no more of what was put back than it must", () => {
  const outbox = outboxOf(LIMITS, "ABC");
  outbox.putBack(message("y", 20));
  outbox.putBack(message("x", 20));
  outbox.makeRoom(20, 0);
  assert.equal(outbox.count, 3);
  const smaller = outboxOf(LIMITS, "AB");
  smaller.putBack(message("y", 20));
  smaller.putBack(message("x", 20));
  smaller.makeRoom(20, 0);
  assert.equal(emptied(smaller), "yAB");
});

test("canMakeRoom() is false when that would not be enough, or when dropOldest is false", () => {
  const outbox = outboxOf(LIMITS, "AbCd");
  assert.deepEqual(
    [outbox.canMakeRoom(60, 0), outbox.canMakeRoom(61, 0), outbox.canMakeRoom(50, 10), outbox.canMakeRoom(51, 10)],
    [true, false, true, false],
  );
  assert.equal(outboxOf(LIMITS, "ABCD").canMakeRoom(10, 0), false, "queuedMessages");
  outbox.putBack(message("E", 20, 1));
  assert.equal(outbox.canMakeRoom(41, 0), false, "what was put back counts, too");
  assert.equal(outboxOf({ ...LIMITS, dropOldest: false }, "abcd").canMakeRoom(10, 0), false);
  const empty = outboxOf(LIMITS, "a");
  assert.deepEqual([empty.canMakeRoom(5000, 0), empty.canMakeRoom(5000, 1)], [true, false]);
});

test("whatever is pushed, put back, shifted and dropped: the outbox behaves like an array of messages", () => {
  const limits = { queuedMessages: 8, queuedBytes: 200, dropOldest: true };
  for (const seed of [1, 2, 3, 4]) {
    const random = seeded(seed);
    const below = (end: number) => Math.floor(random() * end);
    const outbox = new Outbox(limits);
    const model: Message[] = [];
    const sizeOf = ({ topic, payload, qos }: Message) => topic.length + payload.length + OVERHEAD[qos];
    const sum = (messages: Message[]) => messages.reduce((bytes, one) => bytes + sizeOf(one), 0);
    const fits = (left: Message[], bytes: number, size: number) =>
      left.length < limits.queuedMessages && (bytes === 0 || bytes + size <= limits.queuedBytes);
    for (let n = 0; n < 5000; n++) {
      if (random() < 0.4 && model.length) {
        assert.equal(outbox.firstQos, model[0]!.qos);
        const first = outbox.shift();
        assert.deepEqual(first, model.shift());
        if (random() < 0.2) {
          outbox.putBack(first);
          model.unshift({ ...first, next: undefined });
        }
      } else {
        const qos = below(3) as Qos;
        const one: Message = {
          topic: Uint8Array.from({ length: 1 + below(9) }, () => below(256)),
          payload: Uint8Array.from({ length: random() < 0.02 ? 300 : below(70) }, () => below(256)),
          qos,
          retain: random() < 0.5,
          id: qos ? below(65536) : 0,
          state: NOT_IN_FLIGHT,
          done: random() < 0.5 ? () => {} : undefined,
          next: undefined,
        };
        const size = sizeOf(one);
        const inflight = below(60);
        const fitting = fits(model, sum(model) + inflight, size);
        assert.equal(outbox.fits(size, inflight, false), fitting);
        const kept = model.filter(left => left.qos > 0);
        const possible = fits(kept, sum(kept) + inflight, size);
        assert.equal(outbox.canMakeRoom(size, inflight), possible);
        if (!fitting && possible) {
          const dropped: (PublishCallback | undefined)[] = [];
          while (!fits(model, sum(model) + inflight, size)) {
            const oldest = model.findIndex(left => left.qos === 0);
            dropped.push(...model.splice(oldest, 1).map(left => left.done));
          }
          assert.deepEqual(outbox.makeRoom(size, inflight), dropped);
        }
        if (fitting || possible) {
          push(outbox, one);
          model.push(one);
        }
      }
      assert.deepEqual([outbox.count, outbox.bytes], [model.length, sum(model)]);
      assert.ok(bufferBytes(outbox) <= limits.queuedBytes);
    }
    while (model.length) assert.deepEqual(outbox.shift(), model.shift());
  }
});

test("the outbox takes queuedMessages messages, not one more, and one more for each that leaves", () => {
  const { session, out, send } = setup();
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(n => send(`${n}`, 1)),
    [true, true, true, true, false],
  );
  assert.equal(session.publisher.outbox.count, 4);
  out.room = 1;
  session.connected(false);
  assert.deepEqual([send("6", 1), send("7", 1)], [true, false]);
  out.room = 100;
  session.pump();
  const sent = out.said().filter(line => line.startsWith("done"));
  assert.deepEqual(sent, ["done 1", "done 2", "done 3", "done 4", "done 6"]);
});

test("an empty outbox takes one message of any size", () => {
  const { send } = setup({ queuedBytes: 10 });
  assert.deepEqual([send("a", 5000), send("b", 0)], [true, false]);
});

test("messages in flight count towards queuedBytes until they are confirmed", () => {
  const { send, take, out } = live({ queuedBytes: 100 });
  assert.deepEqual([send("a", 59, 1), send("b", 40, 1), send("b", 39, 1), send("c", 0, 1)], [true, false, true, false]);
  out.said();
  take("puback", 1);
  assert.deepEqual([send("d", 60, 1), send("d", 59, 1), send("e", 0, 1)], [false, true, false]);
});

test("the outbox takes queuedBytes bytes, 6 of each message included, not one more; what has left is free again", () => {
  const { session, send } = setup({ queuedBytes: 100 });
  for (let round = 0; round < 5; round++) {
    const taken = [send("a", 43), send("b", 44), send("b", 43), send("c", 0)];
    assert.deepEqual(taken, [true, false, true, false], `round ${round}`);
    assert.equal(session.publisher.outbox.count, 2);
    session.connected(false);
    session.disconnected();
  }
});
