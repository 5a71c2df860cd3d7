// Servers that do not answer, or answer by closing the connection: a lost acknowledgement, a message that a server will not
// take, QoS 2 acknowledged as QoS 1.

import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore } from "../../../targets/node/memory-store.ts";
import { utf8 } from "../../harness/testing/bytes.ts";
import { pingresp, puback, pubcomp, pubrec, suback, unsuback } from "../../harness/testing/frames.ts";
import { mqtt, readyMqtt, type Stage } from "../support/device.ts";
import { filters } from "../support/filters.ts";
import type { ConnectionException, MqttClient } from "../support/subject.ts";
import { linesOf, retried, send } from "./steps.ts";

const CODE = (error: Error | undefined) => (error as InstanceType<typeof ConnectionException>).code;

/** Lets seconds pass; the server answers nothing but PINGREQ. Returns what the client sent, with the second. */
function pass(stage: Stage<MqttClient>, seconds: number): string[] {
  const sent: string[] = [];
  for (let second = 1; second <= seconds && stage.client.connected; second++) {
    stage.clock.advance(1000);
    for (const line of stage.said()) {
      if (line === "PINGREQ") stage.link.receives(pingresp());
      else sent.push(`${second} s ${line}`);
    }
  }
  return sent;
}

// What is sent before the server stops answering; the packet that is repeated.
const LOST: Record<string, [(stage: Stage<MqttClient>) => void, string, Uint8Array]> = {
  PUBACK: [stage => send(stage, "a", 1), "PUBLISH #1 q1 dup t a", puback(1)],
  PUBREC: [stage => send(stage, "a", 2), "PUBLISH #1 q2 dup t a", pubrec(1)],
  PUBCOMP: [
    stage => {
      send(stage, "a", 2);
      stage.link.receives(pubrec(1));
    },
    "PUBREL #1",
    pubcomp(1),
  ],
  SUBACK: [stage => stage.client.subscribe(filters(1, "f")), "SUBSCRIBE #1 f q1", suback(1, 1)],
  UNSUBACK: [stage => stage.client.unsubscribe(["f"]), "UNSUBSCRIBE #1 f", unsuback(1)],
};

for (const [name, [act, repeated, answer]] of Object.entries(LOST)) {
  test(`${name} is lost: the packet is sent again once, with its id, and the connection ends as timeout`, () => {
    for (const keepAlive of [0, 4, 60, 1200]) {
      const stage = readyMqtt({ clean: false, keepAlive });
      act(stage);
      stage.quiet();
      const sent = pass(stage, 200);
      assert.equal(sent.length, 1, `keep-alive ${keepAlive}: ${sent}`);
      const [seconds, line] = [Number.parseInt(sent[0]!, 10), sent[0]!.replace(/^\d+ s /, "")];
      assert.equal(line, repeated);
      assert.ok(seconds > 10 && seconds <= 40, `keep-alive ${keepAlive}: after ${seconds} s`);
      assert.ok(stage.clock.elapsed <= 60_000, `keep-alive ${keepAlive}: ended after ${stage.clock.elapsed} ms`);
      assert.match(stage.errors[0]!.message, /^timed out waiting for an acknowledgement from broker\.test/);
      retried(stage, true);
      assert.equal(stage.said()[1], repeated.replace("SUBSCRIBE #1", "SUBSCRIBE #2"), "the session resumes");
    }
  });

  test(`${name} comes after the packet was sent again: nothing else happens`, () => {
    const stage = readyMqtt();
    act(stage);
    stage.quiet();
    assert.equal(pass(stage, 40).length, 1);
    stage.link.receives(answer);
    if (name === "PUBREC") stage.link.receives(pubcomp(1));
    stage.said();
    assert.deepEqual(pass(stage, 300), []);
    assert.equal(stage.client.connected, true);
  });
}

test("an acknowledgement deadline is that of the option, whatever the keep-alive", () => {
  for (const [ackTimeout, keepAlive] of [
    [5, 60],
    [90, 60],
    [300, 2],
  ] as const) {
    const stage = readyMqtt({ ackTimeout, keepAlive, clean: false });
    send(stage, "a", 1);
    stage.quiet();
    const seconds = Number.parseInt(pass(stage, 1000)[0]!, 10);
    assert.ok(seconds > ackTimeout / 2 && seconds <= 2 * ackTimeout, `${ackTimeout}: ${seconds} s`);
  }
});

