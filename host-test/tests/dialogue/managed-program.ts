// Device management, case by case: every topic, member, code and state of docs/protocol.md 7, and what a server may do
// wrong. Engine-free: managed.test.ts runs the cases on Node and in XS, and docs/managed.md lists them.

import type { ManagedDeviceOptions } from "../../../src/device/managed/types.ts";
import { check, player, same } from "./engine-free.ts";
import { FakeInstaller, type ManagedLibrary, ManagedStage } from "./managed-stage.ts";

type Case = (lib: ManagedLibrary) => void;

const IMAGE = { version: "1.3.0", name: "fw", uri: "http://pc.test/fw", verifier: "abc" };

const MANAGE = "mgmt/manage";
const ERROR_CODES = "add/diag/errorCodes";
const REBOOT = "mgmt/initiate/device/reboot";
const DOWNLOAD = "mgmt/initiate/firmware/download";
const UPDATE = "mgmt/initiate/firmware/update";
/** Nothing is sent but what a case is about. */
const QUIET = { "keep-alive": 0 };
/** Two messages fill the outbox. */
const NARROW = { limits: { queuedMessages: 2, inflight: 1 }, ...QUIET };

/** Server sets mgmt.firmware and observes it, as before a download. */
function offered(stage: ManagedStage, image: object = IMAGE): void {
  same(stage.set("mgmt.firmware", { ...image, state: 0, updateStatus: 0, updatedDateTime: "" }).rc, 204, "update");
  same(stage.observe("mgmt.firmware").rc, 200, "observe");
  stage.heard();
}

/** The one notify that was said, without its reqId; the server answers it. */
function notified(stage: ManagedStage): unknown {
  const { d, reqId } = stage.saidOne("notify");
  stage.answer({ reqId });
  return d.fields;
}

/** So many milliseconds pass, and the device says nothing. */
function silentFor(stage: ManagedStage, ms: number, what = "said meanwhile"): void {
  stage.clock.advance(ms);
  same(stage.said(), [], what);
}

/** The fields of a message, for values by attribute. */
function fieldsOf(values: object): { field: string; value: unknown }[] {
  return Object.entries(values).map(([field, value]) => ({ field, value }));
}

/** The device says one notify, of these values by attribute; the server answers it. */
function notifies(stage: ManagedStage, values: object, what = "notify"): void {
  same(notified(stage), fieldsOf(values), what);
}

/** The one notify is of mgmt.firmware, with this value. */
function firmwareIs(stage: ManagedStage, value: object, what = "firmware"): void {
  notifies(stage, { "mgmt.firmware": value }, what);
}

/** Code and text of the error that is thrown. */
function thrownBy(act: () => unknown): { code?: string; message?: string } {
  try {
    act();
  } catch (error) {
    return error as Error;
  }
  return {};
}

/** Answer and notifies that follow a request, in order; the notifies are answered. */
function rcAndNotifies(stage: ManagedStage, topic: string): unknown[] {
  stage.server(topic, { reqId: stage.newId() });
  return stage.said().map(({ topic, message }) => {
    if (topic === "response") return message.message ? [message.rc, message.message] : message.rc;
    stage.answer(message);
    return message.d.fields[0].value;
  });
}

const downloaded = (stage: ManagedStage, installer: FakeInstaller): void => {
  downloading(stage);
  installer.listener.done(0);
  firmwareIs(stage, { state: 2 }, "downloaded");
};

/** A download that was offered and has begun. */
function downloading(stage: ManagedStage): void {
  offered(stage);
  same(rcAndNotifies(stage, DOWNLOAD), [202, { state: 1 }], "download");
}

const withInstaller = (lib: ManagedLibrary, options?: ManagedDeviceOptions): [ManagedStage, FakeInstaller] => {
  const installer = new FakeInstaller();
  return [new ManagedStage(lib, { installer }, options).managed(), installer];
};

/** What a server may answer to each request of the device; 200 is in the cases of the requests. */
function refusals(lib: ManagedLibrary, send: (stage: ManagedStage, name: string) => boolean, topic: string): void {
  for (const rc of [400, 404, 409, 500]) {
    const stage = new ManagedStage(lib).managed();
    check(send(stage, topic), "not accepted");
    stage.answered(topic, rc, "no");
    same(stage.heard(), [`${topic}: refused iotdevice-1/${topic} refused: ${rc} no`], `rc ${rc}`);
  }
}

