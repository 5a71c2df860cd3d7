// From connect() to CONNACK, and what happens when it does not come: refusals, timeouts, back-off, takeover.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { MqttOptions } from "../../../src/mqtt/options.ts";
import { connack, suback } from "../../harness/testing/frames.ts";
import { DEVICE, device, mqtt, readyDevice, readyMqtt, type Stage } from "../support/device.ts";
import { filters } from "../support/filters.ts";
import { TOKEN } from "../support/identity.ts";
import { ConfigurationException, type ConnectionException, type MqttClient } from "../support/subject.ts";
import { BYTE, greeted, linesOf, retried } from "./steps.ts";

type Refusal = InstanceType<typeof ConnectionException>;

test("a device connects, subscribes to its commands, and tells that it is connected", () => {
  const stage = device();
  stage.client.connect();
  assert.deepEqual(stage.link.endpoint, { host: "broker.test", port: 1883 });
  assert.equal(stage.link.writes.length, 0);
  stage.link.opens();
  const [connect] = stage.packets();
  const expected = {
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: "d:abc123:thermo:t-01",
    clean: true,
    keepalive: 60,
    username: "use-token-auth",
    password: Buffer.from(TOKEN),
  };
  assert.deepEqual({ ...connect, ...expected }, { ...connect });
  assert.equal(stage.client.connected, false);
  stage.link.receives(connack());
  assert.deepEqual([stage.client.connected, stage.heard()], [true, ["connected"]]);
  assert.deepEqual(stage.said(), ["SUBSCRIBE #1 iot-2/cmd/+/fmt/+ q1"]);
});

test("CONNECT is the first packet of every connection, and the only CONNECT of it [MQTT-3.1.0-1] [MQTT-3.1.0-2]", () => {
  const stage = readyMqtt();
  for (let n = 0; n < 3; n++) {
    stage.client.publish("a", BYTE, 1);
    stage.reconnected(false);
    const said = stage.said();
    assert.equal(said[0], "CONNECT plain clean");
    assert.equal(linesOf(said, "CONNECT").length, 1);
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
  stage.client.publish("a", BYTE, 0, false, stage.done("a"));
  stage.client.subscribe(filters(2, "f"));
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
    assert.deepEqual(stage.heard(), [`failed a: ${reason.message}`, "disconnected refused, for good"]);
    assert.deepEqual([stage.clock.pending, stage.link.closedByClient, stage.client.connected], [[], true, false]);
    assert.deepEqual(
      [1, 2].map(n => stage.client.publishEvent("a", "json", n, 0, stage.done("b"))),
      [false, false],
    );
    assert.deepEqual(stage.heard(), ["error message not accepted: call connect() again"], "told once");
    assert.equal((stage.errors[stage.errors.length - 1] as Refusal).code, "not-connected");
    stage.client.connect();
    assert.equal(stage.client.stateName, "reconnect-wait");
    assert.equal(stage.clock.jumpToNext(), 1000, "no sooner than a retry");
    stage.accepted();
    assert.equal(stage.client.connected, true);
  });
}

test("CONNACK 3 is tried again, with back-off, and nothing queued is lost", () => {
  const stage = device();
  stage.client.connect();
  stage.client.publishEvent("a", "json", 1, 0, stage.done("a"));
  stage.link.opens();
  stage.link.receives(connack(3));
  assert.deepEqual(stage.heard(), ["disconnected refused, retry in 1000"]);
  assert.equal((stage.errors[0] as Refusal).returnCode, 3);
  assert.equal(stage.clock.jumpToNext(), 1000);
  stage.accepted();
  assert.deepEqual(stage.heard(), ["done a", "connected"]);
});

test("a transport that does not come up in 30 s is given up and tried again", () => {
  const stage = mqtt();
  stage.client.connect();
  assert.equal(stage.clock.jumpToNext(), 30_000);
  assert.deepEqual(stage.heard(), ["disconnected timeout, retry in 1000"]);
  assert.match(stage.errors[0]!.message, /^timed out connecting to broker\.test/);
  assert.equal(stage.net.links[0]!.closedByClient, true);
  stage.clock.jumpToNext();
  assert.equal(stage.net.links.length, 2);
});

