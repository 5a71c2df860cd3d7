// What does the page remember, and how much at most? Devices, numbers, points and messages; a reader that comes by now
// and then gets each of them once.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, test } from "node:test";
import { DeviceRecord } from "../../../harness/platform/management/record.ts";
import { Cursor } from "../../../harness/platform/page/cursor.ts";
import { fieldValues } from "../../../harness/platform/page/field-values.ts";
import { History } from "../../../harness/platform/page/history.ts";
import { RecentList } from "../../../harness/platform/page/recent-list.ts";
import type { Platform } from "../../../harness/platform/platform.ts";

const BOUNDS = { devices: 3, fields: 4, points: 5, messages: 2 };
const ID = "d:abc123:thermo:t-01";

/** A platform that only tells; each happening has a millisecond of its own. */
function memory(connectedClients: string[] = []) {
  const management = () => ({ state: new DeviceRecord().snapshot(0) });
  const platform = Object.assign(new EventEmitter(), { connectedClients, management }) as unknown as Platform;
  let now = 1000;
  const history = new History(platform, BOUNDS, () => now);
  const event = (text: string | Buffer, event = "status", format = "json", id = "t-01") => {
    now++;
    const device = { clientId: `d:abc123:thermo:${id}`, org: "abc123", type: "thermo", id };
    platform.emit("event", { ...device, event, format, payload: Buffer.from(text as string), qos: 0 });
  };
  const connect = (clientId: string) => {
    now++;
    platform.emit("connect", { clientId, cleanSession: true });
  };
  const leave = (clientId: string) => {
    now++;
    platform.emit("disconnect", { clientId, clean: true, reason: 0, detail: "DISCONNECT" });
  };
  const cursor = new Cursor(history, ID, { points: BOUNDS.points, messages: BOUNDS.messages });
  return { platform, history, event, connect, leave, cursor };
}

describe("values of an event", () => {
  const numbers = (text: string, format = "json") =>
    fieldValues(format, Buffer.from(text)).map(({ path, value }) => [path, value]);

  for (const [what, text, expected] of [
    ["of an object", '{"name":"foo","cpu":60,"on":true,"mem":2.5}', { cpu: 60, on: true, mem: 2.5 }],
    ["deeper ones", '{"a":{"b":[1,{"c":2}]}}', { "a.b.0": 1, "a.b.1.c": 2 }],
    ["a lone number", "23.5", { "": 23.5 }],
    ["in a lone d", '{"d":{"x":1}}', { x: 1 }],
    ["in d with ts", '{"d":{"x":1},"ts":"2017-03-14T01:02:03Z"}', { x: 1 }],
    ["d beside others", '{"d":{"x":1},"y":2}', { "d.x": 1, y: 2 }],
    ["d that is a number", '{"d":5}', { "": 5 }],
    ["infinite", '{"x":1e999,"y":-1e999,"z":0}', { z: 0 }],
    ["names of prototypes", '{"__proto__":{"polluted":1},"constructor":2}', ["__proto__.polluted", "constructor"]],
    ["not JSON", "cpu=5", {}],
    ["empty", "", {}],
    ["null", "null", {}],
  ] as const) {
    test(what, () => {
      const found = numbers(text);
      if (Array.isArray(expected))
        assert.deepEqual(
          found.map(([path]) => path),
          expected,
        );
      else assert.deepEqual(found, Object.entries(expected));
      assert.equal(({} as Record<string, unknown>).polluted, undefined);
    });
  }

  test("not of other formats, not deeper than six, not more than a hundred", () => {
    assert.deepEqual(numbers('{"x":1}', "utf8"), []);
    assert.deepEqual(numbers('{"d":{"x":1},"other":2}', "json-iotf"), [["x", 1]]);
    assert.deepEqual(numbers('{"a":{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}},"h":2}'), [["h", 2]]);
    assert.equal(numbers(JSON.stringify(Array.from({ length: 5000 }, (_, n) => n))).length, 100);
    assert.deepEqual(numbers("[".repeat(100_000) + "]".repeat(100_000)), []);
  });
});

test("a list keeps the latest and hands out what is new", () => {
  const list = new RecentList<number>(3);
  assert.deepEqual(list.since(0), []);
  for (const n of [1, 2]) list.add(n);
  assert.deepEqual([list.since(0), list.since(1), list.since(2)], [[1, 2], [2], []]);
  for (const n of [3, 4, 5]) list.add(n);
  assert.deepEqual([list.total, list.since(0), list.since(2), list.since(4)], [5, [3, 4, 5], [3, 4, 5], [5]]);
});

test("an update holds what is new since the one before", () => {
  const { event, connect, cursor } = memory();
  assert.deepEqual(cursor.next(), { devices: [], moreDevices: false, keep: { points: 5, messages: 2 } });
  connect(ID);
  event('{"cpu":1}');
  const first = cursor.next();
  assert.deepEqual(first.devices, [{ clientId: ID, connected: true, since: 1001, events: 1, commands: 0 }]);
  assert.deepEqual(first.device, {
    clientId: ID,
    fresh: true,
    moreFields: false,
    fields: [{ index: 0, event: "status", path: "cpu", points: [[1002, 1]] }],
    messages: [
      { at: 1002, kind: "event", name: "status", format: "json", qos: 0, text: '{"cpu":1}' },
      { at: 1001, kind: "connect", name: "", format: "", qos: undefined, text: "" },
    ],
  });
  event('{"mem":7,"cpu":2}');
  const { fresh, fields, messages } = cursor.next().device!;
  assert.deepEqual(
    [fresh, fields.map(({ index, path, points }) => [index, path, points.map(([, value]) => value)]), messages.length],
    [
      false,
      [
        [0, "cpu", [2]],
        [1, "mem", [7]],
      ],
      1,
    ],
  );
  assert.deepEqual(cursor.next().device, { clientId: ID, fresh: false, moreFields: false, fields: [], messages: [] });
});

