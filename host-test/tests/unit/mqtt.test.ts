// mqtt.ts: what MqttClient refuses, by the name of the option or the thing. The dialogues show what it does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { MqttClient } from "../../../src/mqtt/client.ts";
import { DEFAULT_LIMITS, type MqttOptions } from "../../../src/mqtt/options.ts";
import { hex } from "../../harness/testing/bytes.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { connack } from "../../harness/testing/frames.ts";
import { FakeNetwork } from "../../harness/testing/transport.ts";
import { type ClientPacket, parseSent } from "../support/witness.ts";

const OPTIONS: MqttOptions = { endpoint: { host: "h", port: 1883 }, clientId: "c" };
const PASSWORD = "s3cret-word";

/** A client with these options beside OPTIONS. */
function made(options: object = {}): { client: MqttClient; net: FakeNetwork } {
  const net = new FakeNetwork(new FakeClock());
  return { client: new MqttClient({ ...OPTIONS, ...options }, net), net };
}

/** The CONNECT that it sends. */
function connectOf(options: object): ClientPacket {
  const { client, net } = made(options);
  client.connect();
  net.link.opens();
  return parseSent(net.link.sent)[0]!;
}

function connected(options?: object): { client: MqttClient; net: FakeNetwork } {
  const { client, net } = made(options);
  client.connect();
  net.link.opens();
  net.link.receives(connack());
  net.link.writes.length = 0;
  return { client, net };
}

const will = { topic: "w", payload: "gone", qos: 1, retain: false };
const REFUSED: [string, object, RegExp][] = [
  ["a clientId that is no string", { clientId: undefined }, /^clientId is not a string$/],
  ["a clientId with U+0000 [MQTT-3.1.3-4]", { clientId: "a\0" }, /^clientId has a U\+0000$/],
  [
    "a username with half a surrogate pair [MQTT-3.1.3-11]",
    { username: "\ud800" },
    /^username has half of a surrogate/,
  ],
  ["an empty clientId of a durable session [MQTT-3.1.3-7]", { clientId: "", clean: false }, /^clientId is empty$/],
  ["a password without username [MQTT-3.1.2-22]", { password: PASSWORD }, /^password without username$/],
  [
    "a password that is neither text nor bytes",
    { username: "u", password: 7 },
    /^password is neither a string nor a Uint8Array$/,
  ],
  [
    "a username above 65535 bytes",
    { username: "u".repeat(65536), limits: { transmitBytes: 200000 } },
    /^username of 65536 bytes/,
  ],
  [
    "a CONNECT above transmitBytes",
    { username: "u", password: PASSWORD.repeat(20), limits: { transmitBytes: 128 } },
    /^CONNECT needs up to 243 bytes, limits\.transmitBytes is 128$/,
  ],
  ["a keepAlive above 65535", { keepAlive: 65536 }, /^keepAlive must be a whole number 0\.\.65535, not 65536$/],
  ["half a second of keepAlive", { keepAlive: 0.5 }, /^keepAlive must be/],
  ["a timeout of 0", { timeout: 0 }, /^timeout must be a number of seconds above 0, at most 65535, not 0$/],
  ["a timeout above 65535 s", { timeout: 65535.5 }, /^timeout must be/],
  ["a will on no topic", { will: { ...will, topic: "" } }, /^will\.topic is empty$/],
  ["a will on a wildcard", { will: { ...will, topic: "a/#" } }, /^will\.topic "a\/#" has a "#"$/],
  ["a will at QoS 3 [MQTT-3.1.2-14]", { will: { ...will, qos: 3 } }, /^will\.qos must be 0, 1 or 2, not 3$/],
  ["a will without payload", { will: { topic: "w", qos: 0, retain: false } }, /^will\.payload is neither/],
  ["no endpoint", { endpoint: undefined }, /^endpoint\.host must be a string/],
  ["an empty host", { endpoint: { host: "", port: 1 } }, /^endpoint\.host must be a string/],
  [
    "a scheme in a list of hosts",
    { endpoint: { host: ["h", "mqtt://x"], port: 1 } },
    /^endpoint\.host\[1\] must be a host name or address alone, not "mqtt:\/\/x"; use the options port and tls$/,
  ],
  ["a host with a port", { endpoint: { host: "x:1883", port: 1 } }, /^endpoint\.host must be .* not "x:1883"/],
  [
    "an empty entry",
    { endpoint: { host: ["h", ""], port: 1 } },
    /^endpoint\.host\[1\] must be a string that is not empty$/,
  ],
  ["no host", { endpoint: { host: [], port: 1 } }, /^endpoint\.host\.length must be a whole number 1\.\.16, not 0$/],
  ["17 hosts", { endpoint: { host: Array(17).fill("h"), port: 1 } }, /^endpoint\.host\.length must .* not 17$/],
  ["a reconnectDelay of 1 s", { reconnectDelay: 1 }, /^reconnectDelay must be a number of seconds 2\.\.120, not 1$/],
  ["a reconnectDelay of 120.5 s", { reconnectDelay: 120.5 }, /^reconnectDelay must be/],
  ["a reconnectDelay that is text", { reconnectDelay: "60" }, /^reconnectDelay must be/],
  ["port 65536", { endpoint: { host: "h", port: 65_536 } }, /^endpoint\.port must be a whole number 1\.\.65535/],
  ["an unknown limit", { limits: { frameByte: 1 } }, /^Unknown option: limits\.frameByte$/],
];