test("a deadline begins afresh on each connection, and with each message that becomes the oldest", () => {
  const stage = readyMqtt({ clean: false });
  send(stage, "a", 1);
  stage.quiet();
  assert.equal(pass(stage, 40).length, 1);
  stage.reconnected(true).quiet();
  const again = pass(stage, 40);
  assert.equal(again.length, 1, "sent again once more on this connection, not ended at the first look");
  stage.link.receives(puback(1));
  for (let n = 2; n < 20; n++) {
    send(stage, `${n}`, 1);
    stage.said();
    stage.clock.advance(12_000);
    if (stage.said().includes("PINGREQ")) stage.link.receives(pingresp());
    stage.link.receives(puback(n));
  }
  assert.equal(stage.client.connected, true);
});

test("a filter that a later request took over is not in the SUBSCRIBE or UNSUBSCRIBE that is sent again", () => {
  for (const what of ["subscribe", "unsubscribe"] as const) {
    const stage = readyMqtt();
    if (what === "subscribe") stage.client.subscribe(filters(0, "f", "g"));
    else stage.client.unsubscribe(["f", "g"]);
    stage.client.subscribe(filters(2, "f"));
    stage.link.receives(suback(2, 2));
    stage.quiet();
    const sent = pass(stage, 40).map(line => line.replace(/^\d+ s /, ""));
    assert.deepEqual(sent, [what === "subscribe" ? "SUBSCRIBE #3 g q0" : "UNSUBSCRIBE #3 g"]);
    stage.link.receives(what === "subscribe" ? suback(1, 0, 0) : unsuback(1));
    assert.equal(stage.client.connected, true, "the late answer to the first packet is ignored");
  }
});

test("an unanswered UNSUBSCRIBE and a later SUBSCRIBE of the same filter: the filter is subscribed after a reconnect", () => {
  for (const sessionPresent of [true, false]) {
    const stage = readyMqtt({ clean: false });
    stage.client.subscribe(filters(1, "f"));
    stage.link.receives(suback(1, 1));
    stage.client.unsubscribe(["f"]);
    stage.client.subscribe(filters(1, "f"));
    stage.link.receives(suback(3, 1));
    stage.quiet().reconnected(sessionPresent);
    const said = stage.said().slice(1);
    assert.deepEqual(said, sessionPresent ? [] : ["SUBSCRIBE #4 f q1"]);
    stage.link.receives(unsuback(2));
    if (!sessionPresent) stage.link.receives(suback(4, 1));
    assert.deepEqual(pass(stage, 100), []);
  }
});

// The server closes the connection at each PUBLISH of "bad".
function intolerant(redeliveries: number): { stage: Stage<MqttClient>; delivered: string[]; closings: number } {
  const stage = mqtt({ clean: false, limits: { redeliveries } });
  stage.client.connect();
  send(stage, "bad", 2);
  send(stage, "good", 2);
  const delivered: string[] = [];
  let closings = 0;
  for (let n = 0; n < 12 && delivered.length === 0; n++) {
    stage.accepted(true);
    const texts = stage.packets().filter(one => one.cmd === "publish");
    if (texts.some(one => String(one.payload) === "bad")) {
      closings++;
      stage.link.ends();
      stage.clock.jumpToNext();
    } else delivered.push(...texts.map(one => String(one.payload)));
  }
  return { stage, delivered, closings };
}

test("a message that the server answers by closing: reported after three closings, and never given up by default", () => {
  const { stage, delivered, closings } = intolerant(0);
  assert.deepEqual([delivered, closings], [[], 12]);
  const reports = stage.errors.filter(error => CODE(error) === "undeliverable");
  assert.equal(reports.length, 1);
  assert.match(reports[0]!.message, /message 1 on t: it closed 3 connections before confirming it/);
  const diary = stage.heard().filter(line => !line.startsWith("connected"));
  assert.equal(diary[2], "disconnected closed, retry in 4000");
  assert.match(diary[3]!, /^error the server may refuse/);
  assert.equal(stage.client.counters.dropped, 0);
});

test("limits.redeliveries: the message is given up with an error after so many, and the next ones leave", () => {
  for (const redeliveries of [1, 3, 5]) {
    const { stage, delivered, closings } = intolerant(redeliveries);
    assert.deepEqual([delivered, closings], [["good"], redeliveries + 1]);
    const diary = stage.heard();
    assert.ok(diary.some(line => line.startsWith("failed bad: the server may refuse message 1 on t")));
    assert.ok(diary.some(line => line.startsWith("error the server may refuse message 1 on t")));
    assert.equal(stage.client.counters.dropped, 1);
  }
});

