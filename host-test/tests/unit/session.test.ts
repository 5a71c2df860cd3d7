// mqtt/session/session.ts on a Recorder: the order in which its parts send, and what they have in common.

import assert from "node:assert/strict";
import { test } from "node:test";
import { live, type Setup, setup } from "../support/session-stage.ts";

test("before CONNACK everything waits; then it leaves in the order it was given", () => {
  const { session, out, send } = setup();
  send("a", 1);
  send("b", 1, 1);
  send("c", 1);
  assert.deepEqual([out.said(), session.publisher.outbox.count], [[], 3]);
  session.connected(false);
  assert.deepEqual(out.said(), ["PUBLISH #0 q0 a 1", "done a", "PUBLISH #1 q1 b 1", "PUBLISH #0 q0 c 1", "done c"]);
  assert.deepEqual([session.publisher.outbox.count, session.publisher.inflight.count], [0, 1]);
});

test("order: acknowledgements, PINGREQ, SUBSCRIBE, messages of the last connection, the outbox", () => {
  const { session, out, send, take } = live();
  send("old", 1, 1);
  session.disconnected();
  out.said();
  send("new", 1);
  session.subscribe([{ topic: "f", qos: 1 }], undefined);
  out.room = 0;
  out.control = 0;
  session.connected(true);
  session.ping();
  take("publish", 5, { qos: 1, topic: "t" });
  assert.deepEqual(out.said(), ["message t #5"]);
  out.room = 10;
  session.pump();
  assert.deepEqual(out.said(), [
    "PUBACK #5",
    "PINGREQ",
    "SUBSCRIBE #3 f",
    "PUBLISH dup #1 q1 old 1",
    "PUBLISH #0 q0 new 1",
    "done new",
  ]);
});

test("ids of requests and messages never meet, also after the wrap", () => {
  const { session, out, send, take } = live();
  session.subscribe([{ topic: "f", qos: 0 }], undefined);
  out.said();
  for (let n = 0; n < 65600; n++) {
    out.room = 1;
    send("m", 1, 1);
    const id = Number(/#(\d+)/.exec(out.said()[0]!)![1]);
    assert.notEqual(id, 1);
    assert.ok(id > 0 && id < 65536);
    take("puback", id);
    out.said();
  }
});

test("clear tells every message once, in order; ids of incoming QoS 2 stay as long as the server may have them", () => {
  const { session, out, send, take } = live();
  take("publish", 9, { qos: 2, topic: "t" });
  for (const name of ["a", "b", "c", "d"]) send(name, 1, 1);
  out.said();
  session.disconnected();
  session.publisher.clear(new Error("over"));
  session.publisher.clear(new Error("over"));
  assert.deepEqual(out.said(), ["failed a", "failed b", "failed c", "failed d"]);
  assert.deepEqual(
    [session.publisher.outbox.count, session.publisher.inflight.count, session.publisher.empty],
    [0, 0, true],
  );
  session.connected(true);
  take("publish", 9, { qos: 2, topic: "t" });
  assert.deepEqual(out.said(), ["PUBREC #9"]);
  session.disconnected();
  session.connected(false);
  take("publish", 9, { qos: 2, topic: "t" });
  assert.deepEqual(out.said(), ["message t #9", "PUBREC #9"]);
  assert.equal(send("e", 900, 1), true, "all bytes are given back");
});

test("idle: nothing queued, in flight, or half sent", () => {
  const { session, out, send, take } = live();
  assert.equal(session.publisher.empty, true);
  send("a", 1, 1);
  assert.equal(session.publisher.empty, false);
  take("puback", 1);
  assert.equal(session.publisher.empty, true);
  send("b", 500);
  assert.equal(session.publisher.empty, false);
  out.streaming = false;
  session.pump();
  assert.equal(session.publisher.empty, true);
});

for (const [end, finish] of Object.entries({
  "when it has left": ({ session, out }: Setup) => {
    out.streaming = false;
    session.pump();
  },
  "when the next connection begins": ({ session, out }: Setup) => {
    session.disconnected();
    out.streaming = false;
    session.connected(true);
  },
  "when messages are dropped": ({ session }: Setup) => {
    session.disconnected();
    session.publisher.clear(new Error("over"));
  },
})) {
  test(`a message that is confirmed while its payload is read is complete ${end}: until then its bytes must not change`, () => {
    const stage = live();
    stage.send("a", 100, 1);
    stage.take("puback", 1);
    assert.deepEqual([stage.out.said(), stage.session.publisher.empty], [["PUBLISH #1 q1 a 100"], false]);
    finish(stage);
    assert.deepEqual([stage.out.said(), stage.session.publisher.empty], [["done a"], true]);
  });
}

test("a SUBSCRIBE that finds no room holds up the messages behind it", () => {
  const { session, out, send } = setup();
  const { subscribe } = out;
  send("a", 1);
  session.subscribe([{ topic: "f", qos: 1 }], undefined);
  out.subscribe = () => false;
  session.connected(false);
  assert.deepEqual(out.said(), []);
  out.subscribe = subscribe;
  session.pump();
  assert.deepEqual(out.said(), ["SUBSCRIBE #2 f", "PUBLISH #0 q0 a 1", "done a"]);
});

test("each acknowledgement of a QoS 2 message begins its deadline anew, but not that of a request", () => {
  const { session, out, send, take } = live();
  send("a", 1, 2);
  session.checkAcknowledgements();
  take("pubrec", 1);
  session.checkAcknowledgements();
  assert.deepEqual(out.said(), ["PUBLISH #1 q2 a 1", "PUBREL #1"]);
  session.checkAcknowledgements();
  assert.deepEqual(out.said(), ["PUBREL #1"]);
  take("pubcomp", 1);
  send("b", 1, 2);
  session.subscribe([{ topic: "f", qos: 1 }], undefined);
  session.checkAcknowledgements();
  take("pubrec", 2);
  out.said();
  session.checkAcknowledgements();
  assert.deepEqual(out.said(), ["SUBSCRIBE #3 f"]);
});
