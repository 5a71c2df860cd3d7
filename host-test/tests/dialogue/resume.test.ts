// What is sent again, and how, when a packet was lost with its connection: QoS 1 and 2, on a session the server kept and
// on one it lost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "../../harness/testing/bytes.ts";
import { connack, puback, pubcomp, publish, pubrec, pubrel, suback } from "../../harness/testing/frames.ts";
import { mqtt, readyMqtt, type Stage } from "../support/device.ts";
import { noise } from "../support/feed-all-ways.ts";
import { filters } from "../support/filters.ts";
import type { MqttClient } from "../support/subject.ts";
import { linesOf, retried, send } from "./steps.ts";

const CONNECT = "CONNECT plain durable";

function durable(): Stage<MqttClient> {
  return readyMqtt({ clean: false });
}

test("PUBLISH or PUBACK lost, session present: sent again with DUP and its id [MQTT-4.4.0-1] [MQTT-3.3.1-1]", () => {
  const stage = durable();
  send(stage, "a", 1);
  stage.quiet().reconnected(true);
  assert.deepEqual(stage.said(), [CONNECT, "PUBLISH #1 q1 dup t a"]);
  stage.link.receives(puback(1));
  assert.deepEqual(stage.heard().slice(-1), ["done a"]);
  assert.equal(stage.client.counters.resent, 1);
});

test("PUBLISH or PUBREC lost, session present: PUBLISH again with DUP", () => {
  const stage = durable();
  send(stage, "a", 2);
  stage.quiet().reconnected(true);
  assert.deepEqual(stage.said(), [CONNECT, "PUBLISH #1 q2 dup t a"]);
});

test("PUBREL or PUBCOMP lost, session present: PUBREL again, never PUBLISH [MQTT-4.3.3-1]", () => {
  const stage = durable();
  send(stage, "a", 2);
  stage.link.receives(pubrec(1));
  assert.deepEqual(stage.said(), ["PUBLISH #1 q2 t a", "PUBREL #1"]);
  stage.reconnected(true);
  assert.deepEqual(stage.said(), [CONNECT, "PUBREL #1"]);
  assert.deepEqual(stage.heard().includes("done a"), false);
  stage.link.receives(pubcomp(1));
  assert.deepEqual(stage.heard(), ["done a"]);
});

test("a PUBREL that found no room before the link broke is sent on the next one", () => {
  const stage = durable();
  send(stage, "a", 2);
  stage.link.room = 0;
  stage.link.receives(pubrec(1));
  assert.deepEqual(stage.said(), ["PUBLISH #1 q2 t a"]);
  stage.reconnected(true);
  assert.deepEqual(stage.said(), [CONNECT, "PUBREL #1"]);
});

test("session lost by the server: published anew, without DUP, in the order they were sent", () => {
  const stage = durable();
  send(stage, "a", 1);
  send(stage, "b", 2);
  send(stage, "c", 2);
  stage.link.receives(pubrec(3));
  stage.quiet().reconnected(false);
  assert.deepEqual(stage.said(), [CONNECT, "PUBLISH #1 q1 t a", "PUBLISH #2 q2 t b", "PUBLISH #3 q2 t c"]);
  stage.link.receives(puback(1), pubrec(2), pubrec(3), pubcomp(2), pubcomp(3));
  assert.deepEqual(stage.heard(), ["disconnected closed, retry in 1000", "connected", "done a", "done b", "done c"]);
});

test("a clean session publishes anew on every connection, and nothing is lost", () => {
  const stage = readyMqtt();
  send(stage, "a", 1);
  for (let n = 0; n < 5; n++) {
    stage.quiet().reconnected(false);
    assert.deepEqual(stage.said(), ["CONNECT plain clean", "PUBLISH #1 q1 t a"]);
  }
});