for (const [name, options, message] of REFUSED) {
  test(`refuses ${name}`, () => {
    assert.throws(
      () => made(options),
      error => {
        assert.match((error as Error).message, message);
        return (error as Error).name === "ConfigurationException" && !String(error).includes(PASSWORD);
      },
    );
  });
}

// Least and greatest value of each limit.
const RANGES = {
  frameBytes: [128, 268435460],
  transmitBytes: [128, 1048576],
  inflight: [1, 64000],
  queuedMessages: [0, 1000000],
  queuedBytes: [0, 268435456],
  subscriptions: [1, 1000],
  redeliveries: [0, 1000],
  values: [1, 1000000],
};

test("every limit is a number in its range, or a flag", () => {
  assert.deepEqual(Object.keys(DEFAULT_LIMITS).sort(), [...Object.keys(RANGES), "dropOldest"].sort());
  for (const wrong of [0, "true", null]) {
    assert.throws(() => made({ limits: { dropOldest: wrong } }), {
      name: "ConfigurationException",
      message: `limits.dropOldest must be true or false, not ${wrong}`,
    });
  }
});

for (const [name, [least, most]] of Object.entries(RANGES) as [string, [number, number]][]) {
  test(`limits.${name} is a whole number from ${least} to ${most}`, () => {
    const make = (value: unknown) => made({ limits: { [name]: value } });
    for (const right of [least, most, undefined]) make(right);
    for (const wrong of [least - 1, most + 1, least + 0.5, Number.NaN, "7", null]) {
      assert.throws(() => make(wrong), {
        name: "ConfigurationException",
        message: new RegExp(`^limits\\.${name} must be`),
      });
    }
  });
}

test("CONNECT of exactly transmitBytes fits, of one byte more is refused", () => {
  const options = (bytes: number) => ({ username: "u", password: "p".repeat(bytes), limits: { transmitBytes: 200 } });
  const fixed = 15 + 3 + 3 + 2;
  const { net } = connected(options(200 - fixed));
  assert.equal(net.links.length, 1);
  assert.throws(() => connected(options(201 - fixed)), { code: "limit" });
});

test("an empty clientId is fine with a clean session [MQTT-3.1.3-6]", () => {
  assert.equal(connectOf({ clientId: "" }).clientId, "");
});

test("CONNECT carries what the options say", () => {
  const connect = connectOf({
    username: "ü",
    password: PASSWORD,
    clean: false,
    keepAlive: 7,
    will: { ...will, qos: 2, retain: true, payload: hex("00 ff") },
  });
  const expected = {
    protocolId: "MQTT",
    protocolVersion: 4,
    clientId: "c",
    clean: false,
    keepalive: 7,
    username: "ü",
    password: Buffer.from(PASSWORD),
    will: { topic: "w", payload: Buffer.of(0, 255), qos: 2, retain: true },
  };
  assert.deepEqual({ ...connect, ...expected }, { ...connect });
});

