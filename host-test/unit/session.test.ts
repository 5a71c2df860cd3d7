// session/session.ts on a recorder: what is sent, in which order, when there is room and when there is none; and every
// ceiling filled exactly.

import assert from "node:assert/strict";
import { test } from "node:test";
import { live, setup } from "../support/session-stage.ts";
import { utf8 } from "../testing/bytes.ts";

test("before CONNACK everything waits; then it leaves in the order it was given", () => {
  const { session, out, send } = setup();
  send("a", 1);
  send("b", 1, 1);
  send("c", 1);
  assert.deepEqual([out.said(), session.queuedCount], [[], 3]);
  session.accepted(false);
  assert.deepEqual(out.said(), ["PUBLISH #0 q0 a 1", "done a", "PUBLISH #1 q1 b 1", "PUBLISH #0 q0 c 1", "done c"]);
  assert.deepEqual([session.queuedCount, session.inflightCount], [0, 1]);
});

test("order: acknowledgements, PINGREQ, SUBSCRIBE, messages of the last connection, the outbox", () => {
  const { session, out, send, take } = live();
  send("old", 1, 1);
  session.lost();
  out.said();
  send("new", 1);
  session.subscribe([{ topic: "f", qos: 1 }], undefined);
  out.room = 0;
  out.control = 0;
  session.accepted(true);
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

test("the outbox takes queuedMessages messages, not one more, and one more for each that leaves", () => {
  const { session, out, send } = setup();
  assert.deepEqual(
    [1, 2, 3, 4, 5].map(n => send(`${n}`, 1)),
    [true, true, true, true, false],
  );
  assert.equal(session.queuedCount, 4);
  out.room = 1;
  session.accepted(false);
  assert.deepEqual([send("6", 1), send("7", 1)], [true, false]);
  out.room = 100;
  session.pump();
  const sent = out.said().filter(line => line.startsWith("done"));
  assert.deepEqual(sent, ["done 1", "done 2", "done 3", "done 4", "done 6"]);
});

test("the outbox takes queuedBytes bytes of topics and payloads, not one more", () => {
  const { session, send } = setup({ queuedBytes: 100 });
  assert.deepEqual([send("a", 49), send("b", 49), send("c", 0)], [true, true, false]);
  assert.equal(session.queuedCount, 2);
});

test("an empty outbox takes one message of any size", () => {
  const { send } = setup({ queuedBytes: 10 });
  assert.deepEqual([send("a", 5000), send("b", 0)], [true, false]);
});

test("messages in flight count towards queuedBytes until they are confirmed", () => {
  const { send, take, out } = live({ queuedBytes: 100 });
  assert.deepEqual([send("a", 59, 1), send("b", 39, 1), send("c", 0, 1)], [true, true, false]);
  out.said();
  take("puback", 1);
  assert.deepEqual([send("d", 58, 1), send("e", 1, 1)], [true, false]);
});

test("a QoS 0 message that can leave at once is not counted against a full window", () => {
  const { send, out } = live({ queuedBytes: 50 });
  assert.deepEqual([send("a", 49, 1), send("b", 40)], [true, true]);
  assert.deepEqual(out.said(), ["PUBLISH #1 q1 a 49", "PUBLISH #0 q0 b 40", "done b"]);
});

test("the window holds inflight messages; what comes behind them waits, at QoS 0 too, and keeps its place", () => {
  const { session, out, send, take } = live();
  for (const name of ["a", "b", "c", "d"]) send(name, 1, 1);
  send("e", 1);
  assert.deepEqual(out.said(), ["PUBLISH #1 q1 a 1", "PUBLISH #2 q1 b 1", "PUBLISH #3 q1 c 1"]);
  take("puback", 2);
  assert.deepEqual(out.said(), ["done b", "PUBLISH #4 q1 d 1", "PUBLISH #0 q0 e 1", "done e"]);
  assert.deepEqual([session.inflightCount, session.queuedCount], [3, 0]);
});

test("a message that finds no room goes back to its place and takes a fresh id later", () => {
  const { session, out, send } = live();
  out.room = 0;
  send("a", 1, 2);
  send("b", 1, 1);
  assert.deepEqual([session.inflightCount, session.queuedCount], [0, 2]);
  out.room = 9;
  session.pump();
  assert.deepEqual(
    out.said().map(line => line.replace(/#\d+/, "#")),
    ["PUBLISH # q2 a 1", "PUBLISH # q1 b 1"],
  );
});

test("a streamed payload: the next message waits, control packets do not, QoS 0 is done at its last byte", () => {
  const { session, out, send, take } = live();
  send("big", 500);
  send("next", 1);
  take("publish", 1, { qos: 1, topic: "t" });
  assert.deepEqual(out.said(), ["PUBLISH #0 q0 big 500", "message t #1", "PUBACK #1"]);
  session.pump();
  assert.deepEqual(out.said(), []);
  out.streaming = false;
  session.pump();
  assert.deepEqual(out.said(), ["done big", "PUBLISH #0 q0 next 1", "done next"]);
});

test("a QoS 0 payload cut in the middle goes first on the next connection", () => {
  const { session, out, send } = live();
  send("big", 500);
  send("next", 1);
  out.said();
  session.lost();
  out.streaming = false;
  session.accepted(true);
  assert.deepEqual(out.said(), ["PUBLISH #0 q0 big 500"]);
});

test("acknowledgements wait in order, at most 64; the next one ends the connection", () => {
  const { out, take, session } = live();
  out.room = 0;
  out.control = 0;
  for (let id = 1; id <= 64; id++) take("publish", id, { qos: 1, topic: "t" });
  assert.equal(
    out.said().some(line => line.startsWith("violation")),
    false,
  );
  take("publish", 65, { qos: 1, topic: "t" });
  assert.deepEqual(out.said(), ["message t #65", "violation: acknowledgements jammed"]);
  out.room = 100;
  session.pump();
  assert.deepEqual(
    out.said(),
    Array.from({ length: 64 }, (_, n) => `PUBACK #${n + 1}`),
  );
});

test("PUBRELs leave in the order their PUBRECs came, also when they have to wait [MQTT-4.6.0-4]", () => {
  const { session, out, send, take } = live();
  for (const name of ["a", "b", "c"]) send(name, 1, 2);
  out.said();
  out.room = 0;
  out.control = 1;
  for (const id of [2, 3, 1]) take("pubrec", id);
  out.room = 9;
  session.pump();
  assert.deepEqual(out.said(), ["PUBREL #2", "PUBREL #3", "PUBREL #1"]);
});

test("an acknowledgement does not overtake one that waits, though there is room by now", () => {
  const { session, out, take } = live();
  out.room = 0;
  out.control = 0;
  take("publish", 1, { qos: 1, topic: "t" });
  out.room = 9;
  take("publish", 2, { qos: 1, topic: "t" });
  session.pump();
  assert.deepEqual(
    out.said().filter(line => line.startsWith("PUBACK")),
    ["PUBACK #1", "PUBACK #2"],
  );
});

test("acknowledgements that waited belong to the connection that ended", () => {
  const { session, out, take } = live();
  out.room = 0;
  out.control = 0;
  take("publish", 1, { qos: 1, topic: "t" });
  session.lost();
  out.room = 9;
  out.said();
  session.accepted(true);
  assert.deepEqual(out.said(), []);
});

test("a new message does not overtake those that still have to be sent again", () => {
  const { session, out, send } = live();
  for (const name of ["a", "b"]) send(name, 1, 1);
  session.lost();
  out.said();
  out.room = 1;
  session.accepted(true);
  out.room = 1;
  send("c", 1, 1);
  out.room = 9;
  session.pump();
  assert.deepEqual(out.said(), ["PUBLISH dup #1 q1 a 1", "PUBLISH dup #2 q1 b 1", "PUBLISH #3 q1 c 1"]);
});

test("bytes of messages that have left the outbox are free again", () => {
  const { session, send } = setup({ queuedBytes: 100 });
  for (let round = 0; round < 5; round++) {
    assert.deepEqual([send("a", 49), send("b", 49), send("c", 0)], [true, true, false], `round ${round}`);
    session.accepted(false);
    session.lost();
  }
});

const UNRELEASED = 128;

test(`${UNRELEASED} unreleased QoS 2 messages are remembered; the next one is not delivered and ends the connection`, () => {
  const { out, take } = live();
  for (let id = 1; id <= UNRELEASED; id++) take("publish", id, { qos: 2, topic: "t" });
  out.said();
  take("publish", 200, { qos: 2, topic: "t" });
  assert.deepEqual(out.said(), [`violation: more than ${UNRELEASED} unreleased QoS 2 messages`]);
  take("pubrel", 1);
  take("publish", 201, { qos: 2, topic: "t" });
  assert.deepEqual(out.said(), ["PUBCOMP #1", "message t #201", "PUBREC #201"]);
});

test("ids the server does not come back to on a new connection make room, the oldest first; those it comes back to stay", () => {
  const { session, out, take } = live();
  const publish = (id: number) => take("publish", id, { qos: 2, topic: "t" });
  for (let id = 1; id <= UNRELEASED; id++) publish(id);
  session.lost();
  session.accepted(true);
  publish(1); // sent again
  take("pubrel", 2); // released
  out.said();
  publish(201); // into the place of 2
  publish(202); // 3 has to go: the server has dropped it
  assert.deepEqual(out.said(), ["message t #201", "PUBREC #201", "message t #202", "PUBREC #202"]);
  for (const id of [1, 4, UNRELEASED, 201, 202]) publish(id);
  assert.deepEqual(out.said(), ["PUBREC #1", "PUBREC #4", `PUBREC #${UNRELEASED}`, "PUBREC #201", "PUBREC #202"]);
  publish(3);
  assert.deepEqual(out.said(), ["message t #3", "PUBREC #3"], "an id that was forgotten is a new one");
  for (let n = 0; n < UNRELEASED; n++) publish(1000 + n);
  const told = out.said().filter(line => line.startsWith("message"));
  assert.equal(told.length, UNRELEASED - 6, "the six the server came back to are not forgotten");
});

test("SUBSCRIBE and UNSUBSCRIBE requests: at most `subscriptions` are remembered", () => {
  const { session, take } = live();
  const subscribe = (topic: string) => session.subscribe([{ topic, qos: 0 }], undefined);
  assert.deepEqual([subscribe("a"), subscribe("b"), subscribe("c"), subscribe("d")], [true, true, true, false]);
  assert.deepEqual([session.unsubscribe(["d"], undefined), session.unsubscribe(["a"], undefined)], [false, true]);
  assert.equal(subscribe("d"), false, "the UNSUBSCRIBE is remembered");
  take("unsuback", 4);
  assert.equal(subscribe("d"), true);
  // A filter asked for anew is remembered once.
  const other = live();
  for (let n = 0; n < 20; n++)
    assert.equal(other.session.subscribe([{ topic: "same", qos: 0 }], undefined), true, `${n}`);
});

test("a filter asked for anew belongs to the last request; the first one's caller is told if it still waits", () => {
  const { session, out, take } = live();
  const told: string[] = [];
  session.subscribe(
    [
      { topic: "a", qos: 0 },
      { topic: "b", qos: 0 },
    ],
    (error, granted) => told.push(`1 ${error?.name} ${granted}`),
  );
  session.subscribe([{ topic: "b", qos: 2 }], (error, granted) => told.push(`2 ${error?.name} ${granted}`));
  session.subscribe([{ topic: "b", qos: 1 }], (error, granted) => told.push(`3 ${error?.name} ${granted}`));
  assert.deepEqual(told, ["2 ConnectionException "]);
  take("suback", 1, { granted: [0, 0] });
  take("suback", 2, { granted: [2] });
  take("suback", 3, { granted: [1] });
  assert.deepEqual(told.slice(1), ["1 undefined 0,0", "3 undefined 1"]);
  out.said();
  session.lost();
  session.accepted(false);
  assert.deepEqual(
    out.said().map(line => line.replace(/#\d+/, "#")),
    ["SUBSCRIBE # a", "SUBSCRIBE # b"],
  );
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
  session.lost();
  session.clear(new Error("over"));
  session.clear(new Error("over"));
  assert.deepEqual(out.said(), ["failed a", "failed b", "failed c", "failed d"]);
  assert.deepEqual([session.queuedCount, session.inflightCount, session.idle], [0, 0, true]);
  session.accepted(true);
  take("publish", 9, { qos: 2, topic: "t" });
  assert.deepEqual(out.said(), ["PUBREC #9"]);
  session.lost();
  session.accepted(false);
  take("publish", 9, { qos: 2, topic: "t" });
  assert.deepEqual(out.said(), ["message t #9", "PUBREC #9"]);
  assert.equal(send("e", 900, 1), true, "all bytes are given back");
});

test("idle: nothing queued, in flight, or half sent", () => {
  const { session, out, send, take } = live();
  assert.equal(session.idle, true);
  send("a", 1, 1);
  assert.equal(session.idle, false);
  take("puback", 1);
  assert.equal(session.idle, true);
  send("b", 500);
  assert.equal(session.idle, false);
  out.streaming = false;
  session.pump();
  assert.equal(session.idle, true);
});

test("idle: a message confirmed before its last byte was seen to leave does not count when the connection has ended", () => {
  const { session, out, send, take } = live();
  send("a", 100, 1);
  take("puback", 1);
  out.streaming = false;
  session.lost();
  assert.equal(session.idle, true);
});

test("a connection that ends while a message is delivered: its acknowledgement is not sent on the next one", () => {
  const { session, out, take } = live();
  out.onMessage = () => session.lost();
  take("publish", 1, { qos: 1, topic: "t" });
  session.accepted(true);
  assert.deepEqual(out.said(), ["message t #1"]);
});

test("publishes from inside `done` keep their order behind what waits", () => {
  const { session, out } = setup();
  const send = (name: string, then?: () => void) =>
    session.publish(utf8(name), new Uint8Array(1), 0, false, () => then?.());
  send("a", () => {
    send("c");
  });
  send("b");
  session.accepted(false);
  assert.deepEqual(out.said(), ["PUBLISH #0 q0 a 1", "PUBLISH #0 q0 b 1", "PUBLISH #0 q0 c 1"]);
});