test("messages in flight, then PUBRELs among them, then the outbox: the order they were sent in [MQTT-4.6.0-1]", () => {
  const stage = mqtt({ clean: false, limits: { inflight: 3 } })
    .connected()
    .quiet();
  for (const [n, name] of ["a", "b", "c", "d", "e"].entries()) send(stage, name, n % 2 ? 2 : 1);
  stage.link.receives(pubrec(2));
  stage.quiet().reconnected(true);
  assert.deepEqual(stage.said(), [CONNECT, "PUBLISH #1 q1 dup t a", "PUBREL #2", "PUBLISH #3 q1 dup t c"]);
  stage.link.receives(puback(1));
  assert.deepEqual(stage.said(), ["PUBLISH #4 q2 t d"]);
  stage.link.receives(pubcomp(2), puback(3));
  assert.deepEqual(stage.said(), ["PUBLISH #5 q1 t e"]);
});

test("acknowledgements that come while others still have to be sent again leave no gap and no repetition", () => {
  const stage = durable();
  for (const name of ["a", "b", "c"]) send(stage, name, 1);
  stage.quiet();
  stage.link.ends();
  stage.clock.jumpToNext();
  stage.link.opens();
  stage.link.room = 0;
  stage.link.receives(connack(0, true), puback(1), puback(2));
  stage.link.drains();
  const said = stage.said();
  assert.equal(said.filter(line => line.endsWith(" c")).length, 1);
  stage.link.receives(puback(3));
  assert.equal(stage.client.counters.inflight, 0);
});

test("published while the link is down: sent behind what was in flight", () => {
  const stage = durable();
  send(stage, "a", 1);
  stage.link.ends();
  send(stage, "b", 0);
  send(stage, "c", 1);
  stage.quiet();
  retried(stage, true);
  assert.deepEqual(stage.said(), [CONNECT, "PUBLISH #1 q1 dup t a", "PUBLISH q0 t b", "PUBLISH #2 q1 t c"]);
});

test("a payload cut in the middle is sent whole on the next connection, at each QoS", () => {
  for (const qos of [0, 1, 2] as const) {
    const stage = durable();
    const payload = noise(5000);
    stage.link.room = 2000;
    stage.client.publish("t", payload, qos, false, stage.done("big"));
    stage.quiet().reconnected(true);
    const packet = stage.packets()[1]!;
    assert.equal(packet.cmd, "publish");
    assert.ok(packet.payload!.equals(payload));
    assert.equal(packet.dup, qos > 0);
    assert.deepEqual(stage.heard().includes("done big"), qos === 0);
  }
});

test("incoming QoS 2: delivered once though PUBREC was lost with the connection [MQTT-4.3.3-2]", () => {
  const stage = durable();
  stage.link.receives(publish("t", "once", { qos: 2, id: 5 }));
  stage.reconnected(true);
  stage.link.receives(publish("t", "once", { qos: 2, id: 5, dup: true }));
  assert.deepEqual(stage.said(), [CONNECT, "PUBREC #5"]);
  stage.link.receives(pubrel(5));
  assert.deepEqual(stage.said(), ["PUBCOMP #5"]);
  assert.equal(linesOf(stage.heard(), "message").length, 1);
});

test("incoming QoS 2: PUBCOMP lost with the connection is answered again", () => {
  const stage = durable();
  stage.link.receives(publish("t", "once", { qos: 2, id: 5 }), pubrel(5));
  stage.quiet().reconnected(true);
  stage.link.receives(pubrel(5));
  assert.deepEqual(stage.said(), [CONNECT, "PUBCOMP #5"]);
});

test("incoming QoS 2: after the id was released it may carry another message", () => {
  const stage = durable();
  for (const text of ["one", "two"]) stage.link.receives(publish("t", text, { qos: 2, id: 5 }), pubrel(5));
  assert.deepEqual(stage.heard(), ["message t one q2", "message t two q2"]);
});

test("incoming QoS 2: a session the server lost starts with no ids", () => {
  const stage = durable();
  stage.link.receives(publish("t", "old", { qos: 2, id: 5 }));
  stage.reconnected(false);
  stage.link.receives(publish("t", "new", { qos: 2, id: 5 }));
  assert.deepEqual(linesOf(stage.heard(), "message"), ["message t old q2", "message t new q2"]);
});