test("CONNACK that does not come in 10 s: given up and tried again, so that attempts soon are a back-off apart", () => {
  const stage = mqtt();
  stage.net.chance = 1 - 2 ** -32;
  stage.client.connect();
  const attempts: number[] = [];
  for (let n = 0; n < 4; n++) {
    attempts.push(stage.clock.elapsed);
    stage.link.opens();
    assert.equal(stage.clock.jumpToNext(), 10_000);
    stage.clock.jumpToNext();
  }
  assert.deepEqual(attempts, [0, 12_000, 26_000, 44_000]);
});

test("the option `timeout` sets the times for the transport and for CONNACK", () => {
  const stage = mqtt({ timeout: 0.7 });
  stage.client.connect();
  stage.clock.advance(600);
  stage.link.opens();
  assert.deepEqual(stage.clock.pending, [700]);
  stage.clock.advance(700);
  assert.deepEqual(stage.heard(), ["disconnected timeout, retry in 1000"]);
  assert.match(stage.errors[0]!.message, /^timed out waiting for CONNACK from broker\.test/);
});

test("an endpoint nobody listens on is named, with the transport's reason", () => {
  const stage = mqtt();
  stage.client.connect();
  stage.link.ends("ECONNREFUSED");
  assert.deepEqual(stage.heard(), ["disconnected unreachable, retry in 1000"]);
  assert.equal(stage.errors[0]!.message, "cannot reach broker.test:1883: ECONNREFUSED");
});

test("a server that closes before CONNACK is named so", () => {
  const stage = greeted(mqtt());
  stage.link.ends();
  assert.equal(stage.errors[0]!.message, "broker.test:1883 closed the connection before CONNACK");
  assert.deepEqual(stage.heard(), ["disconnected closed, retry in 1000"]);
});