test("closings with another message in front, timeouts and disconnect() do not count against a message", () => {
  const stage = mqtt({ clean: false, limits: { redeliveries: 1 } });
  stage.client.connect();
  for (let n = 1; n <= 6; n++) send(stage, `${n}`, 1);
  for (let n = 1; n <= 5; n++) {
    stage.accepted(true);
    stage.link.receives(puback(n));
    stage.link.ends();
    stage.clock.jumpToNext();
  }
  stage.accepted(true);
  for (let n = 0; n < 4; n++) {
    while (stage.client.connected) stage.clock.jumpToNext(); // no answer
    retried(stage, true);
  }
  assert.equal(stage.client.counters.dropped, 0);
  assert.equal(stage.client.counters.inflight, 1);
});

test("a message that is given up leaves the store, too", () => {
  const store = memoryStore();
  const stage = mqtt({ clean: false, limits: { redeliveries: 1 } }, 0, store);
  stage.client.connect();
  send(stage, "bad", 2);
  for (let n = 0; n < 2; n++) {
    stage.accepted(true);
    stage.link.ends();
    stage.clock.jumpToNext();
  }
  assert.deepEqual(store.keys(), []);
});

test("disconnect() in the callback of a message that is given up: told in order, and it stays disconnected", () => {
  const stage = mqtt({ clean: false, limits: { redeliveries: 1 } });
  stage.client.connect();
  stage.client.publish("t", utf8("bad"), 1, false, error => {
    if (error) stage.client.disconnect();
  });
  stage.accepted(true).link.ends();
  stage.clock.jumpToNext();
  stage.accepted(true).link.ends();
  const diary = linesOf(stage.heard(), "disconnected");
  assert.deepEqual(diary.slice(1), ["disconnected closed, retry in 2000", "disconnected, for good"]);
  assert.deepEqual([stage.client.stateName, stage.clock.pending], ["idle", []]);
});

test("PUBACK for QoS 2 confirms the message, once, and is reported once", () => {
  const stage = readyMqtt({ clean: false });
  for (const name of ["a", "b", "c"]) send(stage, name, 2);
  stage.link.receives(puback(1), puback(2));
  stage.reconnected(true).quiet();
  stage.link.receives(puback(3));
  assert.deepEqual(stage.heard(), ["done c"]);
  assert.deepEqual([stage.client.counters.inflight, stage.client.connected], [0, true]);
  const reports = stage.errors.filter(error => /answers QoS 2 with PUBACK/.test(error.message));
  assert.equal(reports.length, 1);
});

test("PUBACK arrives while the payload is sent again: the application gets its bytes back when they have left", () => {
  const stage = readyMqtt({ clean: false, limits: { transmitBytes: 200 } });
  const payload = new Uint8Array(3000).fill(1);
  stage.client.publish("t", payload, 1, false, error => {
    payload.fill(2); // the bytes belong to the application again
    stage.done("a")(error);
  });
  stage.packets();
  stage.link.room = 1000;
  for (let ms = 0; ms < 40_000; ms += 1000) {
    stage.clock.advance(1000);
    if (stage.said().includes("PINGREQ")) stage.link.receives(pingresp());
  }
  assert.ok(stage.unfinished > 0, "a part of it is sent again");
  stage.link.receives(puback(1));
  assert.deepEqual(stage.heard(), []);
  stage.link.drains(10_000);
  const [again] = stage.packets();
  assert.deepEqual([again!.cmd, again!.dup, new Set(again!.payload)], ["publish", true, new Set([1])]);
  assert.deepEqual(stage.heard(), ["done a"]);
});

test("a message whose PUBREC was received is not given up when the server closes: the server has it", () => {
  const stage = readyMqtt({ clean: false, limits: { redeliveries: 1 } });
  send(stage, "a", 2);
  stage.link.receives(pubrec(1));
  for (let n = 0; n < 4; n++) {
    stage.quiet();
    stage.link.ends();
    retried(stage, true);
    assert.equal(stage.said().at(-1), "PUBREL #1", `connection ${n}`);
  }
  stage.quiet().link.receives(pubcomp(1));
  assert.deepEqual(stage.heard(), ["done a"]);
});
