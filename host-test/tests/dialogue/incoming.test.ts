// What a server sends: messages at each QoS, however the stream is cut; too large ones; and every way to break MQTT 3.1.1.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionException } from "../../../src/errors.ts";
import { hex, joined } from "../../harness/testing/bytes.ts";
import {
  command,
  connack,
  frame,
  pingresp,
  puback,
  pubcomp,
  publish,
  pubrec,
  pubrel,
  suback,
  unsuback,
} from "../../harness/testing/frames.ts";
import { cut } from "../../harness/testing/transport.ts";
import { device, mqtt, readyDevice, readyMqtt } from "../support/device.ts";
import { noise, waysOf } from "../support/feed-all-ways.ts";
import { filters } from "../support/filters.ts";
import { greeted, retried } from "./steps.ts";

test("QoS 0, 1 and 2 are delivered once and answered in the order they came [MQTT-4.6.0-2] [MQTT-4.6.0-3]", () => {
  const stage = readyMqtt();
  stage.link.receives(
    publish("a", "0"),
    publish("b", "1", { qos: 1, id: 7, retain: true }),
    publish("c", "2", { qos: 2, id: 8 }),
    publish("d", "3", { qos: 1, id: 9, dup: true }),
  );
  assert.deepEqual(stage.heard(), ["message a 0 q0", "message b 1 q1 retain", "message c 2 q2", "message d 3 q1 dup"]);
  assert.deepEqual(stage.said(), ["PUBACK #7", "PUBREC #8", "PUBACK #9"]);
  stage.link.receives(pubrel(8));
  assert.deepEqual(stage.said(), ["PUBCOMP #8"]);
});

test("a QoS 2 message repeated before it is released is delivered once, and recorded again", () => {
  const stage = readyMqtt();
  for (let n = 0; n < 3; n++) stage.link.receives(publish("t", "x", { qos: 2, id: 5, dup: n > 0 }));
  assert.deepEqual(stage.heard(), ["message t x q2"]);
  assert.deepEqual(stage.said(), ["PUBREC #5", "PUBREC #5", "PUBREC #5"]);
});

test("a QoS 1 message repeated is delivered again: at least once", () => {
  const stage = readyMqtt();
  for (const dup of [false, true]) stage.link.receives(publish("t", "x", { qos: 1, id: 5, dup }));
  assert.deepEqual(stage.heard(), ["message t x q1", "message t x q1 dup"]);
});

test("a whole conversation, cut in every way, is the same conversation", () => {
  const bytes = joined([
    suback(1, 1),
    command("a", '{"n":1}', { qos: 1, id: 1 }),
    command("b", '"é鍵"', { qos: 2, id: 2 }),
    pubrel(2),
    pingresp(),
    command("c", "[]"),
  ]);
  for (const { name, chunks } of waysOf(bytes)) {
    const stage = device().connected().quiet();
    for (const chunk of chunks) stage.link.receives(chunk);
    assert.deepEqual(stage.heard(), ['command a json {"n":1}', 'command b json "é鍵"', "command c json []"], name);
    assert.deepEqual(stage.said(), ["PUBACK #1", "PUBREC #2", "PUBCOMP #2"], name);
  }
});

test("a message above frameBytes is dropped, acknowledged by its QoS and reported; the next one arrives", () => {
  for (const qos of [0, 1, 2] as const) {
    for (const chunking of ["whole", "bytes", { seed: qos + 1 }] as const) {
      const stage = readyMqtt({ limits: { frameBytes: 128 } });
      const large = publish("big", noise(300), { qos, id: 5 });
      for (const chunk of cut(joined([large, publish("next", "x")]), chunking)) stage.link.receives(chunk);
      assert.deepEqual(stage.heard(), [`too large big ${large.length}`, "message next x q0"]);
      assert.deepEqual(stage.said(), [[], ["PUBACK #5"], ["PUBREC #5"]][qos]);
      assert.equal(stage.client.counters.oversize, 1);
    }
  }
});