test("acknowledgements nobody waits for: PUBACK and PUBCOMP mean nothing, PUBREC and PUBREL are answered", () => {
  const stage = durable();
  stage.link.receives(puback(77), pubcomp(78), pubrec(79), pubrel(80));
  assert.deepEqual(stage.said(), ["PUBREL #79", "PUBCOMP #80"]);
  assert.deepEqual(stage.heard(), []);
});

test("repeated acknowledgements are tolerated, and tell the application once", () => {
  const stage = durable();
  send(stage, "a", 1);
  send(stage, "b", 2);
  stage.link.receives(puback(1), puback(1), pubrec(2), pubrec(2), pubcomp(2), pubcomp(2), pubrec(2));
  assert.deepEqual(stage.heard(), ["done a", "done b"]);
  assert.deepEqual(stage.said().slice(2), ["PUBREL #2", "PUBREL #2", "PUBREL #2"]);
});

test("a large QoS 0 message whose last byte left with a protocol error is not sent again, and is told once", () => {
  const stage = mqtt({ limits: { transmitBytes: 160 } });
  stage.client.connect();
  stage.client.publish("t", new Uint8Array(320), 0, false, stage.done("large"));
  stage.link.opens();
  stage.quiet();
  stage.link.receives(Uint8Array.of(...connack(), 0xf0, 0)); // a packet type that no server sends
  assert.deepEqual(stage.said(), ["PUBLISH q0 t (320 bytes)"]);
  retried(stage);
  assert.deepEqual(stage.said(), ["CONNECT plain clean"]);
  assert.equal(stage.heard().filter(line => line === "done large").length, 1);
});

test("a refusal in between ends no server's session: a QoS 2 message of before is not delivered twice", () => {
  const stage = durable();
  stage.link.receives(publish("t", "once", { qos: 2, id: 9 }));
  stage.link.ends("cut");
  stage.clock.jumpToNext();
  stage.link.opens();
  stage.link.receives(connack(5));
  stage.client.connect();
  stage.clock.jumpToNext();
  stage.quiet().accepted(true).quiet();
  stage.link.receives(publish("t", "once", { qos: 2, id: 9, dup: true }), pubrel(9));
  assert.deepEqual([stage.said(), stage.heard()], [["PUBREC #9", "PUBCOMP #9"], []]);
});

test("filters are remembered as they were given, whatever becomes of the array", () => {
  const stage = durable();
  const given = filters(1, "a");
  stage.client.subscribe(given);
  given[0]!.topic = "b";
  given.push(...filters(0, "c"));
  stage.link.receives(suback(1, 1));
  assert.equal(stage.client.connected, true, "one code for one filter");
  stage.quiet().reconnected(false);
  assert.deepEqual(stage.said(), [CONNECT, "SUBSCRIBE #2 a q1"]);
});

test("the CONNACK that said that the session is new is lost: the next does not say it, and filters are subscribed again", () => {
  const stage = durable();
  stage.client.subscribe(filters(1, "a"));
  stage.link.receives(suback(1, 1));
  stage.quiet().reconnected(true);
  assert.deepEqual(stage.said(), [CONNECT], "with every CONNECT answered, not");
  stage.link.ends("cut");
  stage.clock.jumpToNext();
  stage.link.opens();
  stage.quiet().reconnected(true);
  assert.deepEqual(stage.said(), [CONNECT, "SUBSCRIBE #2 a q1"]);
});

test("session lost, and the connection breaks before all is sent again: nothing of it counts as the new session's", () => {
  const stage = readyMqtt({ clean: false });
  stage.client.publish("t", new Uint8Array(5000), 1);
  stage.client.publish("t", utf8("b"), 2);
  stage.link.receives(pubrec(2));
  stage.link.ends("ECONNRESET");
  stage.clock.jumpToNext();
  stage.link.opens();
  stage.link.room = 500; // a part of the first message
  stage.link.receives(connack(0, false));
  stage.reconnected(true);
  assert.deepEqual(
    stage.said().filter(line => line.includes("#2")),
    ["PUBLISH #2 q2 dup t b"],
  );
});