const nothing = new Uint8Array(0);
const UNSENDABLE: [string, unknown[], RegExp][] = [
  ["an empty topic [MQTT-4.7.3-1]", ["", nothing], /^topic is empty$/],
  ["a wildcard [MQTT-3.3.2-2]", ["a/+", nothing], /^topic "a\/\+" has a "\+"$/],
  ["U+0000 [MQTT-1.5.3-2]", ["a\0", nothing], /^topic has a U\+0000$/],
  ["half a surrogate pair [MQTT-1.5.3-1]", ["a\ud800", nothing], /^topic has half of a surrogate pair$/],
  ["a topic that is no string", [undefined, nothing], /topic is not a string/],
  ["a topic above the transmit buffer", ["t".repeat(952), nothing], /^topic of 952 bytes, limit 951$/],
  ["a topic that is null", [null, nothing], /topic is not a string/],
  ["text for a payload", ["a", "text"], /^payload is not a Uint8Array$/],
  ["QoS 3 [MQTT-3.3.1-4]", ["a", nothing, 3], /^qos must be 0, 1 or 2, not 3$/],
];

for (const [name, given, message] of UNSENDABLE) {
  test(`publish refuses ${name}; nothing is sent`, () => {
    const { client, net } = connected();
    assert.throws(() => client.publish(...(given as Parameters<MqttClient["publish"]>)), {
      name: "ConfigurationException",
      message,
    });
    assert.equal(net.link.sent.length, 0);
  });
}

test("topics of up to 65535 bytes, whatever the transmit buffer could take [MQTT-4.7.3-3]", () => {
  const { client, net } = connected({ limits: { transmitBytes: 200_000 } });
  client.publish("t".repeat(65535), nothing);
  client.subscribe([{ topic: "t".repeat(65535), qos: 0 }]);
  assert.deepEqual(
    parseSent(net.link.sent).map(packet => packet.cmd),
    ["publish", "subscribe"],
  );
  assert.throws(() => client.publish("t".repeat(65536), nothing), { message: "topic of 65536 bytes, limit 65535" });
  const long = [{ topic: "t".repeat(65536), qos: 0 as const }];
  assert.throws(() => client.subscribe(long), { message: "filter of 65536 bytes, limit 65535" });
});

test("publish refuses a payload above what a packet can announce", () => {
  const { client } = connected();
  const huge = Object.create(Uint8Array.prototype, { length: { value: 268435455 } }) as Uint8Array;
  assert.throws(() => client.publish("a", huge), { code: "limit", message: "payload of 268435455 bytes" });
});

const UNASKABLE: [string, unknown, RegExp][] = [
  ["no filter [MQTT-3.8.3-3]", [], /^0 filters/],
  ["an empty filter", [{ topic: "", qos: 0 }], /^filter is empty$/],
  ["# before the end [MQTT-4.7.1-2]", [{ topic: "a/#/b", qos: 0 }], /"#" out of place$/],
  ["+ within a level [MQTT-4.7.1-3]", [{ topic: "a+", qos: 0 }], /"\+" out of place$/],
  ["U+0000", [{ topic: "a\0", qos: 0 }], /U\+0000/],
  ["QoS 3 [MQTT-3.8.3-4]", [{ topic: "a", qos: 3 }], /^qos must be 0, 1 or 2, not 3$/],
  [
    "more than the transmit buffer takes",
    Array.from({ length: 40 }, (_, n) => ({ topic: `${n}`.padEnd(30, "t"), qos: 0 })),
    /^40 filters of 1327 bytes, limits\.transmitBytes is 1024$/,
  ],
];

for (const [name, filters, message] of UNASKABLE) {
  test(`subscribe and unsubscribe refuse ${name}`, () => {
    const { client, net } = connected();
    const subscriptions = filters as Parameters<MqttClient["subscribe"]>[0];
    assert.throws(() => client.subscribe(subscriptions), { name: "ConfigurationException", message });
    if (!name.startsWith("QoS")) {
      assert.throws(() => client.unsubscribe(subscriptions.map(one => one.topic)), {
        name: "ConfigurationException",
        message,
      });
    }
    assert.equal(net.link.sent.length, 0);
  });
}

test("subscribe and unsubscribe refuse what is no array", () => {
  const { client, net } = connected();
  const message = "filters must be an array, not a/b";
  assert.throws(() => client.subscribe("a/b" as never), { name: "ConfigurationException", message });
  assert.throws(() => client.unsubscribe("a/b" as never), { name: "ConfigurationException", message });
  assert.equal(net.link.sent.length, 0);
});

test("one timer per client, whatever happens", () => {
  const { client, net } = connected();
  client.publish("a", nothing, 1);
  net.link.ends();
  net.clock.jumpToNext();
  client.disconnect();
  client.connect();
  assert.equal(net.clock.timersMade, 1);
});