test("a QoS 2 message above frameBytes is reported once, however often it is repeated", () => {
  const stage = readyMqtt({ limits: { frameBytes: 128 } });
  const large = (dup: boolean) => publish("big", noise(300), { qos: 2, id: 5, dup });
  stage.link.receives(large(false), large(true), pubrel(5));
  assert.equal(stage.heard().length, 1);
  assert.deepEqual(stage.said(), ["PUBREC #5", "PUBREC #5", "PUBCOMP #5"]);
});

test("a device is told of a command that was too large, and goes on", () => {
  const stage = readyDevice({ limits: { frameBytes: 200 } });
  stage.link.receives(command("big", "x".repeat(500), { qos: 1, id: 3 }), command("next", "1"));
  assert.deepEqual(stage.heard(), [
    "error Invalid Event: command on iot-2/cmd/big/fmt/json of 529 bytes exceeds limits.frameBytes",
    "command next json 1",
  ]);
  assert.deepEqual(stage.said(), ["PUBACK #3"]);
});

test("commands that come before commandCallback is set are acknowledged, kept, and delivered when it is", () => {
  const stage = device();
  stage.client.commandCallback = undefined;
  stage.connected();
  stage.link.receives(suback(1, 1), command("a", "1", { qos: 1, id: 1 }), command("b", "2", { qos: 2, id: 2 }));
  stage.client.commandCallback = ({ command: name, data }) => stage.note(`late ${name} ${data}`);
  assert.deepEqual(stage.heard(), ["connected", "late a 1", "late b 2"]);
  assert.deepEqual(stage.said().slice(2), ["PUBACK #1", "PUBREC #2"]);
});

test("SUBACK tells the granted QoS of each filter, 128 for a refused one; UNSUBACK is told [MQTT-3.9.3-2]", () => {
  const stage = readyMqtt();
  stage.client.subscribe([...filters(2, "a"), ...filters(1, "b/#")], (_, granted) => stage.note(`granted ${granted}`));
  stage.client.unsubscribe(["b/#"], error => stage.note(`unsubscribed ${error}`));
  stage.link.receives(suback(1, 2, 128), unsuback(2));
  assert.deepEqual(stage.heard(), ["granted 2,128", "unsubscribed undefined"]);
  assert.deepEqual(stage.said(), ["SUBSCRIBE #1 a q2 b/# q1", "UNSUBSCRIBE #2 b/#"]);
  stage.reconnected(false);
  assert.deepEqual(stage.said(), ["CONNECT plain clean", "SUBSCRIBE #3 a q2"]);
});

test("a filter refused when it is subscribed again after a reconnect is reported, and the link goes on", () => {
  const stage = readyMqtt();
  stage.client.subscribe(filters(1, "a", "b", "c"), (_, granted) => stage.note(`granted ${granted}`));
  stage.link.receives(suback(1, 1, 1, 1));
  stage.reconnected(false);
  assert.deepEqual(stage.said().slice(-1), ["SUBSCRIBE #2 a q1 b q1 c q1"]);
  stage.quiet();
  stage.link.receives(suback(2, 128, 1, 128), publish("b", "x"));
  assert.deepEqual(stage.heard(), ["error a was refused", "error c was refused", "message b x q0"]);
  assert.deepEqual(
    stage.errors.slice(-2).map(error => (error as ConnectionException).code),
    ["subscribe", "subscribe"],
  );
  assert.equal(stage.client.connected, true);
});

test("a device hears that its commands are refused, the first time and each time after", () => {
  const stage = device().connected().quiet();
  const refused = "error iot-2/cmd/+/fmt/+ was refused";
  stage.link.receives(suback(1, 128));
  assert.deepEqual(stage.heard(), [refused]);
  stage.reconnected(false).quiet();
  stage.link.receives(suback(2, 128));
  assert.deepEqual([stage.heard(), stage.client.connected], [[refused], true]);
});

