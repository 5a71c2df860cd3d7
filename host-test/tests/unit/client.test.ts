// client.ts: what DeviceClient refuses before a byte leaves, and what it makes of commands. The dialogues show the rest.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceClient } from "../../../src/device/client.ts";
import { MAX_PAYLOAD_BYTES } from "../../../src/device/codec/payload.ts";
import type { DeviceOptions } from "../../../src/device/config.ts";
import type { ReportedError } from "../../../src/errors.ts";
import { FakeClock, START_DATE } from "../../harness/testing/clock.ts";
import { command, connack, publish, suback } from "../../harness/testing/frames.ts";
import { FakeNetwork } from "../../harness/testing/transport.ts";
import { parseSent } from "../support/witness.ts";

const OPTIONS: DeviceOptions = { org: "o", type: "t", id: "i", "auth-method": "token", "auth-token": "s3cret" };

function made(options: DeviceOptions | undefined = OPTIONS): {
  client: DeviceClient;
  net: FakeNetwork;
  errors: Error[];
} {
  const net = new FakeNetwork(new FakeClock());
  const client = new DeviceClient(options, net);
  const errors: Error[] = [];
  client.errorCallback = error => errors.push(error);
  return { client, net, errors };
}

function connected(options?: DeviceOptions): ReturnType<typeof made> {
  const all = made(options);
  all.client.connect();
  all.net.link.opens();
  all.net.link.receives(connack(), suback(1, 1));
  all.net.link.writes.length = 0;
  return all;
}

test("wrong options are thrown by the constructor", () => {
  const net = new FakeNetwork(new FakeClock());
  assert.throws(() => new DeviceClient({ org: "o" }, net), { name: "ConfigurationException" });
  assert.throws(() => new DeviceClient({ ...OPTIONS, limits: { inflight: 0 } }, net), { message: /limits\.inflight/ });
  assert.throws(() => new DeviceClient({ ...OPTIONS, "auth-token": "x".repeat(5000) }, net), {
    code: "limit",
    message: /transmitBytes/,
  });
  assert.equal(net.links.length, 0);
});

test("clientId is that of the platform", () => assert.equal(made().client.clientId, "d:o:t:i"));

// What the exception has beside the name InvalidEventException, or instead of it.
const REFUSED: [what: string, given: unknown[], error?: object][] = [
  ["an empty event id", ["", "json", {}], { message: "Invalid Event: event id is empty" }],
  ["an event id with a slash", ["a/b", "json", {}]],
  ["an event id with +", ["a+", "json", {}]],
  ["an event id with #", ["#", "json", {}]],
  ["an event id with a control character", ["a\n", "json", {}]],
  ["an event id that is no string", [7, "json", {}]],
  ["a format with a slash", ["a", "x/y", {}], { message: /^Invalid Event: format / }],
  ["a format without a codec", ["a", "xml", {}], { name: "MissingMessageEncoderException", code: "no-encoder" }],
  ["QoS 3", ["a", "json", {}, 3], { message: "Invalid Event: qos must be 0, 1 or 2, not 3" }],
  ["QoS as text", ["a", "json", {}, "1"]],
  ["data that cannot be written", ["a", "json", undefined]],
  ["a topic above the transmit buffer", ["e".repeat(1000), "json", {}], { message: /topic of 1019 bytes, limit 951/ }],
  [
    "a payload above 131072 bytes",
    ["a", "json", "x".repeat(MAX_PAYLOAD_BYTES - 1)],
    { message: /131073 bytes, limit 131072/ },
  ],
];

for (const [what, given, error] of REFUSED) {
  test(`publishEvent refuses ${what}; nothing is sent`, () => {
    const { client, net } = connected();
    const publishEvent = client.publishEvent.bind(client) as (...given: unknown[]) => boolean;
    assert.throws(() => publishEvent(...given), { name: "InvalidEventException", ...error });
    assert.equal(net.link.sent.length, 0);
  });
}

test("a payload of exactly 131072 bytes is sent", () => {
  const { client, net } = connected();
  assert.equal(client.publishEvent("a", "json", "x".repeat(MAX_PAYLOAD_BYTES - 2)), true);
  assert.equal(parseSent(net.link.sent)[0]!.payload!.length, MAX_PAYLOAD_BYTES);
});

test("publishEvent before connect() throws not-connected; after disconnect() it is false, and errorCallback hears why", () => {
  const { client, errors } = made();
  assert.throws(() => client.publishEvent("a", "json", {}), { name: "ConnectionException", code: "not-connected" });
  client.connect();
  client.disconnect();
  assert.deepEqual([client.publishEvent("a", "json", {}), client.publishEvent("a", "json", {})], [false, false]);
  assert.deepEqual(
    errors.map(error => (error as ReportedError).code),
    ["not-connected"],
  );
});

test("Quickstart takes json at QoS 0 only, and subscribes to nothing", () => {
  const { client, net } = connected({});
  assert.throws(() => client.publishEvent("a", "json", {}, 1), {
    name: "InvalidEventException",
    message: /QoS 0 only/,
  });
  client.setMessageEncoderModule("text", { encode: () => "", decode: () => ({ data: 0 }) });
  assert.throws(() => client.publishEvent("a", "text", {}), { name: "InvalidEventException" });
  assert.equal(client.publishEvent("a", "json", {}), true);
  assert.deepEqual(
    parseSent(net.link.sent).map(packet => packet.cmd),
    ["publish"],
  );
});