export const CASES: Record<string, Case> = {
  "the device subscribes to iotdm-1/# once, at QoS 1, and to its commands": lib => {
    const stage = new ManagedStage(lib).connected();
    same(stage.said(), [], "said");
    same(stage.subscribed.sort(), ["iot-2/cmd/+/fmt/+ 1", "iotdm-1/# 1"], "subscribed");
    stage.message("iot-2/cmd/blink/fmt/json", "{}");
    same(stage.heard(), ["command blink"], "heard");
  },

  "manage: every member; 200 makes the device managed": lib => {
    const deviceInfo = {
      serialNumber: "0001",
      manufacturer: "acme",
      model: "m",
      deviceClass: "c",
      description: "d",
      fwVersion: "1.2.0",
      hwVersion: "2",
      descriptiveLocation: "roof",
    };
    const managed = {
      lifetime: 7200,
      deviceInfo,
      metadata: { a: [1] },
      bundles: ["acme-v1"],
      installer: new FakeInstaller(),
    };
    const stage = new ManagedStage(lib, managed);
    // What the application changes afterwards does not count.
    managed.bundles.push("acme-v2");
    managed.metadata.a.push(2);
    managed.deviceInfo = Object.assign(deviceInfo, { model: "changed" });
    stage.client.rebootCallback = () => {};
    stage.connected();
    check(stage.client.manage(stage.done("manage")), "not accepted");
    const { d, reqId } = stage.saidOne(MANAGE);
    const supports = { deviceActions: true, firmwareActions: true, "acme-v1": true };
    same(d, { lifetime: 7200, supports, deviceInfo: { ...deviceInfo, model: "m" }, metadata: { a: [1] } }, "d");
    same(typeof reqId, "string", "reqId");
    same(stage.client.managed, false, "managed before the answer");
    stage.answer({ reqId });
    same([stage.client.managed, stage.heard()], [true, ["manage: done"]], "after the answer");
  },

  "manage: claims no action without callbacks, installer and bundles; members that are absent are not sent": lib => {
    const stage = new ManagedStage(lib, { lifetime: 0 }).connected();
    stage.client.manage();
    const { d } = stage.saidOne(MANAGE);
    const supports = { deviceActions: false, firmwareActions: false };
    same(d, { lifetime: 0, supports, deviceInfo: {}, metadata: {} }, "d");
    for (const name of ["rebootCallback", "factoryResetCallback"] as const) {
      const one = new ManagedStage(lib).connected();
      one.client[name] = () => {};
      one.client.manage();
      same(one.saidOne(MANAGE).d.supports.deviceActions, true, name);
    }
  },

  "manage before connect() is sent when connected": lib => {
    const stage = new ManagedStage(lib);
    check(stage.client.manage(), "not accepted");
    stage.connected();
    stage.saidOne(MANAGE);
  },

  "manage refused with 403: refused, not managed, not tried again": lib => {
    const stage = new ManagedStage(lib).connected();
    stage.client.manage(stage.done("manage"));
    stage.answered(MANAGE, 403, "action");
    same(stage.heard(), ["manage: refused iotdevice-1/mgmt/manage refused: 403 action"]);
    stage.clock.advance(50_000);
    same([stage.said(), stage.client.managed], [[], false], "later");
    stage.client.disconnect();
    stage.connected();
    same(stage.said(), [], "after the next connect()");
  },

  "manage answered with 400 and 404 is not tried again; with 409 and 500 after 60 s": lib => {
    for (const [rc, again] of [
      [400, 0],
      [404, 0],
      [409, 1],
      [500, 1],
    ] as const) {
      const stage = new ManagedStage(lib, {}, QUIET).connected();
      stage.client.manage(() => {});
      stage.answered(MANAGE, rc);
      silentFor(stage, 59_999, `rc ${rc} before`);
      stage.clock.advance(1);
      same(stage.said().length, again, `rc ${rc} after`);
    }
  },

  "manage is renewed 120 s before its lifetime ends, also over a lost connection, and never with lifetime 0": lib => {
    const stage = new ManagedStage(lib, { lifetime: 3600 }, QUIET).managed();
    stage.clock.advance(1_000_000);
    same(stage.reconnected().said(), [], "after the reconnect");
    const left = 3_480_000 - stage.clock.elapsed;
    silentFor(stage, left - 1000, "before");
    stage.clock.advance(2000);
    stage.answered(MANAGE);
    silentFor(stage, 3_479_000, "before the next");
    stage.clock.advance(2000);
    stage.saidOne(MANAGE);
    // Longer than the timer of an engine can wait.
    const long = new ManagedStage(lib, { lifetime: 4_294_967 }, QUIET).managed();
    silentFor(long, 1_999_999_999, "before 2,000,000 s");
    long.clock.advance(1);
    long.saidOne(MANAGE);
    const forever = new ManagedStage(lib, { lifetime: 0 }, QUIET).managed();
    silentFor(forever, 10_000_000, "renewal");
  },

  "a renewal that the server does not answer: not managed, tried again after 60 s": lib => {
    const stage = new ManagedStage(lib, { lifetime: 3600 }, QUIET).managed();
    stage.clock.advance(3_480_000);
    stage.saidOne(MANAGE);
    stage.clock.advance(30_000);
    same(stage.heard(), ["error timed out waiting for the answer to iotdevice-1/mgmt/manage"]);
    same(stage.client.managed, false, "managed");
    stage.clock.advance(60_000);
    stage.answered(MANAGE);
    same(stage.client.managed, true, "managed again");
  },

  "manage that is not accepted changes nothing; a renewal that finds no room is tried again after 60 s": lib => {
    const limits = { requests: 1 };
    const early = new ManagedStage(lib, { limits }, QUIET);
    const manageWithCallback = () => early.client.manage(() => {});
    same(thrownBy(manageWithCallback).code, "not-connected", "with a callback before connect()");
    same(early.connected().said(), [], "it was not called");
    early.client.addErrorCode(1);
    const before = early.saidOne(ERROR_CODES);
    same(early.client.manage(), false, "no room");
    early.answer(before).client.disconnect();
    same(early.connected().said(), [], "after the next connect()");
    early.client.disconnect();
    same(manageWithCallback(), false, "with a callback after disconnect()");
    early.client.manage();
    early.connected().answer(early.saidOne(MANAGE));

    const stage = new ManagedStage(lib, { limits, requestTimeout: 200_000 }, QUIET).managed();
    stage.clock.advance(3_400_000);
    stage.client.addErrorCode(1);
    const message = stage.saidOne(ERROR_CODES);
    same(stage.client.manage(), false, "no room");
    silentFor(stage, 80_000, "no room for the renewal");
    stage.answer(message);
    silentFor(stage, 59_999, "before");
    stage.clock.advance(1);
    stage.saidOne(MANAGE);

    const asking = new ManagedStage(lib, {}, QUIET).managed();
    asking.clock.advance(3_470_000);
    asking.client.manage();
    asking.saidOne(MANAGE);
    silentFor(asking, 15_000, "manage was sent 10 s before it was due");

    // The engine calls a timer late, and something else happens before.
    const late = new ManagedStage(lib, {}, QUIET).managed();
    const now = late.clock.now() + 3_500_000;
    late.clock.now = () => now % 2 ** 32;
    late.client.addErrorCode(1);
    late.saidOne(ERROR_CODES);
    late.clock.advance(0);
    late.saidOne(MANAGE);
  },

  "unmanage: 200, and no renewal any more": lib => {
    const stage = new ManagedStage(lib, { lifetime: 3600 }, QUIET).managed();
    stage.client.unmanage(stage.done("unmanage"));
    const message = stage.saidOne("mgmt/unmanage");
    same(Object.keys(message), ["reqId"], "members");
    stage.answer(message);
    same([stage.heard(), stage.client.managed], [["unmanage: done"], false]);
    silentFor(stage, 4_000_000, "renewal");
    stage.client.disconnect();
    stage.connected();
    same(stage.said(), [], "after the next connect()");
  },

  "unmanage refused: the device stays managed, and renews": lib => {
    refusals(lib, (stage, name) => stage.client.unmanage(stage.done(name)), "mgmt/unmanage");
    const stage = new ManagedStage(lib, {}, QUIET).managed();
    stage.client.unmanage();
    stage.answered("mgmt/unmanage", 409);
    same(stage.client.managed, true);
    stage.clock.advance(3_480_000);
    stage.saidOne(MANAGE);
  },

  "location: every member, zeros included; what is left out is not sent": lib => {
    const stage = new ManagedStage(lib).managed();
    const all = {
      longitude: -180,
      latitude: 90,
      elevation: 0,
      accuracy: 0,
      measuredDateTime: "2017-03-14T01:02:03Z",
      updatedDateTime: "2017-03-14T01:02:04Z",
    };
    stage.client.setLocation(all, stage.done("location"));
    const { d, reqId } = stage.saidOne("device/update/location");
    same(Object.keys(d).sort(), Object.keys(all).sort(), "members");
    for (const key of Object.keys(all) as (keyof typeof all)[]) same(d[key], all[key], key);
    stage.answer({ reqId });
    same(stage.heard(), ["location: done"]);
    stage.client.setLocation({ longitude: 1, latitude: 2 });
    const second = stage.saidOne("device/update/location").d;
    same(Object.keys(second).sort(), ["latitude", "longitude", "measuredDateTime"], "members of the second");
  },

  "location refused": lib =>
    refusals(
      lib,
      (stage, name) => stage.client.setLocation({ longitude: 1, latitude: 2 }, stage.done(name)),
      "device/update/location",
    ),

  "error codes: added and cleared": lib => {
    const stage = new ManagedStage(lib).managed();
    stage.client.addErrorCode(17, stage.done("add"));
    const added = stage.saidOne(ERROR_CODES);
    same(added.d, { errorCode: 17 }, "d");
    stage.answer(added);
    stage.client.clearErrorCodes(stage.done("clear"));
    const cleared = stage.saidOne("clear/diag/errorCodes");
    same(Object.keys(cleared), ["reqId"], "members");
    stage.answer(cleared);
    same(stage.heard(), ["add: done", "clear: done"]);
  },

  "error codes refused": lib => {
    refusals(lib, (stage, name) => stage.client.addErrorCode(0, stage.done(name)), ERROR_CODES);
    refusals(lib, (stage, name) => stage.client.clearErrorCodes(stage.done(name)), "clear/diag/errorCodes");
  },

  "log: every member, each severity, data in base64; cleared": lib => {
    const stage = new ManagedStage(lib).managed();
    stage.client.addLog(
      { message: "low", severity: 1, timestamp: "2017-03-14T01:02:03Z", data: "é" },
      stage.done("add"),
    );
    const added = stage.saidOne("add/diag/log");
    same(added.d, { message: "low", timestamp: "2017-03-14T01:02:03Z", severity: 1, data: "w6k=" }, "d");
    stage.answer(added);
    for (const [bytes, text] of [
      [[], ""],
      [[255], "/w=="],
      [[255, 254], "//4="],
      [[251, 255, 191], "+/+/"],
    ] as const) {
      stage.client.addLog({ message: "m", severity: 2, data: Uint8Array.from(bytes) });
      const { d, reqId } = stage.saidOne("add/diag/log");
      same([d.data, d.severity], [text, 2], "data");
      stage.answer({ reqId });
    }
    stage.client.addLog({ message: "m" });
    const plain = stage.saidOne("add/diag/log");
    same([plain.d.severity, "data" in plain.d], [0, false], "defaults");
    same(Date.parse(plain.d.timestamp), stage.clock.date(), "timestamp");
    stage.answer(plain);
    stage.client.clearLog(stage.done("clear"));
    stage.answered("clear/diag/log");
    same(stage.heard(), ["add: done", "clear: done"]);
  },

  "log refused": lib => {
    refusals(lib, (stage, name) => stage.client.addLog({ message: "m" }, stage.done(name)), "add/diag/log");
    refusals(lib, (stage, name) => stage.client.clearLog(stage.done(name)), "clear/diag/log");
  },

  "a request that the server does not answer times out, once, counted from its acknowledgement": lib => {
    const stage = new ManagedStage(lib, { requestTimeout: 5000 }, QUIET).managed();
    stage.acknowledging = false;
    stage.client.addErrorCode(1, stage.done("add"));
    const message = stage.saidOne(ERROR_CODES);
    stage.clock.advance(10_000);
    same(stage.heard(), [], "before the acknowledgement");
    stage.acknowledge();
    stage.clock.advance(4999);
    same(stage.heard(), [], "before the deadline");
    stage.clock.advance(1);
    same(stage.heard(), ["add: timeout timed out waiting for the answer to iotdevice-1/add/diag/errorCodes"]);
    stage.answer(message);
    same(stage.heard(), [], "after a late answer");
  },

  "an answer may come before the acknowledgement of the request": lib => {
    const stage = new ManagedStage(lib, {}, QUIET).managed();
    stage.acknowledging = false;
    stage.client.addErrorCode(1, stage.done("add"));
    stage.answered(ERROR_CODES);
    same(stage.heard(), ["add: done"]);
    stage.acknowledge();
    stage.clock.advance(60_000);
    same(stage.heard(), [], "later");
    stage.acknowledging = false;
    stage.client.addErrorCode(2, stage.done("dropped"));
    stage.answered(ERROR_CODES);
    stage.left();
    same(stage.heard(), ["dropped: done"], "never acknowledged");
  },

  "answers without a request, repeated, or malformed change nothing": lib => {
    const stage = new ManagedStage(lib).managed();
    stage.client.addErrorCode(1, stage.done("add"));
    const message = stage.saidOne(ERROR_CODES);
    stage.server("response", { rc: 200, reqId: "of an earlier start" });
    stage.server("response", { rc: 200 });
    same(stage.heard(), []);
    stage.server("response", "[1]").server("response", "{");
    same(stage.heard().length, 2, "errors for what is not an object");
    stage.answer(message).answer(message, 500);
    same(stage.heard(), ["add: done"]);
    stage.client.addErrorCode(2, stage.done("second"));
    const { reqId } = stage.saidOne(ERROR_CODES);
    stage.server("response", { reqId, rc: "200" });
    same(stage.heard(), ["second: refused iotdevice-1/add/diag/errorCodes refused: 200"], "rc that is no number");
    for (const rc of [199, 300, undefined]) {
      const ends: unknown[] = [];
      stage.client.addErrorCode(3, error => {
        const { code, message, returnCode } = error as { code: string; message: string; returnCode: number };
        ends.push(code, message, returnCode);
      });
      stage.server("response", { reqId: stage.saidOne(ERROR_CODES).reqId, rc, message: 7 });
      same(ends, ["refused", `iotdevice-1/add/diag/errorCodes refused: ${rc}`, rc ?? 0], `rc ${rc}`);
    }
    const [idle, quiet] = [0, 1].map(() => new ManagedStage(lib, { lifetime: 0 }, QUIET));
    same(idle!.managed().clock.pending, quiet!.connected().clock.pending, "timers after the answer");
  },

  "request ids are unique, and differ after a restart": lib => {
    const ids: string[] = [];
    for (const random of [0.25, 0.75]) {
      const stage = new ManagedStage(lib, {}, {}, () => random).managed();
      for (let i = 0; i < 5; i++) {
        stage.client.addErrorCode(i);
        const message = stage.saidOne(ERROR_CODES);
        ids.push(message.reqId);
        stage.answer(message);
      }
    }
    same(new Set(ids).size, 10, ids.join());
  },

  "limits.requests: one more is not accepted, until an answer comes; nothing of it is kept": lib => {
    const stage = new ManagedStage(lib, { limits: { requests: 3 } }).managed();
    for (let i = 0; i < 3; i++) check(stage.client.addErrorCode(i), `request ${i}`);
    same(stage.client.addErrorCode(3, stage.done("fourth")), false, "accepted");
    same(stage.heard(), ["error iotdevice-1/add/diag/errorCodes: 3 requests wait for an answer, limits.requests"]);
    same(stage.client.setLocation({ longitude: 1, latitude: 2 }), false, "location accepted");
    const said = stage.said();
    same(said.length, 3, "said");
    same(stage.observe("location").d.fields[0].value, {}, "location");
    stage.answer(said[1]!.message);
    check(stage.client.addErrorCode(4), "after an answer");
    stage.clock.advance(120_000);
    check(!stage.heard().some(line => line.startsWith("fourth")), "done of the fourth");
  },

  "a full outbox accepts no request, and the place is free again": lib => {
    const stage = new ManagedStage(lib, { limits: { requests: 1 } }, { limits: { queuedMessages: 1 } });
    stage.client.connect();
    stage.client.publishEvent("status", "json", 1, 1);
    same(stage.client.addErrorCode(1), false, "accepted");
    same(stage.client.addErrorCode(1), false, "accepted again");
    same(stage.heard().length, 1, "errors");
  },

  "disconnect() ends requests that wait, stops the timer, and connect() begins again": lib => {
    const stage = new ManagedStage(lib, { lifetime: 3600 }, QUIET).managed();
    stage.client.addErrorCode(1, stage.done("add"));
    stage.client.rebootCallback = () => stage.diary.push("reboot");
    stage.said();
    stage.acknowledging = false;
    stage.client.publishEvent("status", "json", 1, 1);
    stage.client.disconnect(() => stage.diary.push("gone"));
    stage.server(REBOOT, { reqId: "late" });
    stage.said();
    stage.acknowledge();
    stage.clock.advance(10_000);
    same(stage.heard(), ["add: not-connected disconnect() was called before the answer", "gone"]);
    same(stage.clock.pending, [], "timers");
    stage.connected();
    stage.answered(MANAGE);
    same(stage.client.managed, true, "managed again");
  },

  "device/update: location, metadata, deviceInfo, mgmt.firmware; 204 with a reqId, nothing without": lib => {
    const stage = new ManagedStage(lib).managed();
    const values = {
      location: { longitude: 1, latitude: 2, elevation: 0 },
      metadata: { a: { b: 1 } },
      deviceInfo: { model: "m" },
      "mgmt.firmware": { version: "2", uri: "https://x", state: 2, updateStatus: 5 },
    };
    const { rc, message } = stage.ask("device/update", { fields: fieldsOf(values) });
    same([rc, message], [204, undefined], "answer");
    same(stage.heard(), [
      'set location {"longitude":1,"latitude":2,"elevation":0}',
      'set metadata {"a":{"b":1}}',
      'set deviceInfo {"model":"m"}',
      'set mgmt.firmware {"state":0,"updateStatus":0,"version":"2","uri":"https://x"}',
    ]);
    const own = { state: 0, updateStatus: 0, version: "2", uri: "https://x" };
    same(stage.client.firmware, own, "the state is the device's own");
    stage.server("device/update", { d: { fields: [{ field: "metadata", value: {} }] } });
    same(stage.said(), [], "said without a reqId");
    same(stage.heard(), ["set metadata {}"]);
  },

  "device/update of deviceInfo changes members, null deletes one; metadata and location are replaced": lib => {
    const stage = new ManagedStage(lib, { deviceInfo: { model: "m", hwVersion: "1" }, metadata: { a: 1 } }).managed();
    same(stage.set("deviceInfo", { model: null, fwVersion: "2" }).rc, 204);
    same(stage.set("metadata", { b: 2 }).rc, 204);
    same(
      stage.observe("deviceInfo", "metadata", "location").d.fields,
      fieldsOf({ deviceInfo: { hwVersion: "1", fwVersion: "2" }, metadata: { b: 2 }, location: {} }),
    );
  },

  "device/update that cannot be set as a whole: 404 names the fields, and nothing is set": lib => {
    const stage = new ManagedStage(lib, { limits: { attributeBytes: 20 } }).managed();
    const bad: [string, unknown][] = [
      ["color", 1],
      ["mgmt", {}],
      ["location", { longitude: 181, latitude: 0 }],
      ["location", { latitude: 0 }],
      ["location", 7],
      ["deviceInfo", { model: 7 }],
      ["deviceInfo", { colour: "red" }],
      ["metadata", [1]],
      ["metadata", { text: "more than twenty bytes" }],
      ["mgmt.firmware", { version: 2 }],
      ["mgmt.firmware", { colour: "red" }],
      ["mgmt.firmware", null],
    ];
    for (const [field, value] of bad) {
      const fields = [...fieldsOf({ metadata: { ok: 1 } }), { field, value }];
      const answer = stage.ask("device/update", { fields });
      same([answer.rc, answer.d], [404, { fields: [{ field }] }], `${field} ${JSON.stringify(value)}`);
      check(answer.message.includes(field) || field === "location", `message: ${answer.message}`);
    }
    same(stage.heard(), [], "set");
    // Each request fits the limit, and what they make together does not.
    const set = (value: object) => stage.set("deviceInfo", value).rc;
    const answers = [{ model: "m" }, { hwVersion: "1" }, { model: null }, { hwVersion: "1" }].map(set);
    same(answers, [204, 404, 204, 204]);
  },

  "d.fields missing or malformed: 400": lib => {
    const stage = new ManagedStage(lib).managed();
    for (const topic of ["device/update", "observe", "cancel"]) {
      same(stage.ask(topic).rc, 400, `${topic} without d`);
      const elements = [7, {}, { field: 7 }, { field: "" }, null, { field: "__proto__" }];
      for (const fields of [undefined, 7, {}, [], ...elements.map(element => [element])]) {
        same(stage.ask(topic, { fields }).rc, 400, `${topic} ${JSON.stringify(fields)}`);
      }
    }
  },

  "observe: 200 with the current values, also of members; a change is notified; cancel ends it": lib => {
    const stage = new ManagedStage(lib, { deviceInfo: { fwVersion: "1" } }).managed();
    const { rc, d } = stage.observe("deviceInfo.fwVersion", "metadata", "location", "mgmt.firmware.state");
    same(rc, 200);
    same(d.fields, fieldsOf({ "deviceInfo.fwVersion": "1", metadata: {}, location: {}, "mgmt.firmware.state": 0 }));
    const metadata = { a: 1 };
    stage.client.setMetadata(metadata);
    notifies(stage, { metadata: { a: 1 } });
    stage.client.setMetadata(metadata);
    same(stage.said(), [], "the metadata are the same");
    metadata.a = 2;
    same(stage.observe("metadata").d.fields[0].value, { a: 1 }, "a copy");
    stage.client.setMetadata(metadata);
    notifies(stage, { metadata: { a: 2 } });
    stage.client.setDeviceInfo({ fwVersion: "1", model: "m" });
    same(stage.said(), [], "fwVersion is the same");
    stage.client.setDeviceInfo({ fwVersion: "2" });
    notifies(stage, { "deviceInfo.fwVersion": "2" });
    same(stage.cancel("metadata").rc, 200);
    stage.client.setMetadata({ a: 3 });
    same(stage.said(), [], "after cancel");
    const location = { longitude: 1, latitude: 2, measuredDateTime: "2020-01-01T00:00:00Z" };
    stage.client.setLocation(location);
    const said = stage.said().map(({ topic, message }) => [topic, message.d]);
    const update = ["device/update/location", location];
    same(said, [update, ["notify", { fields: fieldsOf({ location }) }]], "location");
  },

  "observe of an unknown attribute: 404 names it, and none is observed": lib => {
    const stage = new ManagedStage(lib).managed();
    const members = ["location.color", "deviceInfo.color", "mgmt.firmware.color", "metadata.", "metadata.a.b"];
    const longest = `metadata.${"x".repeat(246)}`;
    for (const field of ["color", "mgmt", `${longest}x`, ...members]) {
      const answer = stage.observe("metadata", field);
      same([answer.rc, answer.d], [404, { fields: [{ field }] }], field);
    }
    stage.client.setMetadata({ a: 1 });
    same(stage.said(), []);
    same(stage.observe(longest).rc, 200, "255 characters");
  },

  "limits.observed: further attributes are refused, the first go on": lib => {
    const stage = new ManagedStage(lib, { limits: { observed: 4 } }).managed();
    const observe = (...names: string[]) => stage.observe(...names).rc;
    for (const n of [0, 1, 2, 3]) same(observe(`metadata.m${n}`, `metadata.m${n}`), 200, `${n}`);
    same([observe("metadata.m4"), observe("metadata.m3")], [500, 200], "the fifth, and the fourth again");
    const usual = new ManagedStage(lib).managed();
    const names = Array.from({ length: 17 }, (_, n) => `metadata.m${n}`);
    same([usual.observe(...names).rc, usual.observe(...names.slice(1)).rc], [500, 200], "17 and 16 by default");
    stage.client.setMetadata({ m3: 1, m4: 1 });
    notifies(stage, { "metadata.m3": 1 });
  },

  "a change of several observed members goes out in one notify, and one notify is on the way at a time": lib => {
    const [stage, installer] = withInstaller(lib);
    stage.observe("mgmt.firmware.state", "mgmt.firmware.updateStatus", "metadata", "metadata.a", "metadata");
    for (const a of [1, 2, 3]) stage.client.setMetadata({ a });
    const first = stage.saidOne("notify");
    same(first.d.fields, fieldsOf({ metadata: { a: 1 }, "metadata.a": 1 }));
    stage.set("metadata", { a: 4 });
    stage.answer(first);
    notifies(stage, { metadata: { a: 4 }, "metadata.a": 4 });
    stage.set("mgmt.firmware", IMAGE);
    rcAndNotifies(stage, DOWNLOAD);
    installer.listener.done(4);
    notifies(stage, { "mgmt.firmware.state": 0, "mgmt.firmware.updateStatus": 4 });
  },

  "notifies that find the outbox full go out when there is room, with the latest values": lib => {
    const stage = new ManagedStage(lib, {}, NARROW).managed();
    stage.observe("metadata");
    stage.full();
    stage.client.setMetadata({ a: 1 });
    stage.client.setMetadata({ a: 2 });
    stage.said();
    stage.acknowledge();
    stage.said();
    silentFor(stage, 999, "before");
    stage.clock.advance(1);
    notifies(stage, { metadata: { a: 2 } });
    // The server keeps mgmt.firmware member by member: the members that have changed go out, and no other.
    const [loading, installer] = withInstaller(lib, NARROW);
    downloading(loading);
    loading.full();
    installer.listener.done(4);
    loading.said();
    loading.acknowledge();
    loading.said();
    loading.clock.advance(1000);
    firmwareIs(loading, { state: 0, updateStatus: 4 });
  },

  "a refusal for good ends requests that wait, and leaves no timer": lib => {
    const stage = new ManagedStage(lib, {}, QUIET).managed();
    stage.client.addErrorCode(1, stage.done("answered by nobody"));
    stage.said();
    stage.acknowledging = false;
    stage.client.addErrorCode(2, stage.done("not acknowledged"));
    stage.refused();
    const heard = stage.heard().map(line => line.replace(/: refused .*/, ": refused"));
    same(heard, ["not acknowledged: refused", "answered by nobody: refused"]);
    same(stage.clock.pending, [], "timers");
  },

  "callbacks of requests that disconnect() ends may call connect()": lib => {
    const stage = new ManagedStage(lib, { lifetime: 3600 }, QUIET).managed();
    stage.client.addErrorCode(1, () => stage.client.connect());
    stage.said();
    stage.client.disconnect();
    stage.accepted();
    stage.clock.advance(0);
    stage.answered(MANAGE);
    stage.clock.advance(3_480_000);
    stage.saidOne(MANAGE);
  },

  "notifies wait while too many requests do, and go out together": lib => {
    const stage = new ManagedStage(lib, { limits: { requests: 1 } }, QUIET).managed();
    stage.observe("metadata", "deviceInfo.model");
    stage.client.addErrorCode(1);
    const message = stage.saidOne(ERROR_CODES);
    for (let n = 0; n < 100; n++) stage.client.setMetadata({ n });
    stage.client.setDeviceInfo({ model: "m" });
    same([stage.said(), stage.heard()], [[], []], "while one waits");
    stage.answer(message);
    notifies(stage, { metadata: { n: 99 }, "deviceInfo.model": "m" });
  },

  "a notify that the server refuses or does not answer goes to errorCallback, and the next one goes out": lib => {
    const stage = new ManagedStage(lib, {}, QUIET).managed();
    stage.observe("metadata");
    stage.client.setMetadata({ a: 1 });
    stage.answered("notify", 500);
    same(stage.heard(), ["error iotdevice-1/notify refused: 500"]);
    stage.client.setMetadata({ a: 2 });
    stage.saidOne("notify");
    stage.client.setMetadata({ a: 3 });
    stage.clock.advance(30_000);
    same(stage.heard(), ["error timed out waiting for the answer to iotdevice-1/notify"]);
    notifies(stage, { metadata: { a: 3 } });
  },

  "a notify of more than 131,072 bytes is dropped with an error, and the next one goes out": lib => {
    const stage = new ManagedStage(lib, { limits: { attributeBytes: 32_768 } }).managed();
    stage.observe("metadata", "metadata.a", "deviceInfo", "deviceInfo.model");
    stage.client.setMetadata({ b: 1 });
    const first = stage.saidOne("notify");
    stage.client.setMetadata({ a: "x".repeat(32_760) });
    stage.client.setDeviceInfo({ model: "x".repeat(32_756) });
    stage.answer(first);
    same(stage.said(), [], "too large");
    const heard = stage.heard();
    check(heard.length === 1 && heard[0]!.includes("iotdevice-1/notify of 131"), `errors: ${heard}`);
    stage.client.setDeviceInfo({ model: "m" });
    notifies(stage, { deviceInfo: { model: "m" }, "deviceInfo.model": "m" });
  },

  "what is cancelled before it was sent is not notified": lib => {
    const stage = new ManagedStage(lib).managed();
    stage.observe("metadata", "deviceInfo");
    stage.client.setMetadata({ a: 1 });
    const first = stage.saidOne("notify");
    stage.client.setMetadata({ a: 2 });
    stage.client.setDeviceInfo({ model: "m" });
    stage.cancel("metadata");
    stage.answer(first);
    const second = stage.saidOne("notify");
    same(second.d.fields, fieldsOf({ deviceInfo: { model: "m" } }), "the other one");
    stage.client.setDeviceInfo({ model: "n" });
    stage.cancel("deviceInfo");
    stage.answer(second);
    same(stage.said(), [], "with nothing in it");
  },

  "changes after disconnect() are notified when connected": lib => {
    const stage = new ManagedStage(lib, { lifetime: 0 }, { "clean-session": false }).managed();
    stage.observe("metadata");
    stage.left();
    stage.client.setMetadata({ a: 1 });
    same([stage.heard(), stage.clock.pending], [[], []], "without a connection");
    stage.connected();
    const said = stage.said();
    same(said.map(({ topic }) => topic).sort(), [MANAGE, "notify"], "after connect()");
  },

  "reboot and factory reset: 202, and confirmed when the server has the answer": lib => {
    for (const [action, name] of [
      ["reboot", "rebootCallback"],
      ["factory_reset", "factoryResetCallback"],
    ] as const) {
      const stage = new ManagedStage(lib);
      stage.client[name] = request => {
        stage.diary.push(request.action);
        const first = request.answer(202, undefined, () => stage.diary.push("restart"));
        check(first, "answered before");
      };
      stage.managed();
      stage.acknowledging = false;
      same(stage.ask(`mgmt/initiate/device/${action}`), { rc: 202, reqId: "s101" });
      same(stage.heard(), [action], "before the acknowledgement");
      stage.acknowledge();
      same(stage.heard(), ["restart"]);
    }
  },

  "reboot and factory reset without a callback: 501; a callback that throws: 500; 500 by the application": lib => {
    for (const action of ["reboot", "factory_reset"]) {
      const stage = new ManagedStage(lib).managed();
      same(stage.ask(`mgmt/initiate/device/${action}`).rc, 501, action);
    }
    const stage = new ManagedStage(lib).managed();
    stage.client.rebootCallback = () => {
      throw new Error("busy");
    };
    const { rc, message } = stage.ask(REBOOT);
    same([rc, message, stage.heard()], [500, "the device program has failed", ["error busy"]]);
    stage.client.rebootCallback = request => void request.answer(500, "no");
    same(stage.ask(REBOOT).message, "no");
  },

  "a request is answered once: later answers return false, and without one the client answers 500": lib => {
    const stage = new ManagedStage(lib, { requestTimeout: 5000 }, QUIET);
    let late: (() => boolean) | undefined;
    stage.client.rebootCallback = request => {
      late = () => request.answer(202);
    };
    stage.managed();
    stage.server(REBOOT, { reqId: "a" });
    same(stage.said(), [], "at once");
    stage.clock.advance(5000);
    same(stage.saidOne("response").rc, 500);
    same([late!(), stage.said()], [false, []], "late");
    stage.server(REBOOT, { reqId: "b" });
    same([late!(), late!(), stage.said().length], [true, false, 1], "in time, and again");
    stage.server(REBOOT, { reqId: "c" }).refused();
    same(late!(), false, "after the client has stopped");
  },

  "an rc that is none is refused with an error, and the request may still be answered": lib => {
    const stage = new ManagedStage(lib);
    stage.client.rebootCallback = request => {
      for (const rc of [0, 199, 600, 200.5, Number.NaN])
        check("message" in thrownBy(() => request.answer(rc)), `${rc}`);
      request.answer(202);
    };
    stage.managed();
    same([stage.ask(REBOOT).rc, stage.heard()], [202, []]);
  },

  "limits.requests bounds the requests that the application has not answered: 500 for one more": lib => {
    const stage = new ManagedStage(lib, { limits: { requests: 2 } });
    stage.client.rebootCallback = () => {};
    stage.managed();
    stage.server(REBOOT, { reqId: "a" }).server(REBOOT, { reqId: "b" });
    same(stage.said(), []);
    same(stage.ask(REBOOT).rc, 500);
    stage.client.disconnect();
    const answers = stage.said().map(({ message }) => `${message.reqId} ${message.rc}`);
    same(answers, ["a 500", "b 500"], "disconnect() answers for the application");
  },

  "a request without reqId is executed and never answered": lib => {
    const stage = new ManagedStage(lib, { bundles: ["acme"] });
    stage.client.rebootCallback = request => void request.answer(202, "", () => stage.diary.push("restart"));
    stage.client.customActionCallback = request => void request.answer(200, "", () => stage.diary.push("custom"));
    stage.managed();
    for (const topic of [REBOOT, "mgmt/custom/acme/blink", "observe", "nonsense"]) {
      stage.server(topic, {});
    }
    stage.server("observe", { d: { fields: [{ field: "color" }] } });
    stage.server(REBOOT, { reqId: null });
    same([stage.said(), stage.heard()], [[], []], "before the requests are acknowledged");
    stage.clock.advance(0);
    same([stage.said(), stage.heard()], [[], ["restart", "custom", "restart"]]);
  },

  "a request that comes twice is executed once": lib => {
    const stage = new ManagedStage(lib);
    let count = 0;
    stage.client.rebootCallback = request => void request.answer(202, `${++count}`);
    stage.managed();
    for (let n = 0; n < 3; n++) stage.server(REBOOT, { reqId: "same" }, n > 0);
    same([stage.said().length, count], [1, 1]);
    // Twenty on the way when the connection broke, all sent again.
    for (let n = 0; n < 40; n++) stage.server(REBOOT, { reqId: `r${n % 20}` }, n >= 20);
    same([stage.said().length, count], [20, 21]);
    // A server that has begun to count anew.
    stage.server(REBOOT, { reqId: "same" });
    same([stage.said().length, count], [1, 22]);
    // The last 32 ids, each at most 64 characters.
    count = 0;
    const executed = (reqId: string, dup = true) => {
      const before = count;
      stage.server(REBOOT, { reqId }, dup);
      return count - before;
    };
    for (let n = 0; n < 33; n++) executed(`n${n}`, false);
    same([executed("n1"), executed("n0")], [0, 1], "the oldest of 33 is forgotten");
    const long = "x".repeat(64);
    same([executed(long), executed(long), executed(`${long}x`), executed(`${long}x`)], [1, 0, 1, 1], "64 and 65");
    // Without DUP, while the application has not answered.
    stage.client.rebootCallback = () => void count++;
    same([executed("open", false), executed("open", false)], [1, 0], "not answered yet");
  },

  "custom actions: bundle, action and parameters; 200 after the action, or its error": lib => {
    const stage = new ManagedStage(lib, { bundles: ["com.acme.v1"] });
    stage.client.customActionCallback = request => {
      stage.diary.push(`${request.bundle} ${request.action} ${JSON.stringify(request.parameters)}`);
      request.answer(request.action === "blink" ? 200 : 500, "said");
    };
    stage.managed();
    const fields = fieldsOf({ times: "3", color: { r: 1 } });
    same(stage.ask("mgmt/custom/com.acme.v1/blink", { fields }).rc, 200);
    same(stage.ask("mgmt/custom/com.acme.v1/other").rc, 500);
    same(stage.heard(), ['com.acme.v1 blink {"times":"3","color":{"r":1}}', "com.acme.v1 other {}"]);
    same(stage.ask("mgmt/custom/com.acme.v1/blink", { fields: 7 }).rc, 400);
  },

  "custom actions of a foreign bundle, without a callback, and on malformed topics: 501": lib => {
    const stage = new ManagedStage(lib, { bundles: ["acme"] }).managed();
    same(stage.ask("mgmt/custom/acme/blink").rc, 501, "no callback");
    stage.client.customActionCallback = () => stage.diary.push("called");
    for (const rest of ["foreign/blink", "acme", "acme/", "acme/blink/more", "/blink", ""]) {
      same(stage.ask(`mgmt/custom/${rest}`).rc, 501, rest);
    }
    same(stage.ask("mgmt/custom/foreign/blink").message, "foreign/blink is not supported");
    same(stage.heard(), []);
  },

  "unknown requests: 501; malformed ones: an error, and no answer": lib => {
    const stage = new ManagedStage(lib).managed();
    same(stage.ask("mgmt/initiate/device/dance").rc, 501);
    for (const text of ["", "{", "7", "null", "[]", '{"reqId":{}}', '{"reqId":[1]}', "\u0000", "[".repeat(200)]) {
      stage.server(REBOOT, text);
      same([stage.said(), stage.heard().length], [[], 1], JSON.stringify(text));
    }
    const values = `{"reqId":"x","d":{"fields":[${"1,".repeat(1200)}1]}}`;
    stage.server("observe", values);
    check(stage.heard()[0]!.includes("limits.values"), "values");
    const small = new ManagedStage(lib, {}, { limits: { values: 10 } }).managed();
    small.server("observe", `{"reqId":"x","d":{"fields":[${"1,".repeat(20)}1]}}`);
    check(small.heard()[0]!.includes("limits.values"), "limits.values of the options");
    const narrow = new ManagedStage(lib, {}, { limits: { frameBytes: 512 } }).managed();
    narrow.server("observe", { reqId: "x", d: { fields: [{ field: "x".repeat(600) }] } });
    check(narrow.heard()[0]!.includes("exceeds limits.frameBytes"), "frameBytes");
  },

  "a numeric reqId is answered as it came": lib => {
    const stage = new ManagedStage(lib).managed();
    stage.server(REBOOT, { reqId: 7 });
    same(stage.saidOne("response").reqId, 7);
  },

  "answers that find the outbox full are sent when there is room, in order": lib => {
    const stage = new ManagedStage(lib, {}, NARROW).managed();
    stage.acknowledging = false;
    for (let n = 0; n < 6; n++) stage.server(REBOOT, { reqId: `r${n}` });
    const before = stage.said();
    stage.acknowledge();
    const after: string[] = [];
    for (let n = 0; n < 5; n++) {
      after.push(...stage.said().map(({ message }) => message.reqId));
      stage.clock.advance(1000);
    }
    same([...before.map(({ message }) => message.reqId), ...after], ["r0", "r1", "r2", "r3", "r4", "r5"]);
    same(stage.heard(), ["error message not accepted: outbox full, or store full or unreadable"], "errors");
  },

  "limits.requests bounds the answers that find no room: what is beyond is dropped with an error": lib => {
    const stage = new ManagedStage(lib, { limits: { requests: 2 }, lifetime: 0 }, NARROW);
    stage.client.rebootCallback = request => {
      request.answer(202, "", () => stage.diary.push("restart"));
    };
    stage.managed().full();
    for (let n = 0; n < 3; n++) stage.server(REBOOT, { reqId: `r${n}` });
    const errors = stage.heard();
    same(errors.pop(), "error the answer to a request of the server was dropped", "the third");
    same(errors, [], "before");
    // A new answer goes behind those that wait.
    stage.acknowledge();
    stage.said();
    stage.server(REBOOT, { reqId: "r3" });
    const ids = stage.said().map(({ message }) => message.reqId);
    same(ids, ["r0", "r1", "r3"], "when there is room");
    same(stage.heard(), ["restart", "restart", "restart"], "confirmed");
    // Without reqId there is no answer; each is confirmed when the request is acknowledged.
    for (let n = 0; n < 3; n++) stage.server(REBOOT, {});
    same(stage.heard(), ["error the answer to a request of the server was dropped"], "the third without reqId");
    stage.clock.advance(0);
    same(stage.heard(), ["restart", "restart"], "confirmed");
  },

  "an answer of more than 131,072 bytes becomes 500; a text of 1,024 characters is sent, one more is an error": lib => {
    const stage = new ManagedStage(lib, { limits: { attributeBytes: 32_768 }, bundles: ["acme"] }).managed();
    stage.client.setMetadata({ a: "x".repeat(32_000) });
    stage.client.setDeviceInfo({ model: "x".repeat(32_000) });
    same(stage.observe("metadata", "metadata.a", "deviceInfo", "deviceInfo.model", "metadata").rc, 500, "rc");
    check(stage.heard().join().includes("iotdevice-1/response of 1"), "error");
    stage.client.customActionCallback = request => {
      same(thrownBy(() => request.answer(200, "x".repeat(1025))).code, "configuration", "code");
      request.answer(200, "x".repeat(1024));
    };
    same(stage.ask("mgmt/custom/acme/say").message.length, 1024);
    same(stage.heard(), []);
  },

  "firmware: download and update as docs/protocol.md 7.5 has them": lib => {
    const [stage, installer] = withInstaller(lib);
    downloaded(stage, installer);
    same(installer.calls, ["download 1.3.0 http://pc.test/fw"]);
    same(stage.cancel("mgmt.firmware").rc, 200);
    const observed = stage.observe("mgmt.firmware");
    same(observed.d.fields[0].value, { state: 2, updateStatus: 0, ...IMAGE }, "the true state");
    same(rcAndNotifies(stage, UPDATE), [202, { updateStatus: 1 }], "update");
    same(installer.calls[1], "update 1.3.0");
    installer.listener.done(0);
    firmwareIs(stage, { state: 0, updateStatus: 0 });
    stage.observe("deviceInfo.fwVersion");
    same([stage.client.firmware.state, stage.heard()], [0, []], "at the end");
  },

  "firmware: an update sets fwVersion": lib => {
    const [stage, installer] = withInstaller(lib);
    downloaded(stage, installer);
    stage.observe("deviceInfo.fwVersion");
    rcAndNotifies(stage, UPDATE);
    installer.listener.done(0);
    notifies(stage, { "deviceInfo.fwVersion": "1.3.0", "mgmt.firmware": { state: 0, updateStatus: 0 } });
    // The server offers another image meanwhile, and one without a version.
    offered(stage, { uri: "http://pc.test/fw" });
    rcAndNotifies(stage, DOWNLOAD);
    stage.set("mgmt.firmware", { version: "9", uri: "http://pc.test/9" });
    installer.listener.done(0);
    notified(stage);
    rcAndNotifies(stage, UPDATE);
    same(installer.calls.at(-1), "update undefined", "what was downloaded");
    installer.listener.done(0);
    notified(stage);
    same(stage.observe("deviceInfo").d.fields[0].value, { fwVersion: "1.3.0" }, "kept");
  },

  "firmware: every failure of a download ends in state 0 with its status, and another download may follow": lib => {
    for (const status of [2, 3, 4, 5, 6] as const) {
      const [stage, installer] = withInstaller(lib);
      downloading(stage);
      installer.listener.done(status, "why");
      firmwareIs(stage, { state: 0, updateStatus: status }, `status ${status}`);
      check(stage.heard()[0]!.includes("why"), "errorCallback");
      same(rcAndNotifies(stage, DOWNLOAD), [202, { state: 1, updateStatus: 0 }], "again");
    }
  },

  "firmware: every failure of an update ends in state 0 with its status": lib => {
    for (const reported of [2, 3, 4, 5, 6] as const) {
      const status = reported === 3 || reported === 6 ? 5 : reported;
      const [stage, installer] = withInstaller(lib);
      downloaded(stage, installer);
      rcAndNotifies(stage, UPDATE);
      installer.listener.done(reported);
      firmwareIs(stage, { state: 0, updateStatus: status }, `status ${status}`);
      same(stage.observe("deviceInfo").d.fields[0].value, {}, "no new fwVersion");
      same(rcAndNotifies(stage, DOWNLOAD)[0], 202, "download again");
    }
  },

  "firmware: requests out of order are answered 400, in every state": lib => {
    const [stage, installer] = withInstaller(lib);
    const [download, update] = [DOWNLOAD, UPDATE];
    offered(stage, { version: "1", uri: "ftp://pc.test/fw" });
    same(rcAndNotifies(stage, download), [[400, "mgmt.firmware.uri is missing, or is not http:// or https://"]]);
    offered(stage);
    const notDownloaded = [[400, "Firmware is still not successfully downloaded."]];
    const notIdle = [[400, "Cannot download as the device is not in idle state"]];
    same(rcAndNotifies(stage, update), notDownloaded, "update while idle");
    rcAndNotifies(stage, download);
    same([rcAndNotifies(stage, download), rcAndNotifies(stage, update)], [notIdle, notDownloaded], "downloading");
    installer.listener.done(0);
    notified(stage);
    same(rcAndNotifies(stage, download), notIdle, "downloaded");
    rcAndNotifies(stage, update);
    const updating = [[400, "an update is in progress"]];
    same([rcAndNotifies(stage, download), rcAndNotifies(stage, update)], [notIdle, updating], "updating");
    same(installer.calls.length, 2, "calls of the installer");
  },

  "firmware: a download without mgmt.firmware before it is answered 400": lib => {
    const [stage] = withInstaller(lib);
    const refused = [[400, "mgmt.firmware.uri is missing, or is not http:// or https://"]];
    same(rcAndNotifies(stage, DOWNLOAD), refused, "never offered");
    offered(stage);
    offered(stage, { uri: null });
    same(rcAndNotifies(stage, DOWNLOAD), refused, "offered without uri");
  },

  "firmware: without an installer 501": lib => {
    const stage = new ManagedStage(lib).managed();
    for (const action of ["download", "update"]) same(stage.ask(`mgmt/initiate/firmware/${action}`).rc, 501, action);
  },

  "firmware: an installer that throws counts as invalid URI or unsupported image": lib => {
    const [stage, installer] = withInstaller(lib);
    offered(stage);
    installer.failure = new Error("broken");
    same(rcAndNotifies(stage, DOWNLOAD), [202, { state: 1 }]);
    firmwareIs(stage, { state: 0, updateStatus: 6 });
    installer.failure = undefined;
    rcAndNotifies(stage, DOWNLOAD);
    installer.listener.done(0);
    notified(stage);
    installer.failure = new Error("broken");
    rcAndNotifies(stage, UPDATE);
    same(stage.client.firmware.updateStatus, 5);
    check(stage.heard().includes("error broken"), "errorCallback");
    installer.download = (_, listener) => {
      listener.done(4);
      throw new Error("after done");
    };
    rcAndNotifies(stage, DOWNLOAD);
    same(stage.client.firmware.updateStatus, 4, "done before it throws");
  },

  "firmware: reports of an earlier download are ignored": lib => {
    const [stage, installer] = withInstaller(lib);
    offered(stage);
    stage.observe("metadata");
    rcAndNotifies(stage, DOWNLOAD);
    const first = installer.listener;
    first.done(3);
    notified(stage);
    first.done(0);
    first.progress(5);
    same([stage.said(), stage.client.firmware.state], [[], 0], "after done");
    rcAndNotifies(stage, DOWNLOAD);
    first.done(0);
    first.progress(5);
    same([stage.said(), stage.client.firmware.state], [[], 1], "during the second");
  },

  "firmware: progress is notified while the metadata are observed": lib => {
    const [stage, installer] = withInstaller(lib);
    offered(stage);
    stage.observe("metadata");
    rcAndNotifies(stage, DOWNLOAD);
    installer.listener.progress(40);
    notifies(stage, { metadata: { firmwareProgress: 40 } });
    installer.listener.progress(40);
    same(stage.said(), [], "the same again");
    same(stage.observe("location").d.fields[0].value, {}, "of another attribute");
    for (const [percent, told] of [
      [99.9, 99],
      [250, 100],
      [-1, 0],
      [50, 50],
      [Number.NaN, 0],
    ] as const) {
      installer.listener.progress(percent);
      notifies(stage, { metadata: { firmwareProgress: told } }, `${percent}`);
    }
    installer.listener.done(0);
    notifies(stage, { "mgmt.firmware": { state: 2 }, metadata: {} });
  },

  "firmware: without observe, state changes are not notified": lib => {
    const [stage, installer] = withInstaller(lib);
    stage.set("mgmt.firmware", IMAGE);
    same(rcAndNotifies(stage, DOWNLOAD), [202]);
    installer.listener.done(0);
    same(stage.said(), []);
  },

  "firmware: the work begins when the server has the answer 202": lib => {
    const [stage, installer] = withInstaller(lib);
    offered(stage);
    stage.acknowledging = false;
    stage.server(DOWNLOAD, { reqId: "d" });
    stage.said();
    same(installer.calls, [], "before");
    stage.acknowledge();
    same(installer.calls.length, 1, "after");
  },

  "firmware: an answer 202 that disconnect() drops leaves the state as it was": lib => {
    const [stage, installer] = withInstaller(lib, NARROW);
    offered(stage);
    stage.full();
    stage.server(DOWNLOAD, { reqId: "d" });
    stage.left();
    stage.acknowledging = true;
    stage.connected().said();
    same(installer.calls, [], "before");
    // One that the client drops when the server refuses the device.
    offered(stage);
    stage.full();
    stage.server(DOWNLOAD, { reqId: "e" });
    stage.refused();
    same(stage.heard().filter(line => line.includes("dropped")).length, 0, "errors");
    stage.acknowledging = true;
    stage.connected();
    check(!stage.said().some(({ topic }) => topic === "response"), "an answer of the last connection");
    // One that is not sent, because the request has no reqId.
    stage.server(DOWNLOAD, {}).client.disconnect();
    stage.clock.advance(10_000);
    same([stage.connected().said().length, installer.calls], [1, []], "without reqId");
    same(rcAndNotifies(stage, DOWNLOAD)[0], 202, "again");
  },

  "firmware: disconnect() cancels a download, which counts as a lost connection": lib => {
    const [stage, installer] = withInstaller(lib);
    downloading(stage);
    stage.left();
    installer.listener.done(0);
    same([installer.calls[1], stage.client.firmware.state, stage.client.firmware.updateStatus], ["cancel", 0, 3]);
    const [persistent, other] = withInstaller(lib);
    other.cancel = undefined as never;
    downloading(persistent);
    persistent.left();
    other.listener.done(0);
    same(persistent.client.firmware.state, 2, "an installer without cancel() goes on");
  },

  "firmware: a downloaded image that the previous start left may be updated; a finished update is told after manage":
    lib => {
      const left = new FakeInstaller({ state: 2, updateStatus: 0, version: "1.3.0" });
      const kept = new ManagedStage(lib, { installer: left }).managed();
      same(rcAndNotifies(kept, UPDATE), [202]);
      same(left.calls, ["update 1.3.0"]);
      for (const updateStatus of [0, 5] as const) {
        const installer = new FakeInstaller({ state: 0, updateStatus, finished: true });
        const stage = new ManagedStage(lib, { installer });
        stage.client.manage();
        stage.connected();
        stage.answered(MANAGE);
        const ended = [{ field: "mgmt.firmware", value: { state: 0, updateStatus } }];
        const first = stage.saidOne("notify");
        same(first.d.fields, ended, `status ${updateStatus}`);
        stage.answer(first, 500);
        same([installer.calls, stage.heard().length], [[], 1], "refused");
        stage.client.manage();
        stage.answered(MANAGE);
        same(notified(stage), ended, "told again");
        same(installer.calls, ["told"]);
        stage.client.manage();
        stage.answered(MANAGE);
        same(stage.said(), [], "told once");
        same(stage.ask(UPDATE).rc, 400, "nothing was downloaded");
      }
    },

  "the examples of docs/protocol.md 7.5, message by message": lib => {
    const installer = new FakeInstaller();
    const stage = new ManagedStage(lib, {
      lifetime: 3600,
      deviceInfo: { serialNumber: "0001", fwVersion: "1.2.0" },
      bundles: ["acme-v1"],
      installer,
    });
    stage.client.rebootCallback = () => {};
    stage.client.customActionCallback = request => void request.answer(200);
    // The device chooses its own request ids; "r" stands for them.
    const says = (...expected: string[]) => {
      const said = stage.said();
      const lines = said.map(({ topic, message }) => {
        const { reqId, ...rest } = message;
        if (topic !== "response") stage.answer({ reqId });
        return `${topic} ${JSON.stringify({ ...rest, reqId: topic === "response" ? reqId : "r" })}`;
      });
      same(lines, expected);
    };
    stage.connected();
    stage.client.manage();
    says(
      'mgmt/manage {"d":{"lifetime":3600,"supports":{"deviceActions":true,"firmwareActions":true,"acme-v1":true},' +
        '"deviceInfo":{"serialNumber":"0001","fwVersion":"1.2.0"},"metadata":{}},"reqId":"r"}',
    );
    const time = "2017-03-14T01:02:03Z";
    stage.client.setLocation({ longitude: 127.02, latitude: 37.5, measuredDateTime: time });
    stage.client.addErrorCode(17);
    stage.client.addLog({ message: "low heap", timestamp: time, severity: 1 });
    says(
      'device/update/location {"d":{"longitude":127.02,"latitude":37.5,"measuredDateTime":"2017-03-14T01:02:03Z"},"reqId":"r"}',
      'add/diag/errorCodes {"d":{"errorCode":17},"reqId":"r"}',
      'add/diag/log {"d":{"message":"low heap","timestamp":"2017-03-14T01:02:03Z","severity":1},"reqId":"r"}',
    );
    stage.server(
      "device/update",
      '{"d":{"fields":[{"field":"mgmt.firmware","value":{"version":"1.3.0","name":"fw","uri":"https://example.com/fw.bin",' +
        '"verifier":"9f86d081","state":0,"updateStatus":0,"updatedDateTime":""}}]},"reqId":"s1"}',
    );
    says('response {"rc":204,"reqId":"s1"}');
    stage.server(
      "observe",
      '{"d":{"fields":[{"field":"mgmt.firmware.state"},{"field":"mgmt.firmware"}]},"reqId":"s2"}',
    );
    says(
      'response {"rc":200,"d":{"fields":[{"field":"mgmt.firmware.state","value":0},{"field":"mgmt.firmware","value":' +
        '{"state":0,"updateStatus":0,"version":"1.3.0","name":"fw","uri":"https://example.com/fw.bin","verifier":"9f86d081"}}]},' +
        '"reqId":"s2"}',
    );
    stage.server("cancel", '{"d":{"fields":[{"field":"mgmt.firmware.state"}]},"reqId":"s2b"}');
    says('response {"rc":200,"reqId":"s2b"}');
    stage.server("mgmt/initiate/firmware/download", '{"reqId":"s3"}');
    says(
      'response {"rc":202,"reqId":"s3"}',
      'notify {"d":{"fields":[{"field":"mgmt.firmware","value":{"state":1}}]},"reqId":"r"}',
    );
    installer.listener.done(0);
    says('notify {"d":{"fields":[{"field":"mgmt.firmware","value":{"state":2}}]},"reqId":"r"}');
    stage.server("cancel", '{"d":{"fields":[{"field":"mgmt.firmware"}]},"reqId":"s4"}');
    says('response {"rc":200,"reqId":"s4"}');
    stage.server("mgmt/custom/acme-v1/blink", '{"d":{"fields":[{"field":"times","value":"3"}]},"reqId":"s5"}');
    says('response {"rc":200,"reqId":"s5"}');
  },

  "a thousand requests of each kind leave nothing behind": lib => {
    const stage = new ManagedStage(lib, { bundles: ["acme"] }, QUIET);
    stage.client.rebootCallback = request => void request.answer(500);
    stage.client.customActionCallback = request => void request.answer(200);
    stage.managed();
    for (let n = 0; n < 1000; n++) {
      stage.client.addErrorCode(n);
      stage.answered(ERROR_CODES);
      same(stage.ask(REBOOT).rc, 500);
      same(stage.ask("mgmt/custom/acme/blink").rc, 200);
      same(stage.observe("metadata").rc, 200);
      stage.client.setMetadata({ n });
      notified(stage);
    }
    stage.clock.advance(60_000);
    same([stage.client.counters.queued, stage.client.counters.inflight, stage.heard()], [0, 0, []]);
  },
};

export const start = (lib: ManagedLibrary) => player(CASES, lib);
