// NEEDS dist/ (npm run build). The operator of a user's test: reboot, firmware, attributes and custom actions of a device
// program, what the device told, and the rules that it breaks.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MqttClient, type MqttMessage } from "../../../../dist/node.js";
import { type Bench, type TestDevice, testDevice } from "../../../../dist/testing.js";
import { text, utf8 } from "../../../harness/testing/bytes.ts";
import { assertComplaint, complaint } from "./complaint.ts";

const LOCATION = { longitude: 127.02, latitude: 37.5 };
const SUPPORTS = { deviceActions: true, firmwareActions: true, "acme-v1": true };

interface Request {
  path: string;
  reqId?: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the platform sent
  d?: any;
}

/** A managed device of a few lines: it answers each request with what `respond` returns. */
function device(
  respond: (request: Request, tell: (path: string, d?: object) => void) => object | undefined = () => undefined,
) {
  return ({ ports }: Bench) => {
    const client = new MqttClient(
      {
        endpoint: { host: "platform.test", port: 1883 },
        clientId: "d:abc123:thermo:t-01",
        username: "use-token-auth",
        password: "x",
      },
      ports,
    );
    const answers: { rc: number; reqId: string; message?: string }[] = [];
    let lastId = 0;
    const tell = (path: string, d?: object) => {
      client.publish(`iotdevice-1/${path}`, utf8(JSON.stringify({ d, reqId: `r${++lastId}` })), 1);
    };
    client.messageCallback = ({ topic, payload }: MqttMessage) => {
      const message = JSON.parse(text(payload));
      if (topic === "iotdm-1/response") return void answers.push(message);
      const answer = respond({ path: topic.slice("iotdm-1/".length), ...message }, tell);
      if (answer) client.publish("iotdevice-1/response", utf8(JSON.stringify({ ...answer, reqId: message.reqId })), 1);
    };
    client.connectedCallback = () => {
      client.subscribe([{ topic: "iotdm-1/#", qos: 1 }]);
      tell("mgmt/manage", { lifetime: 3600, supports: SUPPORTS, deviceInfo: { fwVersion: "1.2.0" } });
    };
    client.connect();
    return { client, tell, answers };
  };
}

type Device = TestDevice<ReturnType<ReturnType<typeof device>>>;

function started(respond?: Parameters<typeof device>[0]): Device {
  const t = testDevice(device(respond));
  t.platform.accept({ always: true });
  return t;
}

