// From connect() to CONNACK, and what happens when it does not come: refusals, timeouts, back-off, takeover.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DEVICE, device, mqtt, readyDevice, readyMqtt, TOKEN } from "../support/device.ts";
import { ConfigurationException, type ConnectionException } from "../support/subject.ts";
import { connack, suback } from "../testing/frames.ts";

type Refusal = InstanceType<typeof ConnectionException>;

test("a device connects, subscribes to its commands, and tells that it is connected", () => {
  const stage = device();
  stage.client.connect();
  assert.deepEqual(stage.link.endpoint, { host: "broker.test", port: 1883 });
  assert.equal(stage.link.writes.length, 0);
  stage.link.opens();
  const [connect] = stage.packets();
  const { protocolId, protocolVersion, clientId, clean, keepalive, username } = connect!;
  assert.deepEqual(
    { protocolId, protocolVersion, clientId, clean, keepalive, username, password: String(connect!.password) },
    {
      protocolId: "MQTT",
      protocolVersion: 4,
      clientId: "d:abc123:thermo:t-01",
      clean: true,
      keepalive: 60,
      username: "use-token-auth",
      password: TOKEN,
    },
  );
  assert.equal(stage.client.connected, false);
  stage.link.receives(connack());
  assert.deepEqual([stage.client.connected, stage.heard()], [true, ["connected"]]);
  assert.deepEqual(stage.said(), ["SUBSCRIBE #1 iot-2/cmd/+/fmt/+ q1"]);
});

test("CONNECT is the first packet of every connection, and the only CONNECT of it [MQTT-3.1.0-1] [MQTT-3.1.0-2]", () => {
  const stage = readyMqtt();
  for (let n = 0; n < 3; n++) {
    stage.client.publish("a", new Uint8Array(1), 1);
    stage.reconnected(false);
    const said = stage.said();
    assert.equal(said[0], "CONNECT plain clean");
    assert.equal(said.filter(line => line.startsWith("CONNECT")).length, 1);
  }
});

test("TLS options and the server's name reach the transport as they are", () => {
  const stage = device({ ...DEVICE, tls: true, port: 8883, ca: "CA", "server-name": "name" });
  stage.client.connect();
  assert.deepEqual(stage.link.endpoint, { host: "broker.test", port: 8883, tls: { ca: "CA", serverName: "name" } });
});

test("nothing but CONNECT is sent before CONNACK, whatever was published or subscribed", () => {
  const stage = mqtt();
  stage.client.connect();
  stage.client.publish("a", new Uint8Array(1), 0, false, stage.done("a"));
  stage.client.subscribe([{ topic: "f", qos: 2 }]);
  stage.link.opens();
  assert.deepEqual(stage.said(), ["CONNECT plain clean"]);
  assert.deepEqual(stage.heard(), []);
  stage.link.receives(connack());
  assert.deepEqual(stage.said(), ["SUBSCRIBE #1 f q2", "PUBLISH q0 a \0"]);
  assert.deepEqual(stage.heard(), ["done a", "connected"]);
});

const FOR_GOOD: [number, RegExp][] = [
  [1, /^refused with CONNACK code 1: unacceptable protocol version$/],
  [2, /^refused with CONNACK code 2: identifier rejected$/],
  [4, /^refused with CONNACK code 4: bad user name or password$/],
  [5, /^refused with CONNACK code 5: not authorized$/],
  [6, /^refused with CONNACK code 6: reserved code$/],
  [255, /^refused with CONNACK code 255: reserved code$/],
];

for (const [code, text] of FOR_GOOD) {
  test(`CONNACK ${code} ends the attempts; what was queued is told, and connect() begins anew`, () => {
    const stage = device();
    stage.client.connect();
    stage.client.publishEvent("a", "json", 1, 0, stage.done("a"));
    stage.link.opens();
    stage.link.receives(connack(code));
    const reason = stage.errors.find(error => (error as Refusal).returnCode === code) as Refusal;
    assert.match(reason.message, text);
    assert.equal(reason.code, "refused");
    assert.deepEqual(stage.heard(), [`failed a: ${reason.message}`, "disconnected refused"]);
    assert.deepEqual([stage.clock.pending, stage.link.closedByClient, stage.client.connected], [[], true, false]);
    assert.throws(() => stage.client.publishEvent("a", "json", 1), { code: "not-connected" });
    stage.connected();
    assert.equal(stage.client.connected, true);
  });
}

