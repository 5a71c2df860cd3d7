// The rules of device management (docs/protocol.md 7) without a platform around them: every request of a device with its
// bad cases, every action of the operator with its bad answers, the state table of firmware, the bounds.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ActionOutcome, type Parameter, plan } from "../../../harness/platform/management/actions.ts";
import { type Condition, transitionFault } from "../../../harness/platform/management/firmware-states.ts";
import { type ActionTimeouts, ManagedDevice } from "../../../harness/platform/management/managed-device.ts";
import { FakeClock } from "../../../harness/testing/clock.ts";

const MANAGE = {
  lifetime: 3600,
  supports: { deviceActions: true, firmwareActions: true, "acme-v1": true },
  deviceInfo: { serialNumber: "0001", fwVersion: "1.2.0" },
  metadata: {},
};
const LOCATION = { longitude: 127.02, latitude: 37.5, measuredDateTime: "2017-03-14T01:02:03Z" };
const LOG = { message: "low heap", timestamp: "2017-03-14T01:02:03Z", severity: 1 };

type Sent = { topic: string; reqId: string; rc?: number; message?: string; d?: { fields: unknown } };

/** A device that a test speaks for, and the operator's actions on it. */
class Rig {
  readonly clock = new FakeClock();
  readonly violations: string[] = [];
  readonly outcomes: ActionOutcome[] = [];
  readonly sent: Sent[] = [];
  connected = true;
  changes = 0;
  readonly device: ManagedDevice;

  constructor() {
    this.device = new ManagedDevice("d:abc123:thermo:t-01", {
      now: () => this.clock.elapsed,
      send: (topic, payload) => this.sent.push({ topic, ...JSON.parse(payload) }),
      later: (ms, due) => {
        const timer = this.clock.timer(due);
        timer.set(ms);
        return () => timer.clear();
      },
      violation: text => this.violations.push(text),
      changed: () => this.changes++,
      connected: () => this.connected,
      reqIdPrefix: "s",
    });
  }

  /** The device sends `d`; the answer, or undefined. */
  tell(path: string, d?: unknown, reqId: string | undefined = `r${++ids}`): Sent | undefined {
    return this.raw(path, JSON.stringify({ ...(d === undefined ? {} : { d }), ...(reqId ? { reqId } : {}) }));
  }

  raw(path: string, payload: string | undefined, dup = false): Sent | undefined {
    const before = this.sent.length;
    this.device.receive(`iotdevice-1/${path}`, payload, dup);
    return this.sent.slice(before).find(({ topic }) => topic === "iotdm-1/response");
  }

  manage(change: object = {}): this {
    assert.equal(this.tell("mgmt/manage", { ...MANAGE, ...change })?.rc, 200);
    return this;
  }

  act(action: string, parameters: Parameter[] = [], timeouts: ActionTimeouts = {}, options = {}) {
    return this.device.start(plan(action, parameters, options), timeouts, outcome => this.outcomes.push(outcome));
  }

  /** The oldest request that was not looked at. */
  request(topic: string): Sent {
    const found = this.sent.findIndex(one => one.topic !== "iotdm-1/response");
    assert.ok(found >= 0, `no request; expected ${topic}`);
    const [request] = this.sent.splice(found, 1);
    assert.equal(request!.topic, `iotdm-1/${topic}`);
    return request!;
  }

  /** Answers the oldest request. */
  answer(topic: string, rc: number, rest: object = {}): Sent {
    const request = this.request(topic);
    this.raw("response", JSON.stringify({ rc, ...rest, reqId: request.reqId }));
    return request;
  }

  firmware(value: object): Sent | undefined {
    return this.tell("notify", { fields: [{ field: "mgmt.firmware", value }] });
  }

  /** The device answers the observation of a download or an update with its present state. */
  observed(state: number, updateStatus = 0): Sent {
    return this.answer("observe", 200, { d: { fields: [{ field: "mgmt.firmware", value: { state, updateStatus } }] } });
  }

  /** A download or an update up to its 202. */
  begin(kind: "download" | "update", state: number, updateStatus = 0): this {
    this.act(`firmware/${kind}`);
    this.observed(state, updateStatus);
    this.answer(`mgmt/initiate/firmware/${kind}`, 202);
    return this;
  }

  end(): ActionOutcome {
    const [outcome] = this.outcomes.splice(0, 1);
    assert.ok(outcome, "the action has ended");
    return outcome;
  }

  fine(): void {
    assert.deepEqual(this.violations, []);
  }
}

let ids = 0;