describe("what the device tells", () => {
  test("manage, location, error codes and log: answered, and there for the test", () => {
    const t = started();
    const { managed, supports, deviceInfo } = t.platform.management;
    assert.deepEqual([managed, supports.bundles, deviceInfo], [true, ["acme-v1"], { fwVersion: "1.2.0" }]);
    const entry = { message: "low heap", timestamp: "2017-03-14T01:02:03Z", severity: 1 };
    t.run(() => {
      t.program.tell("device/update/location", LOCATION);
      t.program.tell("add/diag/errorCodes", { errorCode: 17 });
      t.program.tell("add/diag/log", entry);
    });
    const { location, errorCodes, log } = t.platform.management;
    assert.deepEqual([location, errorCodes, log], [LOCATION, [17], [entry]]);
    const codes = t.program.answers.map(({ rc }) => rc);
    assert.deepEqual(codes, [200, 200, 200, 200]);
    t.expectNoViolation();
    t.advance(3_599_000);
    assert.equal(t.platform.management.managed, true);
    t.advance(1_000);
    assert.deepEqual([t.platform.management.managed, t.platform.management.dormant], [false, true]);
  });

  test("the answer follows the acknowledgement of its request", () => {
    const t = started();
    const lines = t.dialogue.split("\n").filter(line => /PUBACK|iotdm-1\/response/.test(line));
    assert.match(lines[0]!, /← PUBACK/);
    assert.match(lines[1]!, /← PUBLISH .* iotdm-1\/response \{"rc":200,"reqId":"r1"\}$/);
  });

  test("what is malformed is answered 400, and is a violation; the connection stays", () => {
    const t = started();
    t.run(() => t.program.tell("device/update/location", { longitude: 1 }));
    assert.deepEqual(t.program.answers.at(-1), { rc: 400, message: "location has no latitude", reqId: "r2" });
    assert.deepEqual(t.platform.violations, ["iotdevice-1/device/update/location: location has no latitude"]);
    assert.equal(t.platform.connected, true);
    assertComplaint(() => t.expectNoViolation(), /^the device has broken a rule: iotdevice-1\/device\/update/);
  });

  test("a program that never asked for device management is not managed", () => {
    const t = testDevice(({ ports }) => {
      new MqttClient({ endpoint: { host: "x", port: 1 }, clientId: "d:abc123:thermo:t-01" }, ports).connect();
    });
    assertComplaint(() => t.platform.reboot(), /^device\/reboot cannot be delivered: the device is not connected/);
    t.platform.accept();
    assert.equal(t.platform.management.managed, false);
    assertComplaint(() => t.platform.reboot(), /the device has subscribed to nothing, not to iotdm-1\/#$/);
  });

  test("requests may be refused, or not answered; then they are not done", () => {
    const t = testDevice(device());
    t.platform.refuseRequests(409).ignoreRequests(2).accept();
    assert.deepEqual([t.program.answers[0]?.rc, t.platform.management.managed], [409, false]);
    t.run(() => {
      t.program.tell("mgmt/manage");
      t.program.tell("mgmt/manage");
    });
    assert.deepEqual([t.program.answers.length, t.platform.management.managed], [1, false]);
    t.run(() => t.program.tell("mgmt/manage"));
    assert.deepEqual([t.program.answers.length, t.platform.management.managed], [2, true]);
    t.expectNoViolation();
    assert.throws(() => t.platform.refuseRequests(99), /^RangeError: a code is 200\.\.599, not 99$/);
  });
});

describe("the operator", () => {
  test("a reboot: accepted, restarted, managed again", () => {
    const t = started(({ path }) => (path === "mgmt/initiate/device/reboot" ? { rc: 202 } : undefined));
    const reboot = t.platform.reboot();
    assert.deepEqual([reboot.rc, reboot.outcome], [202, undefined]);
    t.restart();
    assert.equal(reboot.outcome?.status, "done");
    t.expectNoViolation();
  });

  test("a manage that is refused does not end a reboot", () => {
    const t = started(({ path }) => (path === "mgmt/initiate/device/reboot" ? { rc: 202 } : undefined));
    const reboot = t.platform.reboot();
    t.platform.refuseRequests(409);
    t.restart();
    assert.deepEqual([reboot.rc, reboot.outcome], [202, undefined]);
    t.restart();
    assert.equal(reboot.outcome?.status, "done");
  });

  test("a factory reset that the device does not support", () => {
    const reset = started(() => ({ rc: 501, message: "no" })).platform.factoryReset();
    assert.deepEqual([reset.outcome?.status, reset.outcome?.text], ["failed", "the device answered 501: no"]);
  });

  test("firmware: download with progress, update with a restart", () => {
    const notify = (tell: (path: string, d: object) => void, value: object) => {
      tell("notify", { fields: [{ field: "mgmt.firmware", value }] });
    };
    const t = started(({ path }, tell) => {
      switch (path) {
        case "device/update":
          return { rc: 204 };
        case "mgmt/initiate/firmware/download":
          setTimeout(() => notify(tell, { state: 1 }), 1000);
          setTimeout(() => notify(tell, { state: 2 }), 60_000);
          return { rc: 202 };
        case "mgmt/initiate/firmware/update":
          setTimeout(() => notify(tell, { updateStatus: 1 }), 1000);
          return { rc: 202 };
        default:
          return { rc: 200 };
      }
    });
    const download = t.platform.downloadFirmware({ version: "1.3.0", uri: "https://example.com/fw.bin" });
    t.advance(1000);
    assert.deepEqual([t.platform.management.firmware.state, download.outcome], [1, undefined]);
    t.advance(59_000);
    assert.equal(download.outcome?.text, "downloaded");
    const update = t.platform.updateFirmware();
    assertComplaint(() => t.platform.downloadFirmware(), /has not finished firmware\/update$/);
    t.advance(1000);
    t.restart();
    assert.deepEqual([update.rc, update.outcome], [202, undefined]);
    t.run(() => notify(t.program.tell, { state: 0, updateStatus: 0 }));
    assert.equal(update.outcome?.text, "installed");
    const notified = t.platform.management.notifies.map(({ value }) => value);
    assert.deepEqual(notified, [{ state: 1 }, { state: 2 }, { updateStatus: 1 }, { state: 0, updateStatus: 0 }]);
    t.expectNoViolation();
  });

  test("observe, cancel, attributes, custom actions", () => {
    const seen: Request[] = [];
    const t = started(request => {
      seen.push(request);
      if (request.path === "observe") return { rc: 200, d: { fields: [{ field: "location", value: LOCATION }] } };
      return request.reqId ? { rc: request.path === "device/update" ? 204 : 200 } : undefined;
    });
    assert.deepEqual(t.platform.observe("location", "metadata").outcome?.fields, { location: LOCATION });
    assert.deepEqual(t.platform.management.observed, ["location", "metadata"]);
    t.run(() => t.program.tell("notify", { fields: [{ field: "metadata.firmwareProgress", value: 40 }] }));
    assert.deepEqual(t.platform.management.metadata, { firmwareProgress: 40 });
    assert.equal(t.platform.cancel("location", "metadata").outcome?.status, "done");
    assert.equal(t.platform.setAttribute("metadata", { room: 5 }).outcome?.status, "done");
    assert.equal(t.platform.setAttribute("metadata", { room: 6 }, { unanswered: true }).outcome?.status, "done");
    assert.equal(t.platform.customAction("acme-v1", "blink", { times: 3 }).outcome?.status, "done");
    assert.deepEqual(seen.at(-1)!.d, { fields: [{ field: "times", value: 3 }] });
    assert.equal(seen.at(-2)!.reqId, undefined);
    t.expectNoViolation();
    assert.throws(() => t.platform.setAttribute("colour", 1), TypeError);
    assert.throws(() => t.platform.observe(), TypeError);
  });

  test("refused: what is not claimed, and a device that is not managed", () => {
    const t = started();
    const name = "d:abc123:thermo:t-01";
    assert.equal(
      complaint(() => t.platform.customAction("other-v1", "blink")),
      `other-v1/blink: ${name} does not claim other-v1 in the supports of its manage request`,
    );
    t.run(() => t.program.tell("mgmt/unmanage"));
    assert.equal(
      complaint(() => t.platform.reboot()),
      `device/reboot: ${name} is not managed`,
    );
  });

  for (const [what, respond, violation] of [
    ["a wrong code", () => ({ rc: 200 }), /reboot answered with rc 200; 202 is success$/],
    [
      "another reqId",
      (_: Request, tell: (path: string) => void) => {
        tell("response");
        return undefined;
      },
      /has no rc$/,
    ],
  ] as const) {
    test(`a violation: ${what}`, () => {
      const t = started(respond as never);
      t.platform.reboot();
      assert.match(t.platform.violations.join(), violation);
      assert.match(t.dialogue, /platform +the device broke a rule: /);
    });
  }

  test("a request by hand, twice: one answer is right, a second is not", () => {
    const t = started(({ path }) => (path === "mgmt/initiate/device/reboot" ? { rc: 500 } : undefined));
    const request = () => t.platform.send("iotdm-1/mgmt/initiate/device/reboot", '{"reqId":"h1"}', 1);
    request();
    t.expectNoViolation();
    t.run(() => t.program.client.publish("iotdevice-1/response", utf8('{"rc":500,"reqId":"h1"}'), 1));
    assert.match(t.platform.violations.join(), /a second answer to mgmt\/initiate\/device\/reboot, reqId "h1"$/);
  });
});