test("CONNACK 3 is tried again, with back-off, and nothing queued is lost", () => {
  const stage = device();
  stage.client.connect();
  stage.client.publishEvent("a", "json", 1, 0, stage.done("a"));
  stage.link.opens();
  stage.link.receives(connack(3));
  assert.deepEqual(stage.heard(), ["disconnected refused, will retry"]);
  assert.equal((stage.errors[0] as Refusal).returnCode, 3);
  assert.equal(stage.clock.jumpToNext(), 500);
  stage.accepted();
  assert.deepEqual(stage.heard(), ["done a", "connected"]);
});

test("a transport that does not come up in 30 s is given up and tried again", () => {
  const stage = mqtt();
  stage.client.connect();
  assert.equal(stage.clock.jumpToNext(), 30_000);
  assert.deepEqual(stage.heard(), ["disconnected timeout, retry in 500"]);
  assert.match(stage.errors[0]!.message, /^timed out connecting to broker\.test/);
  assert.equal(stage.net.links[0]!.closedByClient, true);
  stage.clock.jumpToNext();
  assert.equal(stage.net.links.length, 2);
});

test("CONNACK that does not come in 30 s: given up and tried again; the time is the caller's to set", () => {
  const stage = mqtt({ timeoutMs: 700 });
  stage.client.connect();
  stage.clock.advance(600);
  stage.link.opens();
  assert.deepEqual(stage.clock.pending, [700]);
  stage.clock.advance(700);
  assert.deepEqual(stage.heard(), ["disconnected timeout, retry in 500"]);
  assert.match(stage.errors[0]!.message, /^timed out waiting for CONNACK from broker\.test/);
});

test("an endpoint nobody listens on is named, with the transport's reason", () => {
  const stage = mqtt();
  stage.client.connect();
  stage.link.ends("ECONNREFUSED");
  assert.deepEqual(stage.heard(), ["disconnected unreachable, retry in 500"]);
  assert.equal(stage.errors[0]!.message, "cannot reach broker.test:1883: ECONNREFUSED");
});

test("a server that closes before CONNACK is named so", () => {
  const stage = mqtt();
  stage.client.connect();
  stage.link.opens();
  stage.link.ends();
  assert.equal(stage.errors[0]!.message, "broker.test:1883 closed the connection before CONNACK");
  assert.deepEqual(stage.heard(), ["disconnected closed, retry in 500"]);
});

test("ports that throw are told like a failed attempt, not thrown by connect()", () => {
  const stage = mqtt();
  stage.net.refuseToOpen = new Error("no TLS here");
  stage.client.connect();
  assert.deepEqual(stage.heard(), ["disconnected unreachable, retry in 500"]);
  assert.equal(stage.errors[0]!.message, "no TLS here");
  stage.net.refuseToOpen = undefined;
  stage.clock.jumpToNext();
  stage.accepted();
  assert.equal(stage.client.connected, true);
});

test("ports that can never reach such an endpoint end it: no other attempt", () => {
  const stage = mqtt();
  stage.net.refuseToOpen = new ConfigurationException("TLS is missing in this firmware");
  stage.client.connect();
  assert.equal(stage.errors[0]!.message, "TLS is missing in this firmware");
  assert.deepEqual([stage.heard(), stage.clock.pending], [["disconnected configuration, for good"], []]);
  assert.equal(stage.client.stateName, "idle");
});

// Delays before the next attempts, while every one fails.
function delays(chance: number, attempts: number): number[] {
  const stage = mqtt();
  stage.net.chance = chance;
  stage.client.connect();
  return Array.from({ length: attempts }, () => {
    stage.link.ends();
    return stage.clock.jumpToNext();
  });
}