describe("requests of the device", () => {
  for (const [path, d] of [
    ["mgmt/manage", MANAGE],
    ["mgmt/manage", undefined],
    ["mgmt/manage", { lifetime: 0 }],
    ["mgmt/manage", { supports: { deviceActions: false } }],
    ["device/update/location", LOCATION],
    [
      "device/update/location",
      { longitude: -180, latitude: 90, elevation: -3, accuracy: 0, updatedDateTime: LOG.timestamp },
    ],
    ["add/diag/errorCodes", { errorCode: 17 }],
    ["add/diag/errorCodes", { errorCode: -1 }],
    ["clear/diag/errorCodes", undefined],
    ["add/diag/log", LOG],
    ["add/diag/log", { ...LOG, severity: 0, timestamp: "2016-02-29T23:59:60.123+05:30", data: "AP8bgA==" }],
    ["clear/diag/log", undefined],
  ] as const) {
    test(`${path} ${JSON.stringify(d)?.slice(0, 80)}: 200`, () => {
      const rig = new Rig();
      const answer = rig.tell(path, d, "r1");
      assert.deepEqual(answer, { topic: "iotdm-1/response", rc: 200, reqId: "r1" });
      assert.equal(rig.tell(path, d, ""), undefined, "no answer without reqId");
      rig.fine();
    });
  }

  const longitude = { ...LOCATION, longitude: 181 };
  for (const [path, d, message] of [
    ["mgmt/manage", { lifetime: 3599 }, /^lifetime must be 0 or a whole number 3600 or more, not 3599$/],
    ["mgmt/manage", { lifetime: "3600" }, /lifetime must be/],
    ["mgmt/manage", { lifetime: 3600.5 }, /lifetime must be/],
    ["mgmt/manage", { supports: { deviceActions: 1 } }, /^supports.deviceActions must be true or false, not 1$/],
    ["mgmt/manage", { supports: [] }, /supports must be an object/],
    ["mgmt/manage", { deviceInfo: { model: null } }, /^model must be a string, not null$/],
    ["mgmt/manage", { deviceInfo: { colour: "red" } }, /^deviceInfo has an unknown member "colour"$/],
    ["mgmt/manage", { metadata: "x" }, /^metadata must be an object/],
    ["mgmt/manage", { life: 1 }, /^d has an unknown member "life"$/],
    ["mgmt/manage", { constructor: 1 }, /^d has an unknown member "constructor"$/],
    ["mgmt/manage", [], /^d must be an object, not \[\]$/],
    ["mgmt/unmanage", { reason: "x" }, /unknown member "reason"/],
    ["device/update/location", undefined, /location must be an object/],
    ["device/update/location", { longitude: 1 }, /^location has no latitude$/],
    ["device/update/location", longitude, /^longitude must be a number -180..180, not 181$/],
    ["device/update/location", { ...LOCATION, latitude: -90.1 }, /^latitude must be a number -90..90/],
    ["device/update/location", { ...LOCATION, accuracy: -1 }, /^accuracy must be a number 0 or more/],
    ["device/update/location", { ...LOCATION, elevation: "5" }, /^elevation must be a number, not "5"$/],
    [
      "device/update/location",
      { ...LOCATION, measuredDateTime: "14.3.2017" },
      /^measuredDateTime must be a date and time/,
    ],
    ["device/update/location", { ...LOCATION, speed: 1 }, /unknown member "speed"/],
    ["add/diag/errorCodes", { errorCode: "17" }, /^errorCode must be a whole number, not "17"$/],
    ["add/diag/errorCodes", {}, /^d has no errorCode$/],
    ["add/diag/log", { ...LOG, severity: 3 }, /^severity must be one of 0, 1, 2, not 3$/],
    ["add/diag/log", { ...LOG, severity: "1" }, /^severity must be/],
    ["add/diag/log", { ...LOG, message: 5 }, /^message must be a string/],
    ["add/diag/log", { ...LOG, timestamp: "2017-03-14T01:02:03" }, /^timestamp must be .* with a zone/],
    ["add/diag/log", { ...LOG, timestamp: "2017-02-29T01:02:03Z" }, /^timestamp must be/],
    ["add/diag/log", { ...LOG, timestamp: "2017-13-01T01:02:03Z" }, /^timestamp must be/],
    ["add/diag/log", { ...LOG, timestamp: 1489453323 }, /^timestamp must be/],
    ["add/diag/log", { ...LOG, data: "§" }, /^data must be base64/],
    ["add/diag/log", { message: "x", timestamp: LOG.timestamp }, /^d has no severity$/],
    ["clear/diag/log", { all: true }, /unknown member "all"/],
    ["notify", { field: "location", value: LOCATION }, /^d has no fields$/],
    ["notify", { fields: [] }, /^fields is empty$/],
    ["notify", { fields: {} }, /^fields must be an array/],
    ["notify", { fields: [{ value: 1 }] }, /has no field$/],
    ["notify", { fields: [{ field: "colour", value: 1 }] }, /^there is no attribute "colour"$/],
    ["notify", { fields: [{ field: "location.speed", value: 1 }] }, /^there is no attribute "location.speed"$/],
    ["notify", { fields: [{ field: "location.latitude", value: 91 }] }, /^location.latitude must be a number -90..90/],
    ["notify", { fields: [{ field: "metadata" }] }, /^metadata must be an object/],
    ["notify", { fields: [{ field: "metadata.x" }] }, /^"metadata.x" has no value$/],
    ["notify", { fields: [{ field: "mgmt.firmware", value: { state: 3 } }] }, /^state must be one of 0, 1, 2, not 3$/],
    ["notify", { fields: [{ field: "mgmt.firmware.updateStatus", value: 7 }] }, /updateStatus must be one of/],
    ["notify", { fields: [{ field: "deviceInfo", value: { fwVersion: 2 } }] }, /^fwVersion must be a string/],
    ["mgmt/remanage", {}, /^there is no request iotdevice-1\/mgmt\/remanage$/],
    ["add/diag/constructor", {}, /^there is no request/],
  ] as const) {
    test(`${path} ${JSON.stringify(d)?.slice(0, 80)}: 400, and nothing is stored`, () => {
      const rig = new Rig();
      const before = rig.device.state;
      const answer = rig.tell(path, d, "r1");
      assert.deepEqual([answer?.rc, answer?.reqId], [400, "r1"]);
      assert.match(answer!.message!, message);
      assert.deepEqual(rig.violations, [`iotdevice-1/${path}: ${answer!.message}`]);
      assert.deepEqual(rig.device.state, before);
      assert.equal(rig.tell(path, d, ""), undefined);
      assert.equal(rig.violations.length, 2, "without reqId it is reported all the same");
    });
  }

  for (const [what, payload, message] of [
    ["not JSON", '{"d":', /the payload is not JSON/],
    ["empty", "", /the payload is not JSON/],
    ["not UTF-8", undefined, /the payload is not UTF-8/],
    ["not an object", '"manage"', /the payload must be a JSON object/],
    ["null", "null", /the payload must be a JSON object/],
    ["a reqId that is a number", '{"reqId":1}', /reqId must be a string/],
    ["an empty reqId", '{"reqId":""}', /reqId must be a string/],
    ["a long reqId", JSON.stringify({ reqId: "x".repeat(1025) }), /reqId must be a string/],
  ] as const) {
    test(`a payload that is ${what}: no answer, a violation`, () => {
      const rig = new Rig();
      assert.equal(rig.raw("mgmt/manage", payload), undefined);
      assert.match(rig.violations.join(), message);
      assert.equal(rig.device.state.managed, false);
    });
  }

  test("a member beside d and reqId: 400", () => {
    const answer = new Rig().raw("mgmt/manage", '{"d":{},"reqid":"1","reqId":"r1"}');
    assert.deepEqual([answer?.rc, answer?.message], [400, 'unknown member "reqid" beside d and reqId']);
  });

  test("names of the engine are no requests", () => {
    const rig = new Rig();
    for (const path of ["constructor", "toString", "__proto__"]) assert.equal(rig.tell(path)?.rc, 400, path);
  });

  test("a bundle that is claimed with false is not claimed; metadata that are left out stay", () => {
    const rig = new Rig().manage({ metadata: { a: 1 }, supports: { "acme-v1": false, "acme-v2": true } });
    assert.equal(rig.tell("mgmt/manage", { lifetime: 0, supports: { "acme-v2": true } })?.rc, 200);
    assert.deepEqual(rig.device.state.supports.bundles, ["acme-v2"]);
    assert.deepEqual(rig.device.state.metadata, { a: 1 });
    const first = new Rig().manage({ supports: { "acme-v1": false } });
    assert.throws(() => first.act("acme-v1/blink"), /does not claim acme-v1/);
  });

  test("a reqId that comes again on another topic: 400", () => {
    const rig = new Rig();
    assert.equal(rig.tell("clear/diag/log", undefined, "same")?.rc, 200);
    assert.equal(rig.tell("clear/diag/errorCodes", undefined, "same")?.rc, 400);
  });

  test("a bundle id that cannot be one: 403", () => {
    const rig = new Rig();
    assert.equal(rig.tell("mgmt/manage", { supports: { "a/b": true } })?.rc, 403);
    assert.equal(rig.tell("mgmt/manage", { supports: { ["x".repeat(256)]: true } })?.rc, 403);
    const many = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`b${i}`, true]));
    assert.equal(rig.tell("mgmt/manage", { supports: many })?.rc, 403);
    assert.equal(rig.device.state.managed, false);
  });

  test("manage, its lifetime, unmanage", () => {
    const rig = new Rig().manage();
    const { managed, managedUntil, supports, deviceInfo } = rig.device.state;
    assert.deepEqual([managed, managedUntil], [true, 3_600_000]);
    assert.deepEqual(supports, { deviceActions: true, firmwareActions: true, bundles: ["acme-v1"] });
    assert.deepEqual(deviceInfo, MANAGE.deviceInfo);
    rig.clock.advance(3_599_999);
    assert.equal(rig.device.state.managed, true);
    rig.clock.advance(1);
    assert.deepEqual([rig.device.state.managed, rig.device.state.dormant], [false, true]);
    assert.deepEqual(rig.tell("mgmt/unmanage")?.rc, 409);
    assert.equal(rig.device.state.dormant, false);
    rig.manage({ lifetime: 0, deviceInfo: { model: "M" }, metadata: { a: 1 } });
    rig.clock.advance(2 ** 40);
    assert.equal(rig.device.state.managed, true);
    assert.deepEqual([rig.device.state.deviceInfo, rig.device.state.metadata], [{ model: "M" }, { a: 1 }]);
    assert.equal(rig.tell("mgmt/unmanage")?.rc, 200);
    const again = rig.tell("mgmt/unmanage");
    assert.deepEqual([again?.rc, again?.message], [409, "the device is not managed"]);
    rig.fine();
  });

  test("location, error codes and log are kept, also of a device that is not managed, and cleared", () => {
    const rig = new Rig();
    rig.tell("device/update/location", { ...LOCATION, elevation: 5 });
    rig.tell("device/update/location", LOCATION);
    rig.tell("add/diag/errorCodes", { errorCode: 17 });
    rig.tell("add/diag/log", LOG);
    const { location, errorCodes, log } = rig.device.state;
    assert.deepEqual([location, errorCodes, log], [LOCATION, [17], [LOG]], "the elevation is deleted");
    rig.tell("clear/diag/errorCodes");
    rig.tell("clear/diag/log");
    assert.deepEqual([rig.device.state.errorCodes, rig.device.state.log], [[], []]);
  });

  test("a repeated request is answered again, and not done again", () => {
    const rig = new Rig();
    const first = rig.tell("add/diag/errorCodes", { errorCode: 17 }, "r1");
    assert.deepEqual(rig.tell("add/diag/errorCodes", { errorCode: 17 }, "r1"), first);
    assert.deepEqual(rig.device.state.errorCodes, [17]);
    rig.fine();
    const other = rig.tell("add/diag/errorCodes", { errorCode: 18 }, "r1");
    assert.deepEqual([other?.rc, other?.message], [400, 'reqId "r1" was used before, for another request']);
    assert.equal(rig.violations.length, 1);
    rig.device.connected();
    assert.equal(rig.tell("add/diag/errorCodes", { errorCode: 18 }, "r1")?.rc, 200, "after a restart it counts anew");
  });
});

