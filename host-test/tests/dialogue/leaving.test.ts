// disconnect(): what is in flight is finished, DISCONNECT is sent, and it ends in bounded time from every state.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReportedError } from "../../../src/errors.ts";
import { connack, puback, pubcomp, publish, pubrec } from "../../harness/testing/frames.ts";
import { mqtt, readyDevice, readyMqtt, type Stage } from "../support/device.ts";
import { noise } from "../support/feed-all-ways.ts";
import type { MqttClient } from "../support/subject.ts";
import { greeted, send } from "./steps.ts";

function leave(stage: Stage<MqttClient>, name = "left"): void {
  stage.client.disconnect(() => stage.note(name));
}

test("with nothing in flight: DISCONNECT, then closed at once, by the client [MQTT-3.14.4-1] [MQTT-3.14.4-2]", () => {
  const stage = readyDevice();
  stage.client.disconnect(() => stage.note("left"));
  assert.deepEqual(stage.said(), ["DISCONNECT"]);
  assert.deepEqual(stage.heard(), ["disconnected, for good", "left"]);
  assert.deepEqual([stage.link.closedByClient, stage.client.connected, stage.clock.pending], [true, false, []]);
});

test("no room for DISCONNECT: closed when it has left, so that the server does not publish the will", () => {
  for (const room of [0, 1]) {
    const stage = readyMqtt();
    stage.link.room = room;
    leave(stage);
    assert.deepEqual([stage.said(), stage.link.closedByClient], [[], false], `room ${room}`);
    stage.link.drains(100);
    assert.deepEqual(stage.said(), ["DISCONNECT"]);
    assert.deepEqual(stage.heard(), ["disconnected, for good", "left"]);
  }
});

test("what was accepted is sent and confirmed first, the outbox too, at every QoS", () => {
  const stage = readyMqtt({ limits: { inflight: 1 } });
  send(stage, "a", 1);
  send(stage, "b", 2);
  send(stage, "c", 0);
  leave(stage);
  assert.deepEqual([stage.said(), stage.client.connected], [["PUBLISH #1 q1 t a"], false]);
  stage.link.receives(puback(1));
  assert.deepEqual(stage.said(), ["PUBLISH #2 q2 t b", "PUBLISH q0 t c"]);
  stage.link.receives(pubrec(2));
  assert.deepEqual(stage.said(), ["PUBREL #2"]);
  stage.link.receives(pubcomp(2));
  assert.deepEqual(stage.said(), ["DISCONNECT"]);
  assert.deepEqual(stage.heard(), ["done a", "done c", "done b", "disconnected, for good", "left"]);
});

test("confirmations that do not come are waited for 5 s; a clean session drops what is left, and tells so", () => {
  const stage = readyMqtt();
  send(stage, "a", 1);
  leave(stage);
  stage.clock.advance(4_999);
  assert.deepEqual(stage.heard(), []);
  stage.clock.advance(1);
  assert.deepEqual(stage.said(), ["PUBLISH #1 q1 t a", "DISCONNECT"]);
  assert.deepEqual(stage.heard(), ["failed a: dropped by disconnect()", "disconnected, for good", "left"]);
});

test("a durable session keeps what is left, and sends it after the next connect()", () => {
  const stage = readyMqtt({ clean: false });
  send(stage, "a", 1);
  leave(stage);
  stage.clock.advance(5_000);
  assert.deepEqual(stage.heard(), ["disconnected, for good", "left"]);
  stage.quiet().connected(true);
  assert.deepEqual(stage.said(), ["CONNECT plain durable", "PUBLISH #1 q1 dup t a"]);
});

test("the rest of a large payload leaves before DISCONNECT", () => {
  const stage = readyMqtt();
  stage.link.room = 1000;
  stage.client.publish("t", noise(5000), 0, false, stage.done("big"));
  leave(stage);
  assert.deepEqual(stage.heard(), []);
  stage.link.drains();
  assert.deepEqual(
    stage.packets().map(packet => packet.cmd),
    ["publish", "disconnect"],
  );
  assert.deepEqual(stage.heard(), ["done big", "disconnected, for good", "left"]);
});