test("points, messages and fields of a device are bounded", () => {
  const { event, cursor } = memory();
  for (let n = 0; n < 20; n++) event(JSON.stringify({ a: n, [`other${n}`]: n }));
  const { fields, messages, moreFields } = cursor.next().device!;
  assert.deepEqual(
    fields.map(({ path, points }) => [path, points.map(([, value]) => value)]),
    [
      ["a", [15, 16, 17, 18, 19]],
      ["other0", [0]],
      ["other1", [1]],
      ["other2", [2]],
    ],
  );
  assert.deepEqual([messages.map(({ text }) => text.slice(0, 7)), moreFields], [['{"a":18', '{"a":19'], true]);
});

test("a disconnect interrupts the values of every field", () => {
  const { event, connect, leave, cursor } = memory();
  connect(ID);
  event('{"cpu":1,"on":true}');
  leave(ID);
  connect(ID);
  event('{"cpu":2,"on":false}');
  const { fields } = cursor.next().device!;
  assert.deepEqual(
    fields.map(({ path, points }) => [path, points.map(([, value]) => value)]),
    [
      ["cpu", [1, null, 2]],
      ["on", [true, null, false]],
    ],
  );
});

test("a device that got a command before it ever connected has no time of a disconnect", () => {
  const { platform, connect, leave, cursor } = memory();
  const device = { clientId: "", org: "abc123", type: "thermo", id: "t-01" };
  platform.emit("command", { ...device, command: "print", format: "json", payload: Buffer.from("{}"), qos: 1 });
  assert.deepEqual(cursor.next().devices, [{ clientId: ID, connected: false, events: 0, commands: 1 }]);
  connect(ID);
  leave(ID);
  assert.equal(cursor.next().devices[0]!.since, 1002);
});

test("many events do not push out the commands", () => {
  const { platform, event, cursor } = memory();
  const device = { clientId: "a:abc123:app", org: "abc123", type: "thermo", id: "t-01" };
  platform.emit("command", { ...device, command: "print", format: "json", payload: Buffer.from("{}"), qos: 1 });
  for (let n = 0; n < 50; n++) event("{}");
  const kinds = cursor.next().device!.messages.map(({ kind }) => kind);
  assert.deepEqual(kinds, ["event", "event", "command"]);
});

test("devices are bounded: the one away the longest goes, those connected stay", () => {
  const { history, connect, leave, event, cursor } = memory(["d:abc123:thermo:early", "a:abc123:app"]);
  connect(ID);
  connect("d:abc123:thermo:t-02");
  connect("d:abc123:thermo:t-03");
  assert.deepEqual([...history.devices.keys()], ["d:abc123:thermo:early", ID, "d:abc123:thermo:t-02"]);
  assert.deepEqual([history.leftOut, cursor.next().moreDevices], [1, true]);
  leave("d:abc123:thermo:t-02");
  leave(ID);
  event("{}", "status", "json", "t-04");
  assert.deepEqual([...history.devices.keys()], ["d:abc123:thermo:early", ID, "d:abc123:thermo:t-04"]);
  connect("d:abc123:thermo:t-05");
  assert.equal(history.devices.has("d:abc123:thermo:t-04"), true, "another was away longer");
  assert.equal(cursor.next().device, undefined, "forgotten");
  leave("d:abc123:thermo:early");
  connect(ID);
  assert.equal(cursor.next().device!.fresh, true, "come back, it begins anew");
});

test("only what spells a device becomes one", () => {
  const { platform, history } = memory();
  for (const clientId of ["", "a:abc123:app", "d:abc123:thermo", "d:abc123:a b:c", "x".repeat(200)]) {
    platform.emit("refused", { clientId, returnCode: 2 });
    platform.emit("violation", { clientId, reason: 276, detail: "PUBLISH to x" });
  }
  assert.equal(history.devices.size, 0);
  platform.emit("refused", { clientId: ID, returnCode: 5 });
  assert.equal(history.devices.get(ID)!.lastOthers.since(0)[0]!.text, "CONNACK 5: not authorized");
});

test("names and payloads are short and cannot steer what is around them", () => {
  const { event, cursor } = memory();
  const long = "n".repeat(5000);
  event(JSON.stringify({ [long]: 1, "\u202egnp.exe": 2 }), `evil\u2066${long}`, "json");
  event("x".repeat(5000), "a", "utf8");
  event(Buffer.of(0xff, 0xfe), "b", "raw");
  const { fields, messages } = cursor.next().device!;
  assert.deepEqual([fields[0]!.event, fields[0]!.path], [`evil·${"n".repeat(59)}…`, `${"n".repeat(64)}…`]);
  assert.equal(fields[1]!.path, "·gnp.exe");
  const texts = messages.map(({ text }) => text);
  assert.deepEqual(texts, [`${"x".repeat(300)}… (5000 bytes)`, "hex ff fe (2 bytes)"]);
});

test("free memory is recognized by its name", () => {
  const { event, cursor } = memory();
  for (const [name, heap] of [
    ["mem", undefined],
    ["memory", 1],
    ["freeHeap", 2],
    ["heap_free", 3],
    ["heaps", 3],
  ] as const) {
    event(JSON.stringify({ a: 1, b: 2, c: 3, d: 4, sys: { [name]: heap ?? 0 } })); // no room for it as a field
    assert.equal(cursor.next().devices[0]!.heap, heap);
  }
});

test("closed, it learns no more", () => {
  const { platform, history, event } = memory();
  history.close();
  event("{}");
  assert.equal(history.devices.size, 0);
  assert.deepEqual((platform as unknown as EventEmitter).eventNames(), []);
});