describe("bounds", () => {
  test("100 error codes", () => {
    const rig = new Rig();
    for (let i = 0; i < 1000; i++) rig.tell("add/diag/errorCodes", { errorCode: i });
    assert.deepEqual([rig.device.state.errorCodes.length, rig.device.state.errorCodes[0]], [100, 900]);
  });

  test("100 log entries, 500,000 characters", () => {
    const rig = new Rig();
    for (let i = 0; i < 200; i++) rig.tell("add/diag/log", { ...LOG, message: `${i}` });
    assert.deepEqual([rig.device.state.log.length, rig.device.state.log[0]!.message], [100, "100"]);
    for (let i = 0; i < 20; i++) rig.tell("add/diag/log", { ...LOG, message: "x".repeat(100_000) });
    assert.equal(rig.device.state.log.length, 4);
  });

  test("100 notifies, and metadata of 131,072 characters", () => {
    const rig = new Rig().manage();
    rig.act("device/observe", [{ name: "metadata" }]);
    rig.answer("observe", 200);
    for (let i = 0; i < 200; i++) rig.tell("notify", { fields: [{ field: "metadata.n", value: i }] });
    assert.deepEqual([rig.device.state.notifies.length, rig.device.state.metadata], [100, { n: 199 }]);
    const big = (name: string) =>
      rig.tell("notify", { fields: [{ field: `metadata.${name}`, value: "x".repeat(60_000) }] });
    assert.deepEqual([big("a")?.rc, big("b")?.rc, big("c")?.rc], [200, 200, 400]);
    assert.deepEqual(Object.keys(rig.device.state.metadata), ["n", "a", "b"]);
  });

  test("256 remembered reqIds", () => {
    const rig = new Rig();
    for (let i = 0; i < 300; i++) rig.tell("add/diag/errorCodes", { errorCode: i }, `n${i}`);
    assert.equal(rig.tell("add/diag/errorCodes", { errorCode: 299 }, "n299")?.rc, 200);
    assert.equal(rig.device.state.errorCodes.at(-1), 299);
    assert.equal(rig.device.state.errorCodes.length, 100);
    rig.tell("add/diag/errorCodes", { errorCode: 0 }, "n0");
    assert.equal(rig.device.state.errorCodes.at(-1), 0, "the oldest is forgotten, so it is done again");
  });

  test("200 actions under way", () => {
    const rig = new Rig().manage();
    for (let i = 0; i < 100; i++) rig.act("acme-v1/blink");
    assert.throws(() => rig.act("acme-v1/blink"), /has 200 requests that are not finished$/);
  });

  test("64 observed attributes", () => {
    const rig = new Rig().manage();
    for (const start of [0, 32]) {
      rig.act(
        "device/observe",
        Array.from({ length: 32 }, (_, i) => ({ name: `metadata.m${start + i}` })),
      );
      rig.answer("observe", 200);
    }
    assert.throws(
      () => rig.act("device/observe", [{ name: "location" }]),
      /has 64 observed attributes; 64 are the most$/,
    );
    rig.act("device/cancel", [{ name: "metadata.m0" }]);
    rig.answer("cancel", 200);
    rig.act("device/observe", [{ name: "location" }]);
  });

  test("requests sent by hand push out the oldest", () => {
    const rig = new Rig().manage();
    for (let i = 0; i < 201; i++) rig.device.sent("iotdm-1/cancel", JSON.stringify({ reqId: `h${i}` }));
    rig.raw("response", '{"rc":200,"reqId":"h200"}');
    rig.fine();
  });
});