test("twice: both are told, DISCONNECT is sent once, the 5 s do not begin again", () => {
  const stage = readyMqtt();
  send(stage, "a", 1);
  leave(stage, "first");
  stage.clock.advance(3_000);
  leave(stage, "second");
  assert.deepEqual(stage.clock.pending, [2_000]);
  stage.clock.advance(2_000);
  assert.deepEqual(stage.said().filter(line => line === "DISCONNECT").length, 1);
  assert.deepEqual(stage.heard().slice(-2), ["first", "second"]);
  leave(stage, "third");
  assert.deepEqual(stage.heard(), ["third"]);
});

test("messages that come while leaving are delivered and acknowledged", () => {
  const stage = readyMqtt();
  send(stage, "a", 1);
  leave(stage);
  stage.link.receives(publish("t", "late", { qos: 1, id: 4 }), puback(1));
  assert.deepEqual(stage.said(), ["PUBLISH #1 q1 t a", "PUBACK #4", "DISCONNECT"]);
});

test("from inside messageCallback: the message is acknowledged, then DISCONNECT; the rest of the chunk is not lost", () => {
  const stage = readyMqtt();
  const note = stage.client.messageCallback!;
  stage.client.messageCallback = message => {
    note(message);
    leave(stage);
  };
  stage.link.receives(publish("t", "1", { qos: 1, id: 1 }), publish("t", "2", { qos: 2, id: 2 }));
  assert.deepEqual(stage.said(), ["PUBACK #1", "PUBREC #2", "DISCONNECT"]);
  assert.deepEqual(stage.heard(), ["message t 1 q1", "message t 2 q2", "disconnected, for good", "left", "left"]);
});

test("a link lost while leaving ends it: no new attempt", () => {
  const stage = readyMqtt();
  send(stage, "a", 1);
  leave(stage);
  stage.link.ends("ECONNRESET");
  assert.deepEqual(stage.heard(), ["failed a: dropped by disconnect()", "disconnected, for good", "left"]);
  assert.deepEqual([stage.clock.pending, stage.net.links.length], [[], 1]);
});

test("publish after disconnect() is false, before and after DISCONNECT; the reason is told once", () => {
  const stage = readyMqtt();
  send(stage, "a", 1);
  leave(stage);
  assert.equal(send(stage, "b", 0), false);
  assert.deepEqual(stage.heard(), ["error message not accepted: call connect() again"]);
  assert.deepEqual(
    [stage.errors[0]!.name, (stage.errors[0] as ReportedError).code],
    ["ConnectionException", "not-connected"],
  );
  stage.clock.advance(5_000);
  assert.equal(send(stage, "c", 0), false);
  assert.deepEqual(stage.heard(), ["failed a: dropped by disconnect()", "disconnected, for good", "left"]);
  assert.equal(stage.said().pop(), "DISCONNECT");
});

test("connect() while leaving takes disconnect() back, and calls its done", () => {
  const stage = readyMqtt();
  send(stage, "a", 1);
  leave(stage);
  stage.client.connect();
  assert.deepEqual([stage.client.connected, stage.clock.pending], [true, [15_000]]);
  stage.link.receives(puback(1));
  send(stage, "b", 0);
  assert.deepEqual(stage.said(), ["PUBLISH #1 q1 t a", "PUBLISH q0 t b"]);
  assert.deepEqual(stage.heard(), ["left", "done a", "done b"]);
});

test("connect() takes back a disconnect() that waits for CONNACK, and calls its done once", () => {
  const stage = mqtt();
  stage.client.connect();
  send(stage, "a", 1);
  leave(stage);
  assert.deepEqual(stage.heard(), []);
  stage.client.connect();
  assert.deepEqual([stage.heard(), stage.client.active], [["left"], true]);
  stage.accepted();
  assert.deepEqual(stage.heard(), ["connected"]);
  stage.client.disconnect();
  stage.link.receives(puback(1));
  assert.deepEqual(stage.heard(), ["done a", "disconnected, for good"]);
});

// How to get there; what the far end hears of disconnect(), or undefined where there is no link.
const STATES: Record<string, [(stage: Stage<MqttClient>) => void, string[] | undefined]> = {
  idle: [() => {}, undefined],
  opening: [stage => stage.client.connect(), []],
  // The server has CONNECT, and would publish the will if the stream just ended.
  "awaiting-connack": [greeted, ["CONNECT plain clean", "DISCONNECT"]],
  connected: [stage => void stage.connected().quiet(), ["DISCONNECT"]],
  "reconnect-wait": [
    stage => {
      stage.client.connect();
      stage.link.ends();
      stage.quiet();
    },
    [],
  ],
};