test("many events in turn go to the topics they name, whatever of them was remembered", () => {
  const { client, net } = connected();
  const names = ["a", "b", "c", "a", "d", "e", "f", "a", "b", "f", "e"];
  for (const name of names) client.publishEvent(name, "json", 1);
  assert.deepEqual(
    parseSent(net.link.sent).map(packet => packet.topic),
    names.map(name => `iot-2/evt/${name}/fmt/json`),
  );
});

test("an own codec is given the data and the time, and may make text or bytes, but nothing else", () => {
  const { client, net } = connected();
  const seen: unknown[] = [];
  let result: unknown = "é";
  client.setMessageEncoderModule("own", {
    encode(data, timestamp) {
      seen.push(data, timestamp.getTime());
      return result as string;
    },
    decode: () => ({ data: 0 }),
  });
  client.publishEvent("a", "own", "in");
  result = Uint8Array.of(0, 255);
  client.publishEvent("a", "own", "in");
  assert.deepEqual(seen, ["in", START_DATE, "in", START_DATE]);
  assert.deepEqual(
    parseSent(net.link.sent).map(packet => packet.payload!.toString("hex")),
    ["c3a9", "00ff"],
  );
  result = { length: 2 };
  assert.throws(() => client.publishEvent("a", "own", "in"), {
    name: "InvalidEventException",
    message: /neither text nor bytes/,
  });
});

test("setMessageEncoderModule refuses a format that could not stand in a topic", () => {
  const codec = { encode: () => "", decode: () => ({ data: 0 }) };
  assert.throws(() => made().client.setMessageEncoderModule("a/b", codec), { name: "ConfigurationException" });
});

test("a command has its id, format, data, and the time of receipt unless the codec knows better", () => {
  const { client, net } = connected();
  client.setMessageEncoderModule("own", {
    encode: () => "",
    decode: ({ topic, payload }) => ({ data: `${topic} ${payload.length}`, timestamp: new Date(5) }),
  });
  const commands: unknown[] = [];
  client.commandCallback = given => commands.push(given);
  net.link.receives(command("setInterval", '{"interval":5}'), command("x", "123", {}, "own"));
  assert.deepEqual(commands, [
    { command: "setInterval", format: "json", data: { interval: 5 }, timestamp: new Date(START_DATE) },
    { command: "x", format: "own", data: "iot-2/cmd/x/fmt/own 3", timestamp: new Date(5) },
  ]);
});

test("a topic that is none of a command is none the second time, either: not the command before", () => {
  const { client, net } = connected();
  const heard: unknown[] = [];
  client.commandCallback = ({ command }) => heard.push(command);
  client.errorCallback = error => heard.push(error.name);
  net.link.receives(command("a", "1"), publish("iot-2/other", "2"), publish("iot-2/other", "3"));
  assert.deepEqual(heard, ["a", "InvalidEventException", "InvalidEventException"]);
});

const REPORTED: [what: string, command: Uint8Array, error: object][] = [
  [
    "a topic that is none of a command",
    publish("iot-2/other", "{}"),
    { message: "Invalid Event: Received command on invalid topic: iot-2/other" },
  ],
  [
    "a format without a codec",
    command("a", "<x/>", {}, "xml"),
    { name: "MissingMessageDecoderException", code: "no-decoder" },
  ],
  ["broken JSON", command("a", "{"), {}],
  [
    "a command above frameBytes",
    command("a", "x".repeat(9000)),
    { message: /command on iot-2\/cmd\/a\/fmt\/json of 9025 bytes/ },
  ],
];

for (const [what, bytes, error] of REPORTED) {
  test(`${what} is reported to errorCallback, and the next command arrives`, () => {
    const { client, net, errors } = connected();
    const commands: string[] = [];
    client.commandCallback = given => commands.push(given.command);
    net.link.receives(bytes, command("next", "1"));
    assert.equal(errors.length, 1);
    const rethrow = () => {
      throw errors[0];
    };
    assert.throws(rethrow, { name: "InvalidEventException", ...error });
    assert.deepEqual(commands, ["next"]);
  });
}

test("ten commands wait for a commandCallback that is not set yet; the eleventh is reported and gone", () => {
  const { client, net, errors } = connected();
  for (let n = 0; n < 11; n++) net.link.receives(command(`c${n}`, "1", { qos: 1, id: n + 1 }));
  assert.deepEqual(
    errors.map(error => error.message),
    ["Invalid Event: command c10 dropped: no commandCallback is set"],
  );
  const commands: string[] = [];
  client.commandCallback = given => commands.push(given.command);
  assert.deepEqual(
    commands,
    Array.from({ length: 10 }, (_, n) => `c${n}`),
  );
  client.commandCallback = given => commands.push(`again ${given.command}`);
  assert.equal(commands.length, 10, "none comes twice");
});

test("waiting commands: a callback that throws is reported, one that is taken away stops them", () => {
  const { client, net, errors } = connected();
  for (const name of ["a", "b", "c"]) net.link.receives(command(name, "1"));
  const commands: string[] = [];
  client.commandCallback = given => {
    commands.push(given.command);
    if (given.command === "b") client.commandCallback = undefined;
    throw new Error("own");
  };
  assert.deepEqual([commands, errors.length], [["a", "b"], 2]);
  client.commandCallback = given => commands.push(given.command);
  assert.deepEqual(commands, ["a", "b", "c"]);
});

test("a refused command subscription is reported", () => {
  const { client, net, errors } = made();
  client.connect();
  net.link.opens();
  net.link.receives(connack(), suback(1, 128));
  assert.deepEqual(
    errors.map(({ message }) => message),
    ["iot-2/cmd/+/fmt/+ was refused"],
  );
  assert.equal(client.connected, true);
});