describe("what an operator may ask for", () => {
  for (const [action, parameters, message] of [
    ["device/explode", [], /^an action is device\/reboot, .* or <bundleId>\/<actionId>, not "device\/explode"$/],
    ["reboot", [], /^an action is/],
    ["a/b/c", [], /^an action is/],
    ["firmware/explode", [], /^an action is/],
    ["acme v1/blink", [], /^an action is/],
    ["device/reboot", [{ name: "when", value: "now" }], /^device\/reboot takes no parameters$/],
    ["firmware/download", [{ name: "state", value: 0 }], /^a parameter of firmware is one of/],
    ["firmware/download", [{ name: "uri", value: 5 }], /^uri must be a string, not 5$/],
    ["device/observe", [], /^1 to 32 attributes are needed, not 0$/],
    ["device/observe", [{ name: "a b" }], /^"a b" cannot be an attribute$/],
    ["device/update", [{ name: "colour", value: 1 }], /^an operator sets one of location, metadata/],
    ["device/update", [{ name: "location", value: { longitude: 1 } }], /^location has no latitude$/],
    ["acme-v1/blink", [{ name: "a b", value: 1 }], /^a parameter name is/],
    ["acme-v1/blink", [{ name: "times" }], /^parameter times has no value$/],
  ] as const) {
    test(`${action} ${JSON.stringify(parameters)}: TypeError`, () => {
      assert.throws(() => plan(action, [...parameters]), { name: "TypeError", message });
    });
  }

  const name = "d:abc123:thermo:t-01";
  for (const [what, prepare, action, message] of [
    ["never managed", () => {}, "device/reboot", `device/reboot: ${name} is not managed`],
    ["dormant", rig => rig.manage().clock.advance(3_600_000), "device/observe", /is dormant: its lifetime has ended/],
    ["unmanaged", rig => rig.manage().tell("mgmt/unmanage"), "device/update", /is not managed$/],
    ["no deviceActions", rig => rig.manage({ supports: {} }), "device/factoryReset", /does not claim deviceActions in/],
    ["no firmwareActions", rig => rig.manage({ supports: {} }), "firmware/update", /does not claim firmwareActions/],
    ["another bundle", rig => rig.manage(), "other-v1/blink", /does not claim other-v1 in the supports/],
    [
      "a second download",
      rig => rig.manage().begin("download", 0),
      "firmware/download",
      /has not finished firmware\/download$/,
    ],
  ] as [string, (rig: Rig) => unknown, string, string | RegExp][]) {
    test(`refused: ${what}`, () => {
      const rig = new Rig();
      prepare(rig);
      const parameters = action === "device/update" ? [{ name: "metadata", value: {} }] : [];
      const named = action === "device/observe" ? [{ name: "location" }] : parameters;
      assert.throws(() => rig.act(action, named), { name: "ManagementRefusal", message });
    });
  }
});