for (const [state, [reach, said]] of Object.entries(STATES)) {
  test(`from ${state}: told once, no timer and no link stays, and connect() works again`, () => {
    const stage = mqtt();
    reach(stage);
    assert.equal(stage.client.stateName, state);
    leave(stage);
    assert.deepEqual(stage.heard(), state === "idle" ? ["left"] : ["disconnected, for good", "left"]);
    assert.deepEqual([stage.client.stateName, stage.client.active, stage.clock.pending], ["idle", false, []]);
    if (said) {
      assert.deepEqual(stage.said(), said);
      assert.equal(stage.link.alive, false);
    }
    stage.client.connect();
    if (state === "reconnect-wait") assert.equal(stage.clock.jumpToNext(), 1000);
    stage.accepted();
    assert.equal(stage.client.connected, true);
  });
}

// As the documented samples have it: connect, publish, disconnect, in one go.
function hasty(): Stage<MqttClient> {
  const stage = mqtt();
  stage.client.connect();
  send(stage, "a", 0);
  send(stage, "b", 1);
  leave(stage);
  return stage;
}

/** What hasty() sent is dropped and told so, and nothing goes on. */
function droppedBoth(stage: Stage<MqttClient>): void {
  const told = ["failed a: dropped by disconnect()", "failed b: dropped by disconnect()"];
  assert.deepEqual(stage.heard(), [...told, "disconnected, for good", "left"]);
  assert.deepEqual([stage.client.stateName, stage.clock.pending], ["idle", []]);
}

test("called before CONNACK with something to send: it is sent, then DISCONNECT", () => {
  const stage = hasty();
  assert.deepEqual([stage.heard(), stage.client.active], [[], false]);
  stage.accepted();
  assert.deepEqual(stage.said(), ["CONNECT plain clean", "PUBLISH q0 t a", "PUBLISH #1 q1 t b"]);
  stage.link.receives(puback(1));
  assert.deepEqual(stage.said(), ["DISCONNECT"]);
  assert.deepEqual(stage.heard(), ["done a", "connected", "done b", "disconnected, for good", "left"]);
});

for (const [what, reach, farewell] of [
  ["opened", () => {}, []],
  // The server may have accepted, and would publish the will.
  ["answered with CONNACK", (stage: Stage<MqttClient>) => stage.link.opens(), ["CONNECT plain clean", "DISCONNECT"]],
] as const) {
  test(`called before CONNACK: a connection that is not ${what} in 5 s drops what was queued, and tells so`, () => {
    const stage = hasty();
    reach(stage);
    stage.clock.advance(4_999);
    assert.deepEqual(stage.heard(), []);
    stage.clock.advance(1);
    droppedBoth(stage);
    assert.deepEqual(stage.said(), farewell);
  });
}

test("called before CONNACK, and the connection cannot be made: dropped at once, no other attempt", () => {
  const stage = hasty();
  stage.link.ends("refused");
  droppedBoth(stage);
});

test("called before CONNACK, and the server breaks the protocol there, or ends it: closed without DISCONNECT", () => {
  const ends: ((stage: Stage<MqttClient>) => void)[] = [
    stage => stage.link.receives(puback(1)),
    stage => stage.link.receives(connack(3)),
    stage => stage.link.ends("ECONNRESET"),
  ];
  for (const end of ends) {
    const stage = hasty();
    stage.link.opens();
    stage.quiet();
    end(stage);
    assert.deepEqual(stage.said(), []);
    droppedBoth(stage);
    assert.equal(stage.link.alive, false);
  }
});

test("called before CONNACK: nothing more is accepted, unless connect() takes it back", () => {
  const stage = hasty();
  assert.equal(send(stage, "c", 0), false);
  assert.equal((stage.errors[0] as ReportedError).code, "not-connected");
  stage.client.connect();
  assert.equal(send(stage, "c", 0), true);
  stage.accepted();
  stage.link.receives(puback(1));
  assert.equal(stage.client.connected, true);
});

test("a transport that speaks after disconnect() is not listened to", () => {
  const stage = readyMqtt();
  leave(stage);
  stage.quiet();
  stage.link.receives(connack());
  stage.link.drains();
  stage.link.ends("late");
  assert.deepEqual([stage.heard(), stage.clock.pending], [[], []]);
});