test("delays double from 1 s to 120 s, between half and all of it, and never end", () => {
  assert.deepEqual(delays(1 - 2 ** -32, 10), [1000, 2000, 4000, 8000, 16000, 32000, 64000, 120000, 120000, 120000]);
  assert.deepEqual(delays(0, 9), [500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
  assert.equal(delays(0, 200)[199], 60_000);
});

test("after a connection that lasted half a keep-alive, delays begin anew", () => {
  const stage = mqtt();
  stage.client.connect();
  for (let n = 0; n < 5; n++) {
    stage.link.ends();
    stage.clock.jumpToNext();
  }
  stage.accepted();
  stage.clock.advance(30_000);
  stage.quiet().link.ends();
  assert.deepEqual(stage.heard(), ["disconnected closed, retry in 500"]);
});

test("a connection lost before that does not make the next delay shorter", () => {
  const stage = mqtt();
  stage.client.connect();
  for (let n = 0; n < 5; n++) {
    stage.link.ends();
    stage.clock.jumpToNext();
  }
  stage.accepted();
  stage.clock.advance(29_999);
  stage.quiet().link.ends();
  assert.deepEqual(stage.heard(), ["disconnected closed, retry in 16000"]);
});

test("three connections lost soon after CONNACK look like a takeover: named, and at the slowest rate", () => {
  const stage = readyMqtt();
  const reasons: string[] = [];
  for (let n = 0; n < 4; n++) {
    stage.link.ends();
    reasons.push(...stage.heard());
    stage.clock.jumpToNext();
    stage.accepted().quiet();
  }
  assert.deepEqual(reasons, [
    "disconnected closed, retry in 500",
    "disconnected closed, retry in 1000",
    "disconnected takeover, retry in 60000",
    "disconnected takeover, retry in 60000",
  ]);
  const { message } = stage.errors[2]!;
  assert.match(message, /^lost 3 times soon after connecting; another client may be using client id plain/);
});

test("a takeover is recognised after a connection that lasted, too", () => {
  const stage = readyMqtt();
  stage.clock.advance(30_000);
  for (let n = 0; n < 3; n++) stage.reconnected(false);
  stage.quiet().link.ends();
  assert.deepEqual(stage.heard(), ["disconnected takeover, retry in 60000"]);
});

test("a takeover is forgotten after a connection that lasted, and after disconnect()", () => {
  for (const forget of ["last", "disconnect"]) {
    const stage = readyMqtt();
    for (let n = 0; n < 3; n++) stage.reconnected(false);
    if (forget === "last") stage.clock.advance(30_000);
    else {
      stage.client.disconnect();
      stage.connected();
    }
    stage.quiet().link.ends();
    assert.deepEqual(stage.heard(), ["disconnected closed, retry in 500"], forget);
  }
});

test("failed attempts, and a server that breaks the protocol, are no takeover", () => {
  const stage = readyMqtt();
  for (let n = 0; n < 4; n++) {
    stage.link.receives(connack());
    stage.clock.jumpToNext();
    stage.accepted();
  }
  assert.deepEqual([...new Set(stage.errors.map(error => (error as Refusal).code))], ["protocol"]);
});

test("connect() twice opens one transport; while waiting it begins at once", () => {
  const stage = mqtt();
  stage.client.connect();
  stage.client.connect();
  stage.link.opens();
  stage.client.connect();
  stage.link.receives(connack());
  stage.client.connect();
  assert.equal(stage.net.links.length, 1);
  assert.deepEqual(stage.said(), ["CONNECT plain clean"]);
  stage.link.ends();
  stage.client.connect();
  assert.equal(stage.net.links.length, 2);
  assert.deepEqual(stage.clock.pending, [30_000]);
});

test("subscriptions are made again when the server has lost the session, and only then [§9.1 no. 5]", () => {
  const stage = readyDevice({ "clean-session": false });
  stage.reconnected(true);
  assert.deepEqual(stage.said(), ["CONNECT d:abc123:thermo:t-01 durable"]);
  stage.reconnected(false);
  assert.deepEqual(stage.said(), ["CONNECT d:abc123:thermo:t-01 durable", "SUBSCRIBE #2 iot-2/cmd/+/fmt/+ q1"]);
});

test("a SUBSCRIBE that was not answered is sent again though the session is present", () => {
  const stage = device({ "clean-session": false }).connected(false);
  stage.quiet().reconnected(true);
  assert.deepEqual(stage.said(), ["CONNECT d:abc123:thermo:t-01 durable", "SUBSCRIBE #2 iot-2/cmd/+/fmt/+ q1"]);
  stage.link.receives(suback(2, 1));
  assert.equal(stage.client.connected, true);
});

test("a server that says 'session present' to a clean session is not believed [MQTT-3.2.2-1]", () => {
  const stage = readyDevice();
  stage.client.publishEvent("e", "json", 1, 1);
  stage.quiet().reconnected(true);
  assert.deepEqual(stage.said(), [
    "CONNECT d:abc123:thermo:t-01 clean",
    "SUBSCRIBE #3 iot-2/cmd/+/fmt/+ q1",
    "PUBLISH #2 q1 iot-2/evt/e/fmt/json 1",
  ]);
});

test("counters tell reconnects, and what is queued and in flight", () => {
  const stage = readyMqtt({ limits: { inflight: 1 } });
  const payload = new Uint8Array(1);
  for (let n = 0; n < 3; n++) stage.client.publish("a", payload, 1);
  assert.deepEqual(stage.client.counters, { queued: 2, inflight: 1, dropped: 0, resent: 0, reconnects: 0, skipped: 0 });
  stage.reconnected(false).reconnected(false);
  assert.deepEqual(stage.client.counters, { queued: 2, inflight: 1, dropped: 0, resent: 2, reconnects: 2, skipped: 0 });
});
