// device/topic.ts: topics of the platform. mqtt/topic.ts: the rules of MQTT for topic names and filters.

import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMAND_FILTER, eventTopic, levelFault, parseCommandTopic } from "../../../src/device/topic.ts";
import { topicFault } from "../../../src/mqtt/topic.ts";

test("event topics and the command filter are those of the platform (docs/protocol.md 2.1, 3)", () => {
  assert.equal(eventTopic("status", "json"), "iot-2/evt/status/fmt/json");
  assert.equal(COMMAND_FILTER, "iot-2/cmd/+/fmt/+");
});

const COMMANDS: [string, { command: string; format: string } | undefined][] = [
  ["iot-2/cmd/setInterval/fmt/json", { command: "setInterval", format: "json" }],
  ["iot-2/cmd/a b/fmt/鍵", { command: "a b", format: "鍵" }],
  ["iot-2/cmd/fmt/fmt/fmt", { command: "fmt", format: "fmt" }],
  ["iot-2/cmd//fmt/json", undefined],
  ["iot-2/cmd/a/fmt/", undefined],
  ["iot-2/cmd/a/fmt", undefined],
  ["iot-2/cmd/a/fmt/json/more", undefined],
  ["iot-2/evt/a/fmt/json", undefined],
  ["iot-1/cmd/a/fmt/json", undefined],
  ["iot-2/cmd/a/FMT/json", undefined],
  ["/iot-2/cmd/a/fmt/json", undefined],
  ["x", undefined],
  ["", undefined],
];

for (const [topic, parts] of COMMANDS) {
  test(`"${topic}" ${parts ? "is" : "is not"} a command topic`, () =>
    assert.deepEqual(parseCommandTopic(topic), parts));
}

const LEVELS: [unknown, string][] = [
  ["status", ""],
  ["Status-1_2.3", ""],
  ["a b", ""],
  ["$SYS", ""],
  ["é鍵🔑", ""],
  ["", "is empty"],
  ["a/b", 'has a "/"'],
  ["a+b", 'has a "+"'],
  ["#", 'has a "#"'],
  ["a\0b", '"a\\x00b" has a control character'],
  ["a\nb", '"a\\x0ab" has a control character'],
  ["a\x7f", "has a control character"],
  ["a\x9f", "has a control character"],
  ["\ud83d", "has half of a surrogate pair"],
  ["\udd11", "has half of a surrogate pair"],
  ["\ud83d\ud83d\udd11", "has half of a surrogate pair"],
  ["🔑\udd11", "has half of a surrogate pair"],
  ["🔑🔑", ""],
  [7, "is not a string but number"],
  [null, "is not a string but null"],
  [undefined, "is not a string but undefined"],
];

for (const [text, fault] of LEVELS) {
  test(`as a level, ${JSON.stringify(text)} ${fault || "is allowed"}`, () => check(levelFault(text), fault));
}

// Text, as a topic name, as a filter.
const TOPICS: [unknown, string, string][] = [
  ["a", "", ""],
  ["/", "", ""],
  ["a//b/", "", ""],
  ["$SYS/a b/é鍵🔑", "", ""],
  ["a\nb", "", ""],
  ["", "is empty", "is empty"],
  ["a\0b", "U+0000", "U+0000"],
  ["a/\ud83d", "surrogate", "surrogate"],
  ["+", 'has a "+"', ""],
  ["#", 'has a "#"', ""],
  ["a/+/b/#", 'has a "+"', ""],
  ["+/+/+", 'has a "+"', ""],
  ["a/#", 'has a "#"', ""],
  ["a+", 'has a "+"', 'has a "+" out of place'],
  ["+a", 'has a "+"', 'has a "+" out of place'],
  ["a/b+/c", 'has a "+"', 'has a "+" out of place'],
  ["a/+b", 'has a "+"', 'has a "+" out of place'],
  ["#/a", 'has a "#"', 'has a "#" out of place'],
  ["a#", 'has a "#"', 'has a "#" out of place'],
  ["a/#/", 'has a "#"', 'has a "#" out of place'],
  ["++", 'has a "+"', 'has a "+" out of place'],
  ["##", 'has a "#"', 'has a "#" out of place'],
  [7, "is not a string but number", "is not a string but number"],
];

for (const [text, asName, asFilter] of TOPICS) {
  test(`${JSON.stringify(text)} as a topic name ${asName || "is right"}, as a filter ${asFilter || "is right"}`, () => {
    check(topicFault(text, false), asName);
    check(topicFault(text, true), asFilter);
  });
}

function check(found: string, expected: string): void {
  if (expected) assert.ok(found.includes(expected), `"${found}" does not say "${expected}"`);
  else assert.equal(found, "");
}
