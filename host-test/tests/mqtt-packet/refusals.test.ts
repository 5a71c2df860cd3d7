// The patch group "callers" removes mqtt-packet's checks of packets to generate. For each of these checks: the published
// mqtt-packet refuses the packet, and the client refuses the options or arguments that would lead to it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ConfigurationException } from "../../../src/errors.ts";
import { MqttClient } from "../../../src/mqtt/client.ts";
import type { MqttOptions } from "../../../src/mqtt/options.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { FakeNetwork } from "../../harness/testing/transport.ts";
import { published } from "./subjects.ts";

interface Refusal {
  packet: object;
  published: string;
  /** What an application would have to call. */
  act(): void;
  client: RegExp;
}

const PUBLISH_OVERHEAD = 2;
const MAX_REMAINING_LENGTH = 268_435_455;
const largest = Buffer.alloc(MAX_REMAINING_LENGTH);

/** Option values may have any type: JavaScript has no other check. */
function client(options: Record<string, unknown> = {}): MqttClient {
  const all = { endpoint: { host: "h", port: 1 }, clientId: "c", ...options };
  return new MqttClient(all as unknown as MqttOptions, new FakeNetwork(new FakeClock()));
}

function option(options: Record<string, unknown>, packet: object, text: string, refusal: RegExp): Refusal {
  return {
    packet: { cmd: "connect", clientId: "c", ...packet },
    published: text,
    act: () => void client(options),
    client: refusal,
  };
}

const subscribe = (subscriptions: unknown, text: string, refusal: RegExp): Refusal => ({
  packet: { cmd: "subscribe", messageId: 1, subscriptions },
  published: text,
  act: () => void client().subscribe(subscriptions as never),
  client: refusal,
});

const unsubscribe = (unsubscriptions: unknown, refusal: RegExp): Refusal => ({
  packet: { cmd: "unsubscribe", messageId: 1, unsubscriptions },
  published: "Invalid unsubscriptions",
  act: () => void client().unsubscribe(unsubscriptions as never),
  client: refusal,
});

const keepAlive = (keepalive: unknown): Refusal =>
  option({ keepAlive: keepalive }, { keepalive }, "Invalid keepalive", /^keepAlive must be a whole number/);

const will = (value: unknown, text: string, refusal: RegExp): Refusal =>
  option({ will: value }, { will: value }, text, refusal);

const REFUSALS: Record<string, Refusal> = {
  "client id neither text nor bytes": option(
    { clientId: 5, clean: false },
    { clientId: 5, clean: false },
    "clientId must be given if cleanSession set to 0",
    /^clientId is not a string/,
  ),
  "no client id for a session to be kept": option(
    { clientId: "", clean: false },
    { clientId: "", clean: false },
    "clientId must be given if cleanSession set to 0",
    /^clientId is empty/,
  ),
  "keep alive below 0": keepAlive(-1),
  "keep alive above 65535": keepAlive(65_536),
  "keep alive with a fraction": keepAlive(1.5),
  "keep alive as text": keepAlive("60"),
  "will that is no object": will(42, "Invalid will", /^will\.topic is not a string/),
  "will without a topic": will({ payload: "gone", qos: 0 }, "Invalid will topic", /^will\.topic is not a string/),
  "will with an empty topic": will(
    { topic: "", payload: "gone", qos: 0 },
    "Invalid will topic",
    /^will\.topic is empty/,
  ),
  "will payload that is a number": will(
    { topic: "t", payload: 42, qos: 0 },
    "Invalid will payload",
    /^will\.payload is neither/,
  ),
  "user name that is a number": option(
    { username: 42 },
    { username: 42 },
    "Invalid username",
    /^username is not a string/,
  ),
  "password that is a number": option(
    { username: "u", password: 42 },
    { username: "u", password: 42 },
    "Invalid password",
    /^password is neither/,
  ),
  "password without user name": option(
    { password: "p" },
    { password: "p" },
    "Username is required to use password",
    /^password without username/,
  ),
  "SUBSCRIBE without filters": subscribe([], "Invalid subscriptions", /^0 filters/),
  "SUBSCRIBE with a filter that is a number": subscribe(
    [{ topic: 5, qos: 0 }],
    "Invalid subscriptions - invalid topic",
    /^filter is not a string/,
  ),
  "SUBSCRIBE without a QoS": subscribe(
    [{ topic: "a" }],
    "Invalid subscriptions - invalid qos",
    /^qos must be 0, 1 or 2/,
  ),
  "UNSUBSCRIBE without filters": unsubscribe([], /^0 filters/),
  "UNSUBSCRIBE with a filter that is a number": unsubscribe([5], /^filter is not a string/),
  "UNSUBSCRIBE with an object for the filters": unsubscribe({}, /^filters must be an array, not \[object Object\]/),
  "UNSUBSCRIBE with text for the filters": unsubscribe("topic", /^filters must be an array, not topic/),
  "PUBLISH above the largest remaining length": {
    packet: { cmd: "publish", topic: "t", payload: largest.subarray(PUBLISH_OVERHEAD), qos: 0 },
    published: `Invalid variable byte integer: ${MAX_REMAINING_LENGTH + 1}`,
    act: () => void client().publish("t", largest.subarray(PUBLISH_OVERHEAD)),
    client: /^payload of 268435453 bytes/,
  },
};

describe("what mqtt-packet refuses to generate, the client refuses first", () => {
  for (const [name, refusal] of Object.entries(REFUSALS)) {
    test(name, () => {
      assert.throws(() => published.generate(refusal.packet), { message: refusal.published });
      assert.throws(
        refusal.act,
        error => error instanceof ConfigurationException && refusal.client.test(error.message),
      );
    });
  }
});
