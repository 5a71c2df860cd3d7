// The built-in formats, through the client that is flashed: what publishEvent puts on the wire, and what a command
// becomes (docs/protocol.md 4). The bytes are those of the Python client, but for blanks.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Command } from "../../../../src/index.ts";
import { hex } from "../../../harness/testing/bytes.ts";
import { START_DATE } from "../../../harness/testing/clock.ts";
import { publish } from "../../../harness/testing/frames.ts";
import { readyDevice } from "../../support/device.ts";

/** The payload of one event. */
function sent(format: string, data: unknown, dateMs = START_DATE): Buffer {
  const stage = readyDevice();
  stage.net.clock.date = () => dateMs;
  stage.client.publishEvent("status", format, data);
  const [packet] = stage.packets();
  assert.equal(packet!.topic, `iot-2/evt/status/fmt/${format}`);
  return packet!.payload!;
}

/** What one command becomes: a Command, or the error that is reported instead. */
function received(format: string, payload: string | Uint8Array): Command | Error {
  const stage = readyDevice();
  let got: Command | undefined;
  stage.client.commandCallback = command => {
    got = command;
  };
  stage.link.receives(publish(`iot-2/cmd/set/fmt/${format}`, payload));
  return got ?? stage.errors[0]!;
}

function decoded(format: string, payload: string | Uint8Array): { data: unknown; timestamp: string } {
  const command = received(format, payload);
  if (command instanceof Error) throw command;
  return { data: command.data, timestamp: command.timestamp.toISOString() };
}

const NOW = new Date(START_DATE).toISOString();

// --- json-iotf (docs/protocol.md 4.1) ---

const MICROS = Date.UTC(2017, 2, 14, 1, 2, 3, 456);
const ENVELOPES: [unknown, number, string][] = [
  [
    { name: "foo", cpu: 60, mem: 50 },
    MICROS,
    '{"d":{"name":"foo","cpu":60,"mem":50},"ts":"2017-03-14T01:02:03.456000+00:00"}',
  ],
  [{}, Date.UTC(2017, 2, 14, 1, 2, 3), '{"d":{},"ts":"2017-03-14T01:02:03+00:00"}'],
  [null, MICROS, '{"d":null,"ts":"2017-03-14T01:02:03.456000+00:00"}'],
  [[1, "é"], Date.UTC(1999, 11, 31, 23, 59, 59, 7), '{"d":[1,"é"],"ts":"1999-12-31T23:59:59.007000+00:00"}'],
];

for (const [data, dateMs, text] of ENVELOPES) {
  test(`json-iotf writes ${text}`, () => assert.equal(sent("json-iotf", data, dateMs).toString(), text));
}

const OPENED: [string, { data: unknown; timestamp: string }][] = [
  ['{"d":{"a":1},"ts":"2017-03-14T01:02:03.456789+00:00"}', { data: { a: 1 }, timestamp: "2017-03-14T01:02:03.456Z" }],
  ['{"ts":"2017-03-14T01:02:03Z","d":[]}', { data: [], timestamp: "2017-03-14T01:02:03.000Z" }],
  ['{"d":1,"ts":"2017-03-14T01:02:03"}', { data: 1, timestamp: "2017-03-14T01:02:03.000Z" }],
  ['{"d":1,"ts":"2017-03-14 01:02"}', { data: 1, timestamp: "2017-03-14T01:02:00.000Z" }],
  ['{"d":1,"ts":"2017-03-14"}', { data: 1, timestamp: "2017-03-14T00:00:00.000Z" }],
  ['{"d":1,"ts":"2017-03-14T01:02:03,5+09:00"}', { data: 1, timestamp: "2017-03-13T16:02:03.500Z" }],
  ['{"d":1,"ts":"2017-03-14T01:02:03-0330"}', { data: 1, timestamp: "2017-03-14T04:32:03.000Z" }],
  ['{"d":1,"ts":"2017-03-14T01:02:03+01"}', { data: 1, timestamp: "2017-03-14T00:02:03.000Z" }],
  ['{"d":1,"ts":"2016-02-29T00:00:00Z"}', { data: 1, timestamp: "2016-02-29T00:00:00.000Z" }],
  ['{"ts":"2017-03-14T01:02:03Z"}', { data: null, timestamp: "2017-03-14T01:02:03.000Z" }],
  ['{"d":{"a":1},"other":2}', { data: { a: 1 }, timestamp: NOW }],
  ["{}", { data: null, timestamp: NOW }],
];

for (const [text, command] of OPENED) {
  test(`json-iotf reads ${text}`, () => assert.deepEqual(decoded("json-iotf", text), command));
}