describe("actions", () => {
  for (const [action, topic] of [
    ["device/reboot", "mgmt/initiate/device/reboot"],
    ["device/factoryReset", "mgmt/initiate/device/factory_reset"],
  ] as const) {
    test(`${action}: 202, then manage`, () => {
      const rig = new Rig().manage();
      const started = rig.act(action);
      assert.deepEqual(rig.answer(topic, 202), { topic: `iotdm-1/${topic}`, reqId: "s1" });
      assert.deepEqual([started.rc, started.outcome], [202, undefined]);
      rig.manage();
      assert.deepEqual(rig.end(), {
        action,
        status: "done",
        rc: 202,
        text: "the device accepted it and has sent manage",
      });
      assert.equal(started.outcome?.status, "done");
      rig.fine();
    });

    for (const rc of [500, 501, 200, 204, 400]) {
      const allowed = rc === 500 || rc === 501;
      test(`${action}: answered ${rc}`, () => {
        const rig = new Rig().manage();
        rig.act(action);
        rig.answer(topic, rc, { message: "busy" });
        const { status, text } = rig.end();
        assert.deepEqual([status, text], ["failed", `the device answered ${rc}: busy`]);
        assert.deepEqual(
          rig.violations,
          allowed ? [] : [`iotdevice-1/response: ${topic} answered with rc ${rc}; 202 is success`],
        );
      });
    }
  }

  test("no answer, and no manage, in time", () => {
    const rig = new Rig().manage();
    rig.act("device/reboot");
    rig.connected = false;
    rig.clock.advance(29_999);
    assert.equal(rig.outcomes.length, 0);
    rig.clock.advance(1);
    assert.deepEqual(rig.end(), {
      action: "device/reboot",
      status: "timeout",
      text: "no answer within 30000 ms; it is not connected",
    });
    rig.connected = true;
    const late = rig.request("mgmt/initiate/device/reboot");
    const answer = JSON.stringify({ rc: 202, reqId: late.reqId });
    rig.raw("response", answer);
    rig.fine();
    rig.raw("response", answer);
    assert.match(rig.violations.join(), /a second answer to mgmt\/initiate\/device\/reboot, reqId "s1"$/);
    rig.act("device/reboot", [], { completeMs: 1000 });
    rig.answer("mgmt/initiate/device/reboot", 202);
    rig.clock.advance(1000);
    assert.equal(rig.end().text, "the device accepted it, but did not send manage within 1000 ms");
    assert.equal(rig.device.busy, 0);
    assert.deepEqual(rig.clock.pending, []);
  });

  for (const [what, answer, violation] of [
    ["an unknown reqId", '{"rc":200,"reqId":"x9"}', /no request has the reqId "x9"$/],
    ["no reqId", '{"rc":200}', /an answer without reqId$/],
    ["an rc that is text", '{"rc":"202","reqId":"s1"}', /rc must be a whole number, not "202"$/],
    ["no rc", '{"reqId":"s1"}', /the answer has no rc$/],
    ["a message that is none", '{"rc":202,"message":1,"reqId":"s1"}', /message must be a string/],
    ["another member", '{"rc":202,"code":1,"reqId":"s1"}', /unknown member "code"$/],
    ["fields that are none", '{"rc":202,"d":{"fields":1},"reqId":"s1"}', /fields must be an array/],
    ["JSON that is none", '{"rc":202,"reqId":s1}', /the payload is not JSON/],
  ] as const) {
    test(`an answer with ${what} is a violation, and answers nothing`, () => {
      const rig = new Rig().manage();
      const started = rig.act("device/reboot");
      assert.equal(rig.raw("response", answer), undefined);
      assert.match(rig.violations.join(), violation);
      assert.equal(started.rc, undefined);
    });
  }

  test("a second answer is a violation, unless MQTT has repeated the first", () => {
    const rig = new Rig().manage();
    rig.act("acme-v1/blink");
    const { reqId } = rig.answer("mgmt/custom/acme-v1/blink", 200);
    rig.raw("response", JSON.stringify({ rc: 200, reqId }), true);
    rig.fine();
    rig.raw("response", JSON.stringify({ rc: 200, reqId }));
    assert.match(rig.violations.join(), /a second answer to mgmt\/custom\/acme-v1\/blink/);
  });

  test("a custom action: parameters, 200 after it is done, any error code", () => {
    const rig = new Rig().manage();
    rig.act("acme-v1/blink", [{ name: "times", value: "3" }]);
    const { d } = rig.answer("mgmt/custom/acme-v1/blink", 200);
    assert.deepEqual(d, { fields: [{ field: "times", value: "3" }] });
    assert.deepEqual(rig.end(), { action: "acme-v1/blink", status: "done", rc: 200, text: "done" });
    rig.act("acme-v1/blink");
    assert.equal(rig.answer("mgmt/custom/acme-v1/blink", 417).d, undefined);
    assert.deepEqual(rig.end().status, "failed");
    rig.fine();
    rig.act("acme-v1/blink");
    rig.answer("mgmt/custom/acme-v1/blink", 202);
    assert.equal(rig.end().status, "failed");
    assert.match(rig.violations.join(), /answered with rc 202; 200 is success$/);
  });

  test("observe, notify, cancel", () => {
    const rig = new Rig().manage();
    const notify = (value: object) => rig.tell("notify", { fields: [{ field: "location", value }] });
    assert.deepEqual(
      [notify(LOCATION)?.rc, rig.violations.pop()],
      [409, "iotdevice-1/notify: a notify of location, which is not observed"],
    );
    rig.act("device/observe", [{ name: "location" }, { name: "deviceInfo.fwVersion" }]);
    const fields = [
      { field: "location", value: LOCATION },
      { field: "deviceInfo.fwVersion", value: "1.2.0" },
    ];
    const request = rig.answer("observe", 200, { d: { fields } });
    assert.deepEqual(request.d, { fields: [{ field: "location" }, { field: "deviceInfo.fwVersion" }] });
    assert.deepEqual(rig.end().fields, { location: LOCATION, "deviceInfo.fwVersion": "1.2.0" });
    assert.deepEqual(rig.device.state.location, LOCATION);
    assert.equal(notify({ ...LOCATION, latitude: 1 })?.rc, 200);
    assert.equal(rig.tell("notify", { fields: [{ field: "location.latitude", value: 2 }] })?.rc, 200, "a part of it");
    assert.equal(rig.tell("notify", { fields: [{ field: "deviceInfo", value: { fwVersion: "2" } }] })?.rc, 200);
    assert.equal(rig.device.state.location?.latitude, 2);
    assert.deepEqual(rig.device.state.deviceInfo, { serialNumber: "0001", fwVersion: "2" });
    rig.act("device/cancel", [{ name: "location" }]);
    assert.equal(notify(LOCATION)?.rc, 200, "until the device has answered");
    rig.answer("cancel", 200);
    assert.equal(rig.end().text, "cancelled");
    rig.fine();
    assert.equal(notify(LOCATION)?.rc, 409);
    assert.deepEqual(rig.device.state.observed, ["deviceInfo.fwVersion"]);
  });

  test("observe that fails: nothing is observed; its answers are checked", () => {
    const rig = new Rig().manage();
    const observe = (rc: number, fields: unknown[]) => {
      rig.act("device/observe", [{ name: "colour" }]);
      rig.answer("observe", rc, { d: { fields } });
      return rig.end();
    };
    assert.equal(observe(404, [{ field: "colour" }]).text, "the device answered 404 (colour)");
    assert.deepEqual(rig.device.state.observed, []);
    rig.fine();
    observe(404, [{ field: "colour", value: 1 }]);
    assert.match(rig.violations.pop()!, /observe failed, but colour has a value$/);
    observe(200, [{ field: "location", value: LOCATION }]);
    assert.match(rig.violations.pop()!, /"location" was not asked for$/);
    observe(200, [{ field: "colour", value: 1 }]);
    assert.match(rig.violations.pop()!, /there is no attribute "colour"$/);
    observe(204, []);
    assert.match(rig.violations.pop()!, /observe answered with rc 204; 200 is success$/);
  });

  test("a change of attributes: 204, stored then; 404 with what it could not set; nothing without reqId", () => {
    const rig = new Rig().manage();
    rig.act("device/update", [{ name: "metadata", value: { room: 5 } }]);
    assert.deepEqual(rig.device.state.metadata, {});
    rig.answer("device/update", 204);
    assert.deepEqual([rig.end().text, rig.device.state.metadata], ["changed", { room: 5 }]);
    rig.act("device/update", [{ name: "location", value: LOCATION }]);
    rig.answer("device/update", 404, { d: { fields: [{ field: "location", value: LOCATION }] } });
    assert.equal(rig.end().text, "the device answered 404 (location)");
    assert.equal(rig.device.state.location, undefined);
    rig.act("device/update", [{ name: "location", value: LOCATION }], {}, { unanswered: true });
    assert.deepEqual(rig.request("device/update").reqId, undefined);
    assert.deepEqual([rig.end().text, rig.device.state.location], ["sent without reqId", LOCATION]);
    rig.fine();
    rig.act("device/update", [{ name: "metadata", value: {} }]);
    rig.answer("device/update", 200);
    assert.match(rig.violations.join(), /device\/update answered with rc 200; 204 is success$/);
  });

  test("metadata of an operator replace the stored ones; a long text of the device is cut", () => {
    const rig = new Rig().manage({ metadata: { room: 5 } });
    rig.act("device/update", [{ name: "metadata", value: { floor: 1 } }]);
    rig.answer("device/update", 204);
    assert.deepEqual([rig.end().status, rig.device.state.metadata], ["done", { floor: 1 }]);
    rig.act("acme-v1/blink");
    rig.answer("mgmt/custom/acme-v1/blink", 200, { message: "x".repeat(1025) });
    assert.equal(rig.end().text, "x".repeat(1024));
    rig.fine();
  });

  test("which codes of failure are allowed", () => {
    const violations = (action: string, topic: string, parameters: Parameter[]) =>
      [400, 404, 500].filter(rc => {
        const rig = new Rig().manage();
        rig.act(action, parameters);
        rig.answer(topic, rc);
        assert.equal(rig.end().rc, rc);
        return rig.violations.length > 0;
      });
    const metadata = [{ name: "metadata", value: {} }];
    assert.deepEqual(violations("device/update", "device/update", metadata), []);
    assert.deepEqual(violations("device/observe", "observe", metadata), [400]);
    assert.deepEqual(violations("device/cancel", "cancel", metadata), [400, 404, 500]);
  });

  test("an observe that fails leaves what was observed before; unmanage ends all", () => {
    const rig = new Rig().manage();
    for (const rc of [200, 404]) {
      rig.act("device/observe", [{ name: "metadata.a" }]);
      rig.answer("observe", rc);
    }
    assert.deepEqual(rig.device.state.observed, ["metadata.a"]);
    assert.equal(rig.tell("notify", { fields: [{ field: "metadata.ab", value: 1 }] })?.rc, 409, "another member");
    assert.equal(rig.tell("mgmt/unmanage")?.rc, 200);
    assert.deepEqual(rig.device.state.observed, []);
  });

  test("every message of the device and every action is told as a change", () => {
    const rig = new Rig().manage();
    assert.equal(rig.changes, 1);
    rig.act("acme-v1/blink");
    assert.equal(rig.changes, 2);
    rig.clock.advance(30_000);
    assert.deepEqual([rig.changes, rig.end().status], [3, "timeout"]);
  });

  test("a request sent by hand may be answered with any code, once", () => {
    const rig = new Rig().manage();
    rig.device.sent("iotdm-1/observe", '{"d":{"fields":[{"field":"location"},{"x":1},7]},"reqId":"h1"}');
    rig.raw("response", '{"rc":200,"reqId":"h1"}');
    assert.equal(rig.tell("notify", { fields: [{ field: "location", value: LOCATION }] })?.rc, 200);
    for (const payload of ["{", '{"reqId":5}', '"x"']) rig.device.sent("iotdm-1/mgmt/initiate/device/reboot", payload);
    rig.fine();
    rig.raw("response", '{"rc":200,"reqId":"h1"}');
    assert.match(rig.violations.join(), /a second answer to observe/);
    const other = new Rig().manage();
    for (const [topic, rc] of [
      ["observe", 200],
      ["mgmt/initiate/firmware/download", 202],
    ]) {
      const d = topic === "observe" ? { fields: [{ field: "mgmt.firmware" }] } : undefined;
      other.device.sent(`iotdm-1/${topic}`, JSON.stringify({ d, reqId: topic }));
      other.raw("response", JSON.stringify({ rc, reqId: topic }));
    }
    other.firmware({ state: 0, updateStatus: 0 });
    assert.equal(other.firmware({ state: 1 })?.rc, 200);
    other.fine();
  });

  test("close ends what is under way", () => {
    const rig = new Rig().manage();
    rig.act("device/reboot");
    rig.device.close("the platform closed");
    assert.deepEqual(rig.end(), { action: "device/reboot", status: "failed", text: "the platform closed" });
    assert.deepEqual(rig.clock.pending, []);
  });
});

