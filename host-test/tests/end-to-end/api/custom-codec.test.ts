// Formats of the application's own (docs/protocol.md 4.2), with IBM's sample as the test vector: the data
// {hello: "world", x: 10} is the text "world,10", and what comes back has x as a string.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Codec } from "../../../../src/index.ts";
import { START_DATE } from "../../../harness/testing/clock.ts";
import { publish } from "../../../harness/testing/frames.ts";
import { device, readyDevice } from "../../support/device.ts";

/** IBM's `myCustomCodec.py`. */
const myCustomCodec: Codec = {
  encode(data) {
    const { hello, x } = data as { hello: string; x: number };
    return `${hello},${x}`;
  },
  decode({ payload }) {
    const [hello, x] = Buffer.from(payload).toString().split(",");
    return { data: { hello, x } };
  },
};

test("IBM's sample codec: {hello: 'world', x: 10} is world,10 on the wire, and back with x a string", () => {
  const stage = readyDevice();
  const commands: unknown[] = [];
  stage.client.commandCallback = ({ data, timestamp }) => commands.push([data, timestamp.getTime()]);
  stage.client.setMessageEncoderModule("custom", myCustomCodec);
  stage.client.publishEvent("status", "custom", { hello: "world", x: 10 });
  stage.link.receives(publish("iot-2/cmd/set/fmt/custom", "world,10"));
  assert.deepEqual(stage.said(), ["PUBLISH q0 iot-2/evt/status/fmt/custom world,10"]);
  assert.deepEqual(commands, [[{ hello: "world", x: "10" }, START_DATE]]);
});

test("a custom codec gets the time of publishing, also in place of a built-in one", () => {
  const stage = readyDevice();
  const times: unknown[] = [];
  const timed: Codec = { encode: (_, timestamp) => `${times.push(timestamp)}`, decode: () => ({ data: 0 }) };
  stage.client.publishEvent("status", "json", 0);
  for (const format of ["custom", "json", "utf8", "raw"]) {
    stage.client.setMessageEncoderModule(format, timed);
    stage.client.publishEvent("status", format, 0);
  }
  assert.deepEqual(
    times,
    [1, 2, 3, 4].fill(0).map(() => new Date(START_DATE)),
  );
  const payloads = stage.packets().map(({ payload }) => payload!.toString());
  assert.deepEqual(payloads, ["0", "1", "2", "3", "4"]);
});

test("a codec says when a command was sent, and sees its topic", () => {
  const stage = readyDevice();
  const heard: unknown[] = [];
  stage.client.setMessageEncoderModule("x", {
    encode: () => "",
    decode: ({ topic }) => ({ data: topic, timestamp: new Date(5) }),
  });
  stage.client.commandCallback = ({ data, timestamp }) => heard.push(data, timestamp.getTime());
  stage.link.receives(publish("iot-2/cmd/set/fmt/x", ""));
  assert.deepEqual(heard, ["iot-2/cmd/set/fmt/x", 5]);
});

test("encode may make bytes; they are sent as they are", () => {
  const stage = readyDevice();
  stage.client.setMessageEncoderModule("bits", { encode: () => Uint8Array.of(0, 255), decode: () => ({ data: 0 }) });
  stage.client.publishEvent("status", "bits", 0);
  assert.deepEqual([...stage.packets()[0]!.payload!], [0, 255]);
});

for (const made of [undefined, null, 7, {}, [1]]) {
  test(`a codec that makes ${JSON.stringify(made)} is refused before sending`, () => {
    const stage = readyDevice();
    stage.client.setMessageEncoderModule("bad", { encode: () => made as never, decode: () => ({ data: 0 }) });
    assert.throws(() => stage.client.publishEvent("status", "bad", 0), { name: "InvalidEventException" });
    assert.deepEqual(stage.said(), []);
  });
}

test("what a codec throws on encode is the caller's, on decode the error callback's; the command is acknowledged", () => {
  const stage = readyDevice();
  const fail = () => {
    throw new RangeError("too warm");
  };
  stage.client.setMessageEncoderModule("bad", { encode: fail, decode: fail });
  assert.throws(() => stage.client.publishEvent("status", "bad", 0), RangeError);
  stage.link.receives(publish("iot-2/cmd/set/fmt/bad", "", { qos: 1, id: 9 }));
  assert.deepEqual([stage.said(), stage.heard()], [["PUBACK #9"], ["error too warm"]]);
});

test("an unknown format throws on sending, is reported on receiving, and the client lives on", () => {
  const stage = readyDevice();
  assert.throws(() => stage.client.publishEvent("status", "xml", "<a/>"), {
    name: "MissingMessageEncoderException",
    message: "No message encoder defined for message format: xml",
  });
  stage.link.receives(publish("iot-2/cmd/set/fmt/xml", "<a/>", { qos: 1, id: 3 }));
  stage.link.receives(publish("iot-2/cmd/set/fmt/json", "1"));
  assert.deepEqual(stage.said(), ["PUBACK #3"]);
  assert.deepEqual(stage.heard(), ["error No message decoder defined for message format: xml", "command set json 1"]);
});

test("formats are registered before connect() too, and must be one topic level", () => {
  const stage = device();
  stage.client.setMessageEncoderModule("custom", myCustomCodec);
  for (const format of ["", "a/b", "+", "#", "a\u0000"]) {
    assert.throws(() => stage.client.setMessageEncoderModule(format, myCustomCodec), {
      name: "ConfigurationException",
    });
  }
});