test("ports that throw are told like a failed attempt, not thrown by connect()", () => {
  const stage = mqtt();
  stage.net.refuseToOpen = new Error("no TLS here");
  stage.client.connect();
  assert.deepEqual(stage.heard(), ["disconnected unreachable, retry in 1000"]);
  assert.equal(stage.errors[0]!.message, "cannot reach broker.test:1883: no TLS here");
  stage.net.refuseToOpen = undefined;
  retried(stage);
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
function delays(chance: number, attempts: number, options: Partial<MqttOptions> = {}): number[] {
  const stage = mqtt(options);
  stage.net.chance = chance;
  stage.client.connect();
  return Array.from({ length: attempts }, () => {
    stage.link.ends();
    return stage.clock.jumpToNext();
  });
}

test("delays double from 2 s to 120 s, between half and all of it, and never end", () => {
  assert.deepEqual(delays(1 - 2 ** -32, 9), [2000, 4000, 8000, 16000, 32000, 64000, 120000, 120000, 120000]);
  assert.deepEqual(delays(0, 8), [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
  assert.equal(delays(0, 200)[199], 60_000);
});

test("reconnectDelay sets the first delay, which doubles up to 120 s", () => {
  const options = { reconnectDelay: 60 };
  assert.deepEqual(delays(1 - 2 ** -32, 3, options), [60_000, 120_000, 120_000]);
  assert.deepEqual(delays(0, 3, options), [30_000, 60_000, 60_000]);
  assert.deepEqual(delays(0, 3, { reconnectDelay: 7.5 }), [3750, 7500, 15_000]);
});

test("reconnect-delay: a device waits so long after a loss, and connect() still makes the attempt after 1 s", () => {
  const stage = readyDevice({ "reconnect-delay": "60" });
  stage.clock.advance(10_000);
  stage.link.ends();
  assert.deepEqual(stage.heard(), ["disconnected closed, retry in 30000"]);
  stage.client.connect();
  assert.equal(stage.clock.jumpToNext(), 1000);
  stage.accepted();
  assert.deepEqual(stage.heard(), ["connected"]);
});

/** A client whose `attempts` to connect have failed. */
function failed(attempts: number, stage: Stage<MqttClient> = mqtt()): Stage<MqttClient> {
  stage.client.connect();
  for (let n = 1; n < attempts; n++) {
    stage.link.ends();
    stage.clock.jumpToNext();
  }
  stage.link.ends();
  return stage;
}

// A client with five failed attempts whose sixth connection ends after `ms`; what it says of that.
function lostAfter(ms: number, start = 0): string[] {
  const stage = failed(5, mqtt({}, start));
  retried(stage);
  stage.clock.advance(ms);
  stage.quiet().link.ends();
  return stage.heard();
}

test("after a connection that lasted 10 s, delays begin anew; a shorter one does not make them shorter", () => {
  assert.deepEqual(lostAfter(10_000), ["disconnected closed, retry in 1000"]);
  assert.deepEqual(lostAfter(9_999), ["disconnected closed, retry in 32000"]);
});

test("the age of a connection is right when the clock wraps at 2^32", () => {
  for (const before of [61_000, 65_000, 70_000]) {
    assert.deepEqual(lostAfter(10_000, 2 ** 32 - before), ["disconnected closed, retry in 1000"]);
    assert.deepEqual(lostAfter(9_999, 2 ** 32 - before), ["disconnected closed, retry in 32000"]);
  }
});

test("three connections that the server closed within 10 s of CONNACK may be a takeover: a hint, the delays go on", () => {
  const stage = readyMqtt({ keepAlive: 1200 });
  const reasons: string[] = [];
  for (let n = 0; n < 4; n++) {
    stage.clock.advance(9_999);
    stage.link.ends();
    reasons.push(...stage.heard());
    stage.clock.jumpToNext();
    stage.accepted().quiet();
  }
  assert.deepEqual(reasons, [
    "disconnected closed, retry in 1000",
    "disconnected closed, retry in 2000",
    "disconnected takeover, retry in 4000",
    "disconnected takeover, retry in 8000",
  ]);
  const { message } = stage.errors[2]!;
  assert.match(message, /^lost 3 times soon after connecting; another client may be using client id plain/);
});

const NO_TAKEOVER: Record<string, (stage: Stage<MqttClient>) => void> = {
  "the network ended it": stage => stage.link.ends("ECONNRESET"),
  "a message was in flight": stage => {
    stage.client.publish("t", BYTE, 1);
    stage.link.ends();
  },
  "a SUBSCRIBE was not answered": stage => {
    stage.client.subscribe(filters(0, "f"));
    stage.link.ends();
  },
  "bytes waited to be sent": stage => {
    stage.link.room = 0;
    stage.client.publish("t", BYTE, 0);
    stage.link.ends();
  },
  "it lasted 10 s": stage => {
    stage.clock.advance(10_000);
    stage.link.ends();
  },
  "disconnect() ended it": stage => {
    stage.client.disconnect();
    stage.client.connect();
  },
};

for (const [why, end] of Object.entries(NO_TAKEOVER)) {
  test(`no takeover where ${why}, and the count begins anew`, () => {
    const stage = readyMqtt();
    const lose = (how: (stage: Stage<MqttClient>) => void) => {
      how(stage);
      if (stage.client.stateName === "reconnect-wait") stage.clock.jumpToNext();
      stage.accepted();
    };
    for (let n = 0; n < 4; n++) lose(end);
    for (const how of [end, () => stage.link.ends(), () => stage.link.ends(), end]) lose(how);
    assert.ok(!stage.heard().some(line => line.includes("takeover")));
  });
}

test("failed attempts, and a server that breaks the protocol, are no takeover", () => {
  const stage = readyMqtt();
  for (let n = 0; n < 4; n++) {
    stage.link.receives(connack());
    retried(stage);
  }
  assert.deepEqual([...new Set(stage.errors.map(error => (error as Refusal).code))], ["protocol"]);
});

test("a takeover is recognised after a connection that lasted, too", () => {
  const stage = readyMqtt();
  stage.clock.advance(10_000);
  for (let n = 0; n < 3; n++) {
    stage.link.ends();
    retried(stage);
  }
  stage.quiet().link.ends();
  assert.deepEqual(stage.heard(), ["disconnected takeover, retry in 8000"]);
});

test("connect() twice opens one transport", () => {
  const stage = mqtt();
  stage.client.connect();
  stage.client.connect();
  stage.link.opens();
  stage.client.connect();
  stage.link.receives(connack());
  stage.client.connect();
  assert.equal(stage.net.links.length, 1);
  assert.deepEqual(stage.said(), ["CONNECT plain clean"]);
});

test("connect() while the client waits: the attempt is made now, but not within 1 s of the last one", () => {
  const stage = failed(5);
  stage.clock.advance(400);
  for (let n = 0; n < 3; n++) stage.client.connect();
  assert.deepEqual(stage.clock.pending, [600]);
  stage.clock.jumpToNext();
  stage.link.ends();
  stage.clock.advance(20_000);
  stage.client.connect();
  assert.deepEqual([stage.clock.pending, stage.net.links.length], [[0], 6]);
  stage.clock.jumpToNext();
  assert.deepEqual([stage.clock.pending, stage.net.links.length], [[30_000], 7]);
});

test("an application that calls connect() at each refusal connects no more often than the back-off allows", () => {
  const stage = mqtt();
  stage.net.chance = 0;
  stage.client.disconnectedCallback = (_, retryMs) => {
    if (retryMs < 0) for (let n = 0; n < 3; n++) stage.client.connect();
  };
  stage.client.connect();
  const attempts: number[] = [];
  for (let n = 0; n < 12; n++) {
    attempts.push(stage.clock.elapsed);
    stage.link.opens();
    stage.link.receives(connack(5));
    stage.clock.jumpToNext();
  }
  const gaps = attempts.slice(1).map((at, n) => at - attempts[n]!);
  assert.deepEqual(gaps.slice(0, 8), [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
});

test("an endpoint that can never work: connect() in disconnectedCallback neither nests nor hammers", () => {
  const stage = mqtt();
  stage.net.refuseToOpen = new ConfigurationException("no such endpoint");
  let depth = 0;
  let calls = 0;
  stage.client.disconnectedCallback = () => {
    assert.equal(++depth, 1);
    calls++;
    stage.client.connect();
    depth--;
  };
  stage.client.connect();
  stage.clock.advance(60_000);
  assert.ok(calls >= 5 && calls <= 7, `${calls} attempts in a minute`);
});

test("connect() that cancels a disconnect() which waits for CONNACK leaves the time-outs as they were", () => {
  const opening = mqtt();
  opening.client.connect();
  opening.client.publish("t", BYTE, 1);
  opening.client.disconnect();
  opening.client.connect();
  assert.deepEqual(opening.clock.pending, [30_000]);
  opening.link.opens();
  opening.client.disconnect();
  opening.client.connect();
  assert.deepEqual(opening.clock.pending, [10_000], "for CONNACK");
  opening.client.disconnect();
  opening.client.connectedCallback = () => opening.client.connect();
  opening.link.receives(connack());
  assert.deepEqual(opening.clock.pending, [15_000], "keep-alive");
  assert.equal(opening.client.active, true);
});

test("the back-off outlives disconnect(), counts from the last failure, and ends with a connection that disconnect() ended", () => {
  const stage = failed(5);
  stage.client.disconnect();
  stage.clock.advance(6_000);
  stage.client.connect();
  assert.deepEqual(stage.clock.pending, [10_000]);
  stage.client.disconnect();
  stage.clock.advance(3_600_000);
  stage.client.connect();
  assert.deepEqual(stage.clock.pending, [0]);
  retried(stage);
  stage.client.disconnect();
  stage.client.connect();
  assert.equal(stage.client.stateName, "opening");
  stage.link.ends();
  assert.deepEqual(stage.heard().slice(-1), ["disconnected unreachable, retry in 1000"]);
});

test("subscriptions are made again when the server has lost the session, and only then [docs/protocol.md 9.1 no. 5]", () => {
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
  for (let n = 0; n < 3; n++) stage.client.publish("a", BYTE, 1);
  const counters = { queued: 2, inflight: 1, dropped: 0, resent: 0, reconnects: 0, oversize: 0 };
  assert.deepEqual(stage.client.counters, counters);
  stage.reconnected(false).reconnected(false);
  assert.deepEqual(stage.client.counters, { ...counters, resent: 2, reconnects: 2 });
  stage.client.disconnect();
  stage.clock.jumpToNext(); // nothing is confirmed
  stage.client.connect();
  stage.accepted();
  assert.equal(stage.client.counters.reconnects, 3, "also after disconnect()");
});