test("what is published after connect(), from the last callback before the end, is not dropped with the rest", () => {
  const stage = readyMqtt();
  stage.link.room = 100;
  stage.client.publish("t", noise(3000), 0, false, () => {
    stage.client.connect();
    send(stage, "new", 1);
  });
  send(stage, "old", 1);
  leave(stage);
  stage.link.room = 100_000; // not told yet: what leaves now, leaves as the connection ends
  stage.link.receives(connack());
  assert.deepEqual(stage.heard(), ["failed old: dropped by disconnect()", "disconnected, for good", "left"]);
  stage.clock.jumpToNext();
  assert.deepEqual(stage.accepted().said().slice(1), ["PUBLISH #1 q1 t new"]);
});

/** A connected client that was told to disconnect while its transport still sends the last bytes. */
function lingering(): Stage<MqttClient> {
  const stage = readyMqtt();
  stage.link.lingers = true;
  leave(stage);
  return stage;
}

test("done comes when the transport has sent the last bytes and is closed, after disconnectedCallback", () => {
  const stage = lingering();
  assert.deepEqual(stage.heard(), ["disconnected, for good"]);
  stage.clock.advance(4_999);
  assert.deepEqual(stage.heard(), []);
  stage.link.goes();
  assert.deepEqual([stage.heard(), stage.clock.pending], [["left"], []]);
});

test("done comes after 5 s if the transport never says that it is closed, and only once", () => {
  const stage = lingering();
  stage.clock.advance(5_000);
  assert.deepEqual(stage.heard(), ["disconnected, for good", "left"]);
  stage.link.goes();
  assert.deepEqual([stage.heard(), stage.clock.pending], [[], []]);
});

test("disconnect() again while the transport is closing: both callbacks wait for it", () => {
  const stage = lingering();
  leave(stage, "second");
  stage.client.disconnect();
  assert.deepEqual(stage.heard(), ["disconnected, for good"]);
  stage.link.goes();
  assert.deepEqual(stage.heard(), ["left", "second"]);
});

test("disconnect(done) from inside disconnectedCallback waits for the transport, too", () => {
  const stage = readyMqtt();
  stage.link.lingers = true;
  stage.client.disconnectedCallback = () => leave(stage, "inner");
  leave(stage);
  assert.deepEqual(stage.heard(), []);
  stage.link.goes();
  assert.deepEqual(stage.heard(), ["left", "inner"]);
});

test("connect() while the transport closes: done is called, and that transport says nothing of the next disconnect()", () => {
  const stage = lingering();
  const [old] = stage.net.links;
  stage.connected();
  assert.deepEqual(stage.heard(), ["disconnected, for good", "left", "connected"]);
  stage.link.lingers = true;
  leave(stage, "second");
  old!.goes();
  assert.deepEqual(stage.heard(), ["disconnected, for good"], "the second transport is still closing");
  stage.link.goes();
  assert.deepEqual([stage.heard(), stage.clock.pending], [["second"], []]);
});

test("done may call connect() or disconnect() while connect() runs: one transport, nothing told twice", () => {
  for (const act of ["connect", "disconnect"] as const) {
    const stage = readyMqtt();
    stage.link.lingers = true;
    stage.client.disconnect(() => {
      stage.note("left");
      stage.client[act](() => stage.note("inner"));
    });
    stage.client.connect();
    const told = ["disconnected, for good", "left", ...(act === "disconnect" ? ["inner"] : [])];
    assert.deepEqual([stage.heard(), stage.net.links.length, stage.client.stateName], [told, 2, "opening"]);
    stage.net.links[0]!.goes();
    stage.accepted();
    assert.deepEqual(stage.heard(), ["connected"]);
  }
});

test("connect() and disconnect(done) from inside disconnectedCallback: each done once, when a transport is closed", () => {
  const stage = readyMqtt();
  stage.link.lingers = true;
  let calls = 0;
  stage.client.disconnectedCallback = () => {
    if (++calls > 1) return;
    stage.client.connect();
    stage.link.lingers = true;
    leave(stage, "second");
  };
  leave(stage);
  stage.net.links[0]!.goes();
  assert.equal(stage.heard().includes("second"), false);
  stage.link.goes();
  assert.deepEqual([stage.heard(), stage.clock.pending], [["left", "second"], []]);
});