describe("firmware", () => {
  test("an update sends what the operator names, and no state", () => {
    const rig = new Rig().manage();
    rig.act("firmware/update", [{ name: "version", value: "1.3.0" }]);
    const { d } = rig.request("device/update");
    assert.deepEqual(d, { fields: [{ field: "mgmt.firmware", value: { version: "1.3.0" } }] });
  });

  test("a reboot or an observation under way does not keep it from beginning, nor does its end end it", () => {
    const rig = new Rig().manage();
    rig.act("device/reboot");
    rig.answer("mgmt/initiate/device/reboot", 202);
    rig.begin("download", 0);
    rig.act("device/cancel", [{ name: "location" }]);
    rig.answer("cancel", 200);
    assert.deepEqual([rig.end().action, rig.outcomes], ["device/cancel", []]);
    rig.firmware({ state: 1 });
    rig.firmware({ state: 0 });
    rig.answer("cancel", 200);
    assert.equal(rig.end().text, "the device went back to state 0");
  });

  const OFFER = { version: "1.3.0", name: "fw", uri: "https://example.com/fw.bin", verifier: "9f86d081" };
  const PARAMETERS = Object.entries(OFFER).map(([name, value]) => ({ name, value }));

  test("a download as in docs/protocol.md 7.5", () => {
    const rig = new Rig().manage();
    const started = rig.act("firmware/download", PARAMETERS);
    const update = rig.answer("device/update", 204);
    const value = { ...OFFER, state: 0, updateStatus: 0, updatedDateTime: "" };
    assert.deepEqual(update.d, { fields: [{ field: "mgmt.firmware", value }] });
    assert.deepEqual(rig.device.state.firmware, OFFER);
    assert.deepEqual(rig.observed(0).d, { fields: [{ field: "mgmt.firmware" }] });
    assert.deepEqual(rig.answer("mgmt/initiate/firmware/download", 202).d, undefined);
    assert.equal(rig.firmware({ state: 1 })?.rc, 200);
    assert.equal(started.outcome, undefined);
    assert.equal(rig.firmware({ state: 2 })?.rc, 200);
    assert.equal(started.outcome, undefined, "not before cancel is answered");
    assert.deepEqual(rig.answer("cancel", 200).d, { fields: [{ field: "mgmt.firmware" }] });
    assert.deepEqual(rig.end(), { action: "firmware/download", status: "done", rc: 202, text: "downloaded" });
    assert.deepEqual(rig.device.state.firmware, { ...OFFER, state: 2, updateStatus: 0 });
    assert.deepEqual(rig.device.state.observed, []);
    rig.fine();
  });

  test("an update: in progress, restart, manage, success with the new version", () => {
    const rig = new Rig().manage().begin("update", 2);
    assert.equal(rig.firmware({ updateStatus: 1 })?.rc, 200);
    rig.manage({ deviceInfo: { fwVersion: "1.3.0" } });
    assert.equal(rig.firmware({ state: 0, updateStatus: 0 })?.rc, 200);
    assert.equal(rig.tell("notify", { fields: [{ field: "deviceInfo.fwVersion", value: "1.3.0" }] })?.rc, 200);
    rig.answer("cancel", 200);
    assert.deepEqual(rig.end(), { action: "firmware/update", status: "done", rc: 202, text: "installed" });
    rig.fine();
    assert.equal(rig.tell("notify", { fields: [{ field: "deviceInfo.fwVersion", value: "9" }] })?.rc, 409);
  });

  test("how an update has ended, once after manage, though the observation is lost", () => {
    const rig = new Rig();
    assert.equal(rig.firmware({ state: 0, updateStatus: 5 })?.rc, 409, "not managed");
    rig.violations.pop();
    rig.manage();
    assert.equal(rig.firmware({ state: 0, updateStatus: 5 })?.rc, 200);
    assert.deepEqual(rig.device.state.firmware, { state: 0, updateStatus: 5 });
    rig.fine();
    assert.equal(rig.firmware({ updateStatus: 0 })?.rc, 409);
  });

  test("after manage the device may be in any state", () => {
    const rig = new Rig().manage().begin("download", 2).manage();
    rig.firmware({ state: 1 });
    rig.fine();
  });

  test("without values in the answer to observe, as in IBM's example", () => {
    const rig = new Rig().manage();
    rig.act("firmware/download");
    rig.answer("observe", 200);
    rig.answer("mgmt/initiate/firmware/download", 202);
    rig.firmware({ state: 1 });
    rig.firmware({ state: 2 });
    rig.answer("cancel", 200);
    assert.equal(rig.end().status, "done");
    rig.fine();
  });

  for (const [updateStatus, text] of [
    [2, "updateStatus 2: out of memory"],
    [3, "updateStatus 3: connection lost"],
    [4, "updateStatus 4: verification failed"],
    [6, "updateStatus 6: invalid URI"],
  ] as const) {
    for (const begun of [true, false]) {
      test(`a download that fails with ${updateStatus}, ${begun ? "on the way" : "before it began"}`, () => {
        const rig = new Rig().manage().begin("download", 0, begun ? 3 : 0);
        if (begun) rig.firmware({ state: 1 });
        rig.firmware({ state: 0, updateStatus });
        rig.answer("cancel", 200);
        assert.deepEqual(rig.end(), { action: "firmware/download", status: "failed", rc: 202, text });
        rig.fine();
      });
    }
  }

  for (const [value, text] of [
    [{ state: 0, updateStatus: 2 }, "updateStatus 2: out of memory"],
    [{ updateStatus: 5 }, "updateStatus 5: unsupported image"],
    [{ state: 0, updateStatus: 4 }, "updateStatus 4: verification failed"],
  ] as const) {
    test(`an update that fails with ${JSON.stringify(value)}`, () => {
      const rig = new Rig().manage().begin("update", 2);
      rig.firmware({ updateStatus: 1 });
      rig.firmware(value);
      rig.answer("cancel", 200);
      assert.deepEqual(rig.end(), { action: "firmware/update", status: "failed", rc: 202, text });
      rig.fine();
    });
  }

  for (const [kind, rc] of [
    ["download", 400],
    ["download", 500],
    ["download", 501],
    ["update", 400],
  ] as const) {
    test(`a ${kind} that is answered ${rc}: cancel, failed`, () => {
      const rig = new Rig().manage();
      rig.act(`firmware/${kind}`);
      rig.answer("observe", 200);
      rig.answer(`mgmt/initiate/firmware/${kind}`, rc);
      rig.answer("cancel", 200);
      assert.deepEqual([rig.end().text, rig.device.state.observed], [`the device answered ${rc}`, []]);
      rig.fine();
    });
  }

  test("a download ends early: refused attributes, refused observe", () => {
    const rig = new Rig().manage();
    rig.act("firmware/download", PARAMETERS);
    rig.answer("device/update", 404, { d: { fields: [{ field: "mgmt.firmware" }] } });
    assert.equal(rig.end().rc, 404);
    rig.act("firmware/download");
    rig.answer("observe", 500, { message: "full" });
    assert.equal(rig.end().text, "the device answered 500: full");
    rig.fine();
  });

  test("a download that does not end, and a device that does not answer cancel", () => {
    const rig = new Rig().manage();
    rig.act("firmware/download", [], { answerMs: 10, completeMs: 1000 });
    rig.answer("observe", 200);
    rig.answer("mgmt/initiate/firmware/download", 202);
    rig.clock.advance(999);
    rig.firmware({ state: 1 });
    rig.clock.advance(1000);
    rig.request("cancel");
    rig.clock.advance(10);
    assert.deepEqual(rig.end(), {
      action: "firmware/download",
      status: "timeout",
      rc: 202,
      text: "the device accepted it, but did not finish within 1000 ms",
    });
  });

  test("the operator cancels the observation, the device unmanages", () => {
    const rig = new Rig().manage().begin("download", 0);
    rig.act("device/cancel", [{ name: "mgmt.firmware" }]);
    rig.answer("cancel", 200);
    assert.deepEqual(rig.end().text, "the operator cancelled the observation of mgmt.firmware");
    assert.deepEqual([rig.end().text, rig.device.busy], ["cancelled", 0]);
    rig.manage().begin("update", 2);
    rig.tell("mgmt/unmanage");
    assert.deepEqual([rig.end().text, rig.device.busy], ["the device sent unmanage", 0]);
    rig.fine();
  });

  for (const [what, kind, before, notifies, violation] of [
    [
      "a skipped state",
      "download",
      0,
      [{ state: 2 }],
      /from state 0 updateStatus 0 to state 2 updateStatus 0, which is no/,
    ],
    ["an update nobody asked for", "download", 2, [{ updateStatus: 1 }], /without an update request/],
    ["a download nobody asked for", "update", 0, [{ state: 1 }], /without a download request/],
    ["back from downloaded", "download", 2, [{ state: 1 }], /which is no transition/],
    [
      "success while it downloads",
      "download",
      0,
      [{ state: 1 }, { state: 0 }],
      /from state 1 .* to state 0 updateStatus 0/,
    ],
    [
      "success without in progress",
      "update",
      2,
      [{ state: 0, updateStatus: 0 }],
      /from state 2 updateStatus 0 to state 0/,
    ],
    ["3 in an update", "update", 2, [{ updateStatus: 1 }, { updateStatus: 3 }], /which is no transition/],
  ] as const) {
    test(`${what} is a violation`, () => {
      const rig = new Rig().manage().begin(kind, before);
      for (const value of notifies) rig.firmware(value);
      assert.equal(rig.violations.length, 1);
      assert.match(rig.violations[0]!, violation);
    });
  }

  test("a notify before the 202 is a violation", () => {
    const rig = new Rig().manage();
    rig.act("firmware/download");
    rig.observed(0);
    rig.firmware({ state: 1 });
    assert.match(rig.violations.join(), /without a download request that the device has accepted$/);
  });

  test("the table: which of all changes are allowed, and after which request", () => {
    const all: Condition[] = [0, 1, 2].flatMap(state =>
      [0, 1, 2, 3, 4, 5, 6].map(updateStatus => ({ state, updateStatus })),
    );
    const named = ({ state, updateStatus }: Condition) => `${state}${updateStatus}`;
    const allowed = (accepted: "download" | "update" | undefined) =>
      all.flatMap(before =>
        all
          .filter(after => named(before) !== named(after) && !transitionFault(before, after, accepted))
          .map(after => `${named(before)} ${named(after)}`),
      );
    for (const condition of all) assert.equal(transitionFault(condition, condition, undefined), undefined);
    const pairs = (from: readonly string[], to: readonly string[]) =>
      from.flatMap(before => to.filter(after => after !== before).map(after => `${before} ${after}`));
    const of = (state: number, ...status: number[]) => status.map(one => `${state}${one}`);
    const [idle, downloading] = [of(0, 0, 1, 2, 3, 4, 5, 6), of(1, 0, 1, 2, 3, 4, 5, 6)];
    const downloaded = of(2, 0, 2, 3, 4, 5, 6);
    const always = [
      ...pairs(idle, ["00"]),
      ...pairs(downloading, [...of(0, 2, 3, 4, 5, 6), "20"]),
      ...of(1, 2, 3, 4, 5, 6).map(before => `${before} 2${before[1]}`),
      ...pairs(downloaded, ["20"]),
      ...pairs(["21"], [...of(0, 0, 2, 4, 5), ...of(2, 2, 4, 5)]),
    ];
    const download = [
      ...pairs(idle, ["10"]),
      ...of(0, 1, 2, 3, 4, 5, 6).map(before => `${before} 1${before[1]}`),
      ...pairs(idle, of(0, 2, 3, 4, 5, 6)),
    ];
    const update = [...pairs(downloaded, ["21", ...of(2, 2, 4, 5), ...of(0, 2, 4, 5)])];
    assert.deepEqual(allowed(undefined).sort(), always.sort());
    assert.deepEqual(allowed("download").sort(), [...always, ...download].sort());
    assert.deepEqual(allowed("update").sort(), [...always, ...update].sort());
  });
});