test("a refused filter that no callback hears of is reported by its own name, whatever was asked for meanwhile", () => {
  const stage = readyMqtt();
  stage.client.subscribe(filters(1, "a", "b"));
  stage.client.subscribe(filters(2, "a"));
  stage.link.receives(suback(1, 1, 128), suback(2, 2));
  assert.deepEqual(stage.heard(), ["error b was refused"]);
});

test("SUBACK and UNSUBACK nobody waits for mean nothing", () => {
  const stage = readyMqtt();
  stage.link.receives(suback(9, 0), unsuback(10));
  assert.deepEqual([stage.said(), stage.heard()], [[], []]);
});

// What a server may not send after CONNACK, and what the reason says. Each ends the connection [MQTT-4.8.0-1].
const VIOLATIONS: [string, Uint8Array, RegExp][] = [
  ["a second CONNACK", connack(), /unexpected connack/],
  ["CONNECT", frame(0x10, hex("00 04")), /packet type 1 from a server/],
  ["SUBSCRIBE", frame(0x82, hex("00 01")), /packet type 8 from a server/],
  ["PINGREQ", frame(0xc0), /packet type 12 from a server/],
  ["DISCONNECT", frame(0xe0), /packet type 14 from a server/],
  ["AUTH of MQTT 5", frame(0xf0), /packet type 15 from a server/],
  ["reserved flags [MQTT-2.2.2-2]", hex("41 02 00 01"), /Invalid header flag bits, must be 0x0 for puback packet/],
  ["a remaining length of five bytes", hex("30 ff ff ff ff 01"), /remaining length of more than four bytes/],
  ["PUBLISH with QoS 3 [MQTT-3.3.1-4]", hex("36 05 00 01 61 00 01"), /must not have both QoS bits set to 1/],
  [
    "PUBLISH with packet id 0 [MQTT-2.3.1-1]",
    publish("t", "", { qos: 1, id: 0 }),
    /publish without a packet identifier above 0/,
  ],
  ["PUBLISH cut before its id", hex("32 03 00 01 61"), /publish without a packet identifier above 0/],
  ["PUBLISH to a wildcard [MQTT-3.3.2-2]", publish("a/+", "x"), /wildcard or U\+0000/],
  ["PUBLISH to a topic with # above frameBytes", publish("#", noise(9000)), /wildcard or U\+0000/],
  ["PUBLISH to a topic with U+0000 [MQTT-1.5.3-2]", publish("a\0b", "x"), /wildcard or U\+0000/],
  ["PUBLISH to an empty topic [MQTT-4.7.3-1]", publish("", "xy"), /empty topic/],
  ["PUBACK with packet id 0", puback(0), /puback without a packet identifier above 0/],
  ["SUBACK with a reserved code [MQTT-3.9.3-2]", suback(1, 3), /suback/i],
  ["a packet other than PUBLISH above frameBytes", frame(0x90, noise(9000)), /packet type 9 of 9003 bytes, limit 8192/],
];

for (const [name, bytes, reason] of VIOLATIONS) {
  test(`a server that sends ${name}: closed with that reason, nothing behind it read, and tried again`, () => {
    const stage = readyMqtt();
    stage.link.receives(bytes, publish("behind", "x"));
    assert.deepEqual(stage.heard(), ["disconnected protocol, retry in 1000"]);
    assert.match(stage.errors[0]!.message, /^protocol error: /);
    assert.match(stage.errors[0]!.message, reason);
    assert.equal(stage.net.links[0]!.closedByClient, true);
    retried(stage);
    stage.link.receives(publish("t", "again"));
    assert.deepEqual(stage.heard(), ["connected", "message t again q0"]);
  });
}

