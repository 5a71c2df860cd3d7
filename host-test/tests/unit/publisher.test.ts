// mqtt/session/publisher.ts in a session: when messages leave, wait, and are sent again.

import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../../harness/testing/bytes.ts";
import { live, setup } from "../support/session-stage.ts";

test("the window holds inflight messages; what comes behind them waits, at QoS 0 too, and keeps its place", () => {
  const { session, out, send, take } = live();
  for (const name of ["a", "b", "c", "d"]) send(name, 1, 1);
  send("e", 1);
  assert.deepEqual(out.said(), ["PUBLISH #1 q1 a 1", "PUBLISH #2 q1 b 1", "PUBLISH #3 q1 c 1"]);
  take("puback", 2);
  assert.deepEqual(out.said(), ["done b", "PUBLISH #4 q1 d 1", "PUBLISH #0 q0 e 1", "done e"]);
  assert.deepEqual([session.publisher.inflight.count, session.publisher.outbox.count], [3, 0]);
});

test("a message that finds no room goes back to its place and takes a fresh id later", () => {
  const { session, out, send } = live();
  out.room = 0;
  send("a", 1, 2);
  send("b", 1, 1);
  assert.deepEqual([session.publisher.inflight.count, session.publisher.outbox.count], [0, 2]);
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
  session.disconnected();
  out.streaming = false;
  session.connected(true);
  assert.deepEqual(out.said(), ["PUBLISH #0 q0 big 500"]);
});

test("a QoS 0 message that can leave at once is not counted against a full window", () => {
  const { send, out } = live({ queuedBytes: 50 });
  assert.deepEqual([send("a", 49, 1), send("b", 40)], [true, true]);
  assert.deepEqual(out.said(), ["PUBLISH #1 q1 a 49", "PUBLISH #0 q0 b 40", "done b"]);
});

test("a new message does not overtake those that still have to be sent again", () => {
  const { session, out, send } = live();
  for (const name of ["a", "b"]) send(name, 1, 1);
  session.disconnected();
  out.said();
  out.room = 1;
  session.connected(true);
  out.room = 1;
  send("c", 1, 1);
  out.room = 9;
  session.pump();
  assert.deepEqual(out.said(), ["PUBLISH dup #1 q1 a 1", "PUBLISH dup #2 q1 b 1", "PUBLISH #3 q1 c 1"]);
});

test("publishes from inside `done` keep their order behind what waits", () => {
  const { session, out } = setup();
  const send = (name: string, then?: () => void) =>
    session.publisher.publish(utf8(name), new Uint8Array(1), 0, false, () => then?.());
  send("a", () => {
    send("c");
  });
  send("b");
  session.connected(false);
  assert.deepEqual(out.said(), ["PUBLISH #0 q0 a 1", "PUBLISH #0 q0 b 1", "PUBLISH #0 q0 c 1"]);
});

test("messages acknowledged while others are resent: those that are left are resent, in order, none twice", () => {
  // Which of a, b and c is acknowledged after a was resent, and what is resent then.
  const cases: [number, string[]][] = [
    [1, ["PUBLISH dup #2 q1 b 1", "PUBLISH dup #3 q1 c 1"]],
    [2, ["PUBLISH dup #3 q1 c 1"]],
    [3, ["PUBLISH dup #2 q1 b 1"]],
  ];
  for (const [acknowledged, resent] of cases) {
    const { session, out, send, take } = live();
    for (const name of ["a", "b", "c"]) send(name, 1, 1);
    session.disconnected();
    out.said();
    out.room = 1;
    session.connected(true);
    assert.deepEqual(out.said(), ["PUBLISH dup #1 q1 a 1"]);
    take("puback", acknowledged);
    out.room = 9;
    session.pump();
    assert.deepEqual(out.said(), [`done ${"abc"[acknowledged - 1]}`, ...resent]);
    session.pump();
    assert.deepEqual([out.said(), session.publisher.resentCount], [[], 1 + resent.length]);
  }
});

test("queuedMessages 0: what leaves at once, or when the running callback returns, is accepted; nothing else is", () => {
  const { session, out, send } = live({ queuedMessages: 0, inflight: 1 });
  const accepted: boolean[] = [];
  const next = () => accepted.push(send("b", 1));
  assert.equal(session.publisher.publish(utf8("a"), utf8("1"), 0, false, next), true);
  assert.deepEqual([out.said(), accepted], [["PUBLISH #0 q0 a 1", "PUBLISH #0 q0 b 1", "done b"], [true]]);
  assert.equal(session.publisher.hasRoom, true);
  assert.deepEqual([send("c", 1, 1), send("d", 1, 1), session.publisher.hasRoom], [true, false, false]);
});

test("a message that leaves the window lets the next one in, also when nobody asked to be told", () => {
  const { session, out, take } = live({ inflight: 1 });
  for (const name of ["a", "b"]) session.publisher.publish(utf8(name), utf8("1"), 1, false, undefined);
  take("puback", 1);
  assert.deepEqual(out.said(), ["PUBLISH #1 q1 a 1", "PUBLISH #2 q1 b 1"]);
});
