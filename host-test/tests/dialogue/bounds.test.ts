// Windows, ceilings, jams: nothing grows beyond what the caller allowed, and acknowledgements always get through.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Limits } from "../../../src/mqtt/options.ts";
import { memoryStore } from "../../../targets/node/memory-store.ts";
import { utf8 } from "../../harness/testing/bytes.ts";
import { command, pingresp, puback, publish, pubrel, suback } from "../../harness/testing/frames.ts";
import { device, mqtt, readyDevice, readyMqtt, type Stage } from "../support/device.ts";
import { noise } from "../support/feed-all-ways.ts";
import { filters } from "../support/filters.ts";
import type { DeviceClient, MqttClient } from "../support/subject.ts";
import { BYTE, linesOf, send } from "./steps.ts";

test("ten messages in flight, the eleventh leaves with the first confirmation (docs/protocol.md 2.2)", () => {
  const stage = readyDevice();
  for (let n = 1; n <= 15; n++) stage.client.publishEvent("e", "json", n, 1);
  const payloads = () => stage.packets().map(packet => String(packet.payload));
  assert.deepEqual(payloads(), ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
  assert.deepEqual([stage.client.counters.inflight, stage.client.counters.queued], [10, 5]);
  stage.link.receives(puback(5));
  assert.deepEqual(payloads(), ["11"]);
});

test("events right after connect() wait, a hundred of them; the next is refused, nothing of it kept, onPublish silent", () => {
  const stage = device();
  stage.client.connect();
  for (let n = 0; n < 100; n++) assert.equal(stage.client.publishEvent("e", "json", n), true, `${n}`);
  assert.equal(stage.client.publishEvent("e", "json", 100, 0, stage.done("too many")), false);
  assert.equal(stage.client.counters.queued, 100);
  stage.accepted();
  stage.link.receives(suback(1, 1));
  const sent = stage.packets().filter(packet => packet.cmd === "publish");
  const payloads = sent.map(packet => Number(packet.payload));
  assert.deepEqual(payloads, [...Array(100).keys()]);
  assert.deepEqual(stage.heard(), [
    "error message not accepted: outbox full, or store full or unreadable",
    "connected",
  ]);
});

test("queuedBytes is filled to the last byte", () => {
  const stage = mqtt({ limits: { queuedBytes: 1000 } });
  stage.client.connect();
  // A message takes its topic, its payload, and 6 bytes at QoS 0, 8 at QoS 1 and 2.
  assert.equal(stage.client.publish("t", new Uint8Array(493)), true);
  for (const [payload, qos] of [
    [494, 0],
    [492, 1],
    [492, 2],
  ] as const) {
    assert.equal(stage.client.publish("t", new Uint8Array(payload), qos), false);
  }
  assert.equal(stage.client.publish("t", new Uint8Array(491), 1), true);
  assert.equal(stage.client.publish("t", new Uint8Array(0)), false);
});

test("an outbox of 0 refuses what cannot leave at once, and takes what can", () => {
  const stage = mqtt({ limits: { queuedMessages: 0 } });
  stage.client.connect();
  assert.equal(stage.client.publish("t", BYTE), false);
  stage.accepted();
  assert.equal(stage.client.publish("t", BYTE), true);
  stage.link.room = 0;
  let taken = 0;
  while (stage.client.publish("t", BYTE)) taken++;
  assert.ok(taken < 1024 / 6, "no more than the transmit buffer holds");
});

test("commands are acknowledged while events are jammed, and everything leaves in order when there is room", () => {
  const stage = readyDevice({ limits: { transmitBytes: 256 } });
  stage.link.room = 0;
  let accepted = 0;
  while (stage.client.publishEvent("e", "json", accepted, 0)) accepted++;
  assert.ok(accepted >= 100);
  for (let id = 1; id <= 16; id++) stage.link.receives(command("c", "1", { qos: 1, id }));
  stage.link.drains(256);
  const first = stage.said();
  assert.equal(first.filter(line => line.startsWith("PUBACK")).length, 16);
  stage.link.drains();
  const events = linesOf([...first, ...stage.said()], "PUBLISH").map(line => Number(line.split(" ").pop()));
  assert.deepEqual(events, [...Array(accepted).keys()]);
});

test("PINGREQ gets through a jam of publishes", () => {
  const stage = readyMqtt({ limits: { transmitBytes: 128 } });
  stage.clock.advance(30_000);
  stage.link.room = 0;
  while (stage.client.publish("t", BYTE)) {}
  stage.clock.advance(29_000);
  stage.link.drains(130);
  stage.clock.advance(1_000);
  stage.link.drains(130);
  stage.clock.advance(30_000);
  stage.link.drains();
  assert.ok(stage.said().includes("PINGREQ"));
});

test("a payload far larger than the transmit buffer leaves through any room, acknowledgements right behind it", () => {
  for (const room of [1, 37, 500]) {
    const stage = readyMqtt({ limits: { transmitBytes: 128 } });
    const payload = noise(20_000);
    stage.link.room = room;
    assert.equal(stage.client.publish("t", payload, 0, false, stage.done("big")), true);
    assert.equal(stage.client.publish("t", BYTE, 0, false, stage.done("small")), true);
    stage.link.receives(publish("x", "in", { qos: 1, id: 3 }));
    while (stage.heard().every(line => line !== "done small")) stage.link.drains(room);
    stage.link.drains();
    const packets = stage.packets();
    assert.deepEqual(
      packets.map(packet => packet.cmd),
      ["publish", "puback", "publish"],
    );
    assert.ok(packets[0]!.payload!.equals(payload));
  }
});

test("all acknowledgements one chunk calls for leave as one write", () => {
  const stage = readyMqtt();
  const before = stage.link.writes.length;
  stage.link.receives(...[1, 2, 3, 4, 5].map(id => publish("t", "x", { qos: 1, id })), pubrel(9));
  assert.equal(stage.link.writes.length - before, 1);
  assert.deepEqual(stage.said(), ["PUBACK #1", "PUBACK #2", "PUBACK #3", "PUBACK #4", "PUBACK #5", "PUBCOMP #9"]);
});

test("any number of QoS 2 messages may be unreleased: each is delivered once, also when every PUBCOMP is lost", () => {
  const stage = readyMqtt({ clean: false });
  const ids = Array.from({ length: 3000 }, (_, n) => ((n + 64_000) % 65_535) + 1);
  const texts: string[] = [];
  stage.client.messageCallback = ({ payload }) => texts.push(Buffer.from(payload).toString());
  stage.link.receives(...ids.map(id => publish("t", `${id}`, { qos: 2, id })));
  for (const half of [ids.slice(0, 1500), []]) {
    stage.link.receives(...half.map(id => pubrel(id)));
    stage.reconnected(true);
    // What the server does not know to be released comes again.
    stage.link.receives(...ids.slice(1500).map(id => publish("t", `${id}`, { qos: 2, id, dup: true })));
  }
  assert.deepEqual(texts, ids.map(String));
  stage.link.receives(...ids.map(id => pubrel(id)));
  stage.link.receives(publish("t", "new", { qos: 2, id: ids[0]! }));
  assert.deepEqual([texts.length, texts[3000], stage.client.connected], [3001, "new", true]);
});

test("a server that drops messages it never released does not fill the list of ids for ever", () => {
  const stage = readyMqtt({ clean: false });
  for (let id = 1; id <= 1000; id++) {
    stage.link.receives(publish("t", `${id}`, { qos: 2, id }));
    if (id % 50 === 0) stage.reconnected(true); // and none of them is sent again
  }
  const heard = stage.heard();
  assert.equal(linesOf(heard, "message").length, 1000);
  assert.deepEqual(linesOf(heard, "disconnected protocol"), []);
});

test("a SUBSCRIBE that finds no room waits, and no message overtakes it from the outbox", () => {
  const stage = readyMqtt({ limits: { transmitBytes: 128 } });
  stage.link.room = 0;
  while (stage.client.publish("t", noise(20), 1)) if (stage.client.counters.queued > 2) break;
  stage.client.subscribe([{ topic: "f".repeat(100), qos: 0 }]);
  stage.link.drains();
  const said = stage.said().map(line => line.split(" ")[0]);
  assert.equal(said.filter(word => word === "SUBSCRIBE").length, 1);
  assert.equal(said.lastIndexOf("PUBLISH"), said.length - 1, "the outbox comes after it");
});

const FULL = { queuedMessages: 3, queuedBytes: 100, dropOldest: true };

/** One message of each name, before there is a connection. A name ends with its QoS. */
function waiting(limits: Limits, ...names: string[]): { stage: Stage<MqttClient>; taken: boolean[] } {
  const stage = mqtt({ limits });
  stage.client.connect();
  return { stage, taken: names.map(name => send(stage, name, Number(name.slice(-1)) as 0 | 1 | 2)) };
}

test("dropOldest: the oldest QoS 0 makes room and is told, QoS 1 and 2 never go, and the order stays", () => {
  const { stage, taken } = waiting(FULL, "a1", "b0", "c0", "d2", "e0", "f1", "g1", "h0");
  assert.deepEqual(taken, [true, true, true, true, true, true, false, false]);
  assert.deepEqual(stage.heard(), [
    ...["b0", "c0", "e0"].map(name => `failed ${name}: dropped: the outbox was full`),
    "error message not accepted: outbox full, or store full or unreadable",
  ]);
  assert.deepEqual([stage.client.counters.queued, stage.client.counters.dropped], [3, 3]);
  stage.accepted();
  assert.deepEqual(stage.said().slice(1), ["PUBLISH #1 q1 t a1", "PUBLISH #2 q2 t d2", "PUBLISH #3 q1 t f1"]);
});

test("dropOldest: as many go as the bytes need; none when that would not be enough, nor without need", () => {
  const named = (length: number, qos: 0 | 1) => `${qos}`.padStart(length, "x");
  const names = [named(20, 0), named(21, 0), named(22, 1)];
  const enough = waiting(FULL, ...names, named(60, 1));
  assert.deepEqual(enough.taken, [true, true, true, true]);
  assert.equal(enough.stage.client.counters.dropped, 2);
  const never = waiting(FULL, ...names, named(61, 1));
  assert.deepEqual(never.taken, [true, true, true, false]);
  assert.deepEqual([never.stage.client.counters.dropped, never.stage.client.counters.queued], [0, 3]);
  const refusing = waiting({ ...FULL, dropOldest: false }, ...names, named(60, 1));
  assert.deepEqual(refusing.taken, [true, true, true, false]);
});

test("dropOldest: the last of the outbox goes, and the next message still arrives", () => {
  const { stage } = waiting(FULL, "a1", "b1", "c0", "d1");
  stage.quiet().accepted();
  assert.deepEqual(stage.said().slice(1), ["PUBLISH #1 q1 t a1", "PUBLISH #2 q1 t b1", "PUBLISH #3 q1 t d1"]);
});

test("dropOldest: what a dropped message's callback publishes is refused, not the cause of another drop", () => {
  const stage = mqtt({ limits: FULL });
  stage.client.connect();
  const again: boolean[] = [];
  const publish = (): boolean =>
    stage.client.publish("t", utf8("x"), 0, false, error => {
      if (error) again.push(publish());
    });
  for (let n = 0; n < 5; n++) assert.equal(publish(), true);
  assert.deepEqual([again, stage.client.counters.dropped], [[false, false], 2]);
});

test("dropOldest: nor when a smaller one, published before it from such a callback, was taken", () => {
  const stage = mqtt({ limits: { queuedMessages: 9, queuedBytes: 100, dropOldest: true } });
  stage.client.connect();
  const again: boolean[] = [];
  const retried = (name: string, size: number) =>
    stage.client.publish("t", new Uint8Array(size), 0, false, error => {
      if (error) again.push(stage.client.publish("t", utf8(name)), stage.client.publish("t", new Uint8Array(60)));
    });
  for (const name of ["a", "b"]) retried(name, 40);
  assert.equal(stage.client.publish("t", new Uint8Array(77), 0, false, stage.done("large")), true);
  assert.deepEqual(again, [true, false, true, false]);
  // Told twice: between the two refusals a message was accepted.
  const full = "error message not accepted: outbox full, or store full or unreadable";
  assert.deepEqual(stage.heard(), [full, full]);
});

test("with as many requests as are remembered, a filter can still be subscribed anew, and given up", () => {
  const stage = readyMqtt({ limits: { subscriptions: 2 } });
  const { client } = stage;
  for (const topic of ["a", "b"]) assert.equal(client.subscribe(filters(0, topic)), true);
  assert.equal(client.subscribe(filters(0, "c")), false);
  assert.equal(client.unsubscribe(["c"]), false);
  assert.equal(client.subscribe(filters(1, "a")), true);
  assert.equal(client.unsubscribe(["b"]), true);
  assert.equal(client.subscribe(filters(0, "c")), false, "until UNSUBACK");
  assert.deepEqual(
    stage.said().map(line => line.split(" ")[0]),
    ["SUBSCRIBE", "SUBSCRIBE", "SUBSCRIBE", "UNSUBSCRIBE"],
  );
});

test("drainCallback: once when there is room again after a refusal, in both clients, and not without a refusal", () => {
  for (const make of [mqtt, device]) {
    const stage = make({ limits: { queuedMessages: 2 } }) as Stage<MqttClient | DeviceClient>;
    const { client } = stage;
    const publish = () => ("publish" in client ? client.publish("t", BYTE, 1) : client.publishEvent("e", "json", 1, 1));
    client.drainCallback = () => stage.note("drain");
    client.connect();
    assert.deepEqual([publish(), publish()], [true, true]);
    stage.accepted();
    stage.link.receives(suback(1, 1));
    assert.equal(stage.heard().includes("drain"), false, "nothing was refused");
    while (publish()) {}
    publish();
    assert.equal(stage.heard().includes("drain"), false, "there is no room yet");
    const ids = stage.packets().flatMap(one => (one.cmd === "publish" ? [one.messageId!] : []));
    for (const id of ids.slice(0, 4)) stage.link.receives(puback(id));
    assert.deepEqual(linesOf(stage.heard(), "drain"), ["drain"]);
  }
});

test("drainCallback without an outbox: when a message could be sent at once", () => {
  const stage = readyMqtt({ limits: { queuedMessages: 0, inflight: 2 } });
  stage.client.drainCallback = () => stage.note("drain");
  while (stage.client.publish("t", BYTE, 1)) {}
  const [first] = stage.packets();
  stage.link.receives(puback(first!.messageId!));
  assert.equal(stage.heard().includes("drain"), true);
  assert.equal(stage.client.publish("t", BYTE, 1), true);
});

test("a program that publishes from callbacks goes on after its first life left the store and the outbox full", () => {
  const store = memoryStore();
  const options = { clean: false, limits: { queuedMessages: 3, inflight: 2 } };
  const first = mqtt(options, 0, store);
  first.client.connect();
  while (first.client.publish("t", BYTE, 1)) {}
  const second = mqtt(options, 0, store);
  let published = 0;
  const publish = () => {
    if (published < 50 && second.client.publish("t", BYTE, 1, false, publish)) published++;
  };
  second.client.connectedCallback = publish;
  second.client.drainCallback = publish;
  second.client.connect();
  second.accepted(true);
  for (let n = 0; n < 200; n++) {
    for (const { cmd, messageId } of second.packets()) if (cmd === "publish") second.link.receives(puback(messageId!));
  }
  assert.deepEqual([published, second.client.counters.inflight, store.keys()], [50, 0, []]);
});

test("drainCallback is not called after disconnect(), and may publish, fill the outbox and disconnect", () => {
  const stage = mqtt({ limits: { queuedMessages: 1, inflight: 1 } });
  const { client } = stage;
  let drains = 0;
  client.drainCallback = () => {
    drains++;
    while (client.publish("t", BYTE, 1)) {}
    if (drains === 3) client.disconnect();
  };
  stage.connected();
  while (client.publish("t", BYTE, 1)) {}
  for (let n = 0; n < 10; n++) {
    for (const { cmd, messageId } of stage.packets()) if (cmd === "publish") stage.link.receives(puback(messageId!));
  }
  assert.deepEqual([drains, client.stateName], [3, "idle"]);
});

test("a full store and an errorCallback that publishes: the nesting is bounded", () => {
  const store = memoryStore();
  store.set = () => {
    throw new Error("full");
  };
  const stage = mqtt({ clean: false }, 0, store);
  let depth = 0;
  let deepest = 0;
  stage.client.errorCallback = () => {
    deepest = Math.max(deepest, ++depth);
    stage.client.publish("t", BYTE, 1);
    depth--;
  };
  stage.client.connect();
  assert.equal(stage.client.publish("t", BYTE, 1), false);
  assert.ok(deepest >= 1 && deepest <= 2, `${deepest} deep`);
});

test("drainCallback waits until there is room, also while one large message is in flight", () => {
  const stage = readyMqtt({ limits: { queuedBytes: 1000 } });
  let drained = 0;
  stage.client.drainCallback = () => drained++;
  assert.equal(stage.client.publish("t", new Uint8Array(2000), 1), true);
  assert.equal(stage.client.publish("t", new Uint8Array(100), 1), false);
  stage.link.receives(pingresp());
  assert.equal(drained, 0);
  stage.link.receives(puback(1));
  assert.equal(drained, 1);
});