// The same after something was sent that the answer does not fit.
const OUT_OF_TURN: [string, 0 | 1 | 2, Uint8Array[], RegExp][] = [
  ["PUBREC for a QoS 1 message", 1, [pubrec(1)], /unexpected pubrec for packet identifier 1/],
  ["PUBCOMP for a QoS 1 message", 1, [pubcomp(1)], /unexpected pubcomp for packet identifier 1/],
  ["PUBCOMP before PUBREC", 2, [pubcomp(1)], /unexpected pubcomp for packet identifier 1/],
];

for (const [name, qos, bytes, reason] of OUT_OF_TURN) {
  test(`${name} ends the connection, and the message is sent again`, () => {
    const stage = readyMqtt({ clean: false });
    stage.client.publish("t", noise(1), qos);
    stage.quiet().link.receives(...bytes);
    assert.match(stage.errors[0]!.message, reason);
    retried(stage, true);
    assert.equal(stage.packets()[1]!.dup, true);
  });
}

test("SUBACK for an UNSUBSCRIBE, UNSUBACK for a SUBSCRIBE, SUBACK with too few codes [MQTT-3.8.4-5]", () => {
  const cases: [(stage: ReturnType<typeof readyMqtt>) => void, Uint8Array, RegExp][] = [
    [stage => stage.client.unsubscribe(["a"]), suback(1, 0), /unexpected suback/],
    [stage => stage.client.subscribe(filters(0, "a")), unsuback(1), /unexpected unsuback/],
    [stage => stage.client.subscribe(filters(0, "a", "b")), suback(1, 0), /SUBACK with 1 codes for 2 filters/],
  ];
  for (const [ask, answer, reason] of cases) {
    const stage = readyMqtt();
    ask(stage);
    stage.link.receives(answer);
    assert.match(stage.errors[0]!.message, reason);
  }
});

// Before CONNACK nothing else may come [MQTT-3.2.0-1].
const TOO_EARLY: [string, Uint8Array, RegExp][] = [
  ["PUBLISH", publish("t", "x"), /publish before CONNACK/],
  ["PUBLISH above frameBytes", publish("t", noise(9000), { qos: 1 }), /publish before CONNACK/],
  ["PUBACK", puback(1), /puback before CONNACK/],
  ["SUBACK", suback(1, 0), /suback before CONNACK/],
  ["PINGRESP", pingresp(), /pingresp before CONNACK/],
  ["an empty CONNACK", hex("20 00"), /length 0 in packet type 2/],
  ["CONNACK with reserved flags", hex("20 02 02 00"), /connack flags/i],
];

for (const [name, bytes, reason] of TOO_EARLY) {
  test(`${name} instead of CONNACK ends the attempt; nothing is delivered or acknowledged`, () => {
    const stage = greeted(mqtt());
    stage.link.receives(bytes);
    assert.deepEqual(stage.heard(), ["disconnected protocol, retry in 1000"]);
    assert.match(stage.errors[0]!.message, reason);
    assert.deepEqual(stage.said(), ["CONNECT plain clean"]);
    retried(stage);
    assert.equal(stage.client.connected, true);
  });
}

test("a topic that is not UTF-8 ends the connection [MQTT-1.5.3-1]", () => {
  for (const topic of ["c3 28", "ed a0 80", "c0 af", "ff", "f4 90 80 80", "e9 8d"]) {
    const stage = readyMqtt();
    const bytes = hex(topic);
    stage.link.receives(frame(0x30, Uint8Array.of(0, bytes.length), bytes, noise(3)));
    assert.deepEqual(stage.heard(), ["disconnected protocol, retry in 1000"], topic);
    retried(stage);
    stage.link.receives(publish("é", "fine"));
    assert.deepEqual(stage.heard(), ["connected", "message é fine q0"]);
  }
});

test("U+FEFF at the start of a topic is kept as it is [MQTT-1.5.3-3]", () => {
  const stage = readyMqtt();
  stage.link.receives(publish("\ufefft", "x"));
  assert.deepEqual(stage.heard(), ["message \ufefft x q0"]);
});