for (const ts of [
  "tomorrow",
  "",
  "2017-02-30T00:00:00Z",
  "2017-13-01",
  "2017-03-14T24:00:00Z",
  "2017-03-14T01:60Z",
  "2017-03-14T01:02:03+24:00",
  "2017-03-14T01:02:03Z ",
  "2017/03/14T01:02:03Z",
  "x017-03-14",
  "2017-03-14X01:02:03Z",
  "2017-03-14T01.02",
  "2017-03-14T01:02.03",
  "2017-03-14T01:02:03.",
  "2017-03-14T01:02:03.5:",
  "2017-03-14T01:02:03:5",
  "2017-03-14T01:02:03*01:00",
  "2017-03-14T01:02:03+1:00",
  "2017-03-14T01:02:03+01:",
  "2017-03-14T01:02:03+01:0",
  "2017-03-14T01:02:03+01:60",
  "2017-03-14T01:02:03+x1",
  1489453323,
  null,
]) {
  test(`json-iotf refuses the timestamp ${JSON.stringify(ts)}`, () => {
    const error = received("json-iotf", JSON.stringify({ d: {}, ts })) as Error;
    assert.deepEqual(
      [error.name, error.message],
      ["InvalidEventException", `Invalid Event: Unable to parse event timestamp: ${JSON.stringify(ts)}`],
    );
  });
}

// --- utf8 and raw ---

test("utf8 carries text in both directions, unquoted", () => {
  assert.deepEqual(sent("utf8", "온도 21°"), Buffer.from("온도 21°"));
  assert.deepEqual(decoded("utf8", "온도 21°"), { data: "온도 21°", timestamp: NOW });
  assert.deepEqual(decoded("utf8", ""), { data: "", timestamp: NOW });
});

test("raw carries bytes in both directions; what is received may be kept", () => {
  const bytes = hex("00 ff c3 28 7f");
  assert.deepEqual(new Uint8Array(sent("raw", bytes)), bytes);
  const stage = readyDevice();
  const kept: unknown[] = [];
  stage.client.commandCallback = ({ data }) => kept.push(data);
  const frame = publish("iot-2/cmd/set/fmt/raw", bytes);
  stage.link.receives(frame);
  frame.fill(0x55);
  assert.deepEqual(kept, [bytes]);
  assert.equal(Buffer.isBuffer(kept[0]), false);
});

// --- what cannot be written or read ---

const UNWRITABLE: [string, unknown, string][] = [
  ["json", undefined, "data cannot be written as JSON: undefined"],
  ["json-iotf", undefined, "data cannot be written as JSON: undefined"],
  ["json-iotf", () => 1, "data cannot be written as JSON: function"],
  ["utf8", 7, "Unable to encode data, it is not a string"],
  ["utf8", null, "Unable to encode data, it is not a string"],
  ["raw", "text", "Unable to encode data, it is not a Uint8Array"],
  ["raw", [1, 2], "Unable to encode data, it is not a Uint8Array"],
];

for (const [format, data, reason] of UNWRITABLE) {
  test(`${format} refuses ${typeof data} ${String(data)} before sending`, () => {
    const stage = readyDevice();
    assert.throws(() => stage.client.publishEvent("status", format, data), {
      name: "InvalidEventException",
      code: "invalid-event",
      message: `Invalid Event: ${reason}`,
    });
    assert.deepEqual(stage.said(), []);
  });
}

const UNREADABLE: [string, string | Uint8Array, RegExp][] = [
  ["json", hex("22 ff 22"), /^Invalid Event: Unable to parse JSON. {2}payload="22 ff 22" error=/],
  ["json", "{name:1}", /^Invalid Event: Unable to parse JSON. {2}payload="{name:1}" error=/],
  ["json", "", /^Invalid Event: Unable to parse JSON. {2}payload="" error=/],
  ["json-iotf", "[]", /json-iotf is an object with d and ts$/],
  ["json-iotf", "7", /json-iotf is an object with d and ts$/],
  ["json-iotf", "null", /json-iotf is an object with d and ts$/],
  ["json-iotf", "{", /Unable to parse JSON/],
  ["utf8", hex("c3 28"), /^Invalid Event: Unable to decode event to UTF-8 string. {2}payload="c3 28" error=/],
  ["utf8", hex("f0 9f 94"), /payload="f0 9f 94" error=/],
];

for (const [format, payload, message] of UNREADABLE) {
  test(`${format} reports the payload ${JSON.stringify(payload)} it cannot read`, () => {
    const error = received(format, payload) as Error;
    assert.equal(error.name, "InvalidEventException");
    assert.match(error.message, message);
  });
}

test("no more than about 64 characters of an unreadable payload are shown", () => {
  for (const payload of [`{${"x".repeat(9000 - 2000)}`, new Uint8Array(7000).fill(0xff)]) {
    assert.ok((received("json", payload) as Error).message.length < 300);
  }
});
