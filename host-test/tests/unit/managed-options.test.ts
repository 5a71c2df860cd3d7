// Options and arguments of device management that cannot be used: each is refused with a text that names it, and nothing is
// sent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ManagedDeviceClient } from "../../../src/device/managed/client.ts";
import type { ManagedDeviceOptions } from "../../../src/device/managed/types.ts";
import { ConfigurationException } from "../../../src/errors.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { FakeNetwork } from "../../harness/testing/transport.ts";
import { DEVICE } from "../support/device.ts";

function client(options: unknown = {}): ManagedDeviceClient {
  return new ManagedDeviceClient(options as ManagedDeviceOptions, new FakeNetwork(new FakeClock()));
}

const managed = (managed: unknown) => () => client({ ...DEVICE, managed });

const location = (members: object) => () => ready().setLocation({ longitude: 0, latitude: 0, ...members });

const installer = { download() {}, update() {} };

const REFUSED: [what: string, act: () => unknown, text: RegExp][] = [
  ["options that are no object", () => client(7), /^options must be an object/],
  ["no options", () => client(null), /^options must be an object/],
  ["a Quickstart device", () => client({ org: "quickstart" }), /Quickstart device cannot be managed/],
  ["managed that is no object", managed(7), /^managed must be an object/],
  ["an unknown option", managed({ livetime: 1 }), /^Unknown option: managed\.livetime/],
  ["a lifetime below 3600", managed({ lifetime: 3599 }), /^managed\.lifetime .* 3600\.\.4294967 or 0, not 3599/],
  ["a lifetime above 4294967", managed({ lifetime: 4294968 }), /^managed\.lifetime/],
  ["a lifetime as text", managed({ lifetime: "3600" }), /^managed\.lifetime/],
  ["a lifetime with a fraction", managed({ lifetime: 3600.5 }), /^managed\.lifetime/],
  ["a time-out of 0", managed({ requestTimeout: 0 }), /^managed\.requestTimeout .*, not 0/],
  ["a limit of 0 requests", managed({ limits: { requests: 0 } }), /^managed\.limits\.requests .*, not 0/],
  ["a limit of 3 observed", managed({ limits: { observed: 3 } }), /^managed\.limits\.observed .*, not 3/],
  ["a time-out above 2147483647", managed({ requestTimeout: 2 ** 31 }), /^managed\.requestTimeout/],
  ["a limit of 256 requests", managed({ limits: { requests: 256 } }), /^managed\.limits\.requests 1?.*, not 256/],
  ["a limit of 256 observed", managed({ limits: { observed: 256 } }), /^managed\.limits\.observed .*, not 256/],
  ["attributes of 1 byte", managed({ limits: { attributeBytes: 1 } }), /^managed\.limits\.attributeBytes .*, not 1$/],
  ["attributes of 32769 bytes", managed({ limits: { attributeBytes: 32_769 } }), /^managed\.limits\.attributeBytes/],
  ["an unknown limit", managed({ limits: { request: 1 } }), /^Unknown option: managed\.limits\.request/],
  ["device info with a number", managed({ deviceInfo: { model: 7 } }), /^deviceInfo\.model must be a string/],
  ["device info with another member", managed({ deviceInfo: { color: "" } }), /^deviceInfo has no member color/],
  ["metadata that are an array", managed({ metadata: [] }), /^metadata must be an object/],
  ["metadata that are too large", managed({ metadata: { a: "x".repeat(1017) } }), /^metadata of 1025 bytes/],
  ["bundles that are no array", managed({ bundles: "acme" }), /^managed\.bundles must be an array/],
  ["nine bundles", managed({ bundles: [..."123456789"] }), /^managed\.bundles must be an array of at most 8/],
  ["a bundle id that is not one", managed({ bundles: ["deviceActions"] }), /"deviceActions" cannot be a bundle id/],
  ["a bundle id of firmware", managed({ bundles: ["firmwareActions"] }), /"firmwareActions" cannot be a bundle id/],
  [
    "a bundle id of 256 characters",
    managed({ bundles: ["x".repeat(256)] }),
    /^managed\.bundles: a bundle id is 1 to 255/,
  ],
  ["a bundle id of the engine", managed({ bundles: ["__proto__"] }), /"__proto__" cannot be a bundle id/],
  ["limits with one subscription", () => client({ ...DEVICE, limits: { subscriptions: 1 } }), /^limits\.subscriptions/],
  ["a bundle with a slash", managed({ bundles: ["a/b"] }), /^managed\.bundles: .* not "a\/b"/],
  ["an empty bundle", managed({ bundles: [""] }), /^managed\.bundles: .* not ""/],
  [
    "an installer without update",
    managed({ installer: { download() {} } }),
    /^managed\.installer must have the methods/,
  ],
  [
    "an installer without download",
    managed({ installer: { update() {} } }),
    /^managed\.installer must have the methods/,
  ],
  ["a longitude of 181", location({ longitude: 181 }), /^longitude .* not 181/],
  ["a latitude of NaN", location({ latitude: Number.NaN }), /^latitude .* not NaN/],
  ["a latitude of 90.5", location({ latitude: 90.5 }), /^latitude .* not 90\.5/],
  ["an elevation as text", location({ elevation: "7" }), /^elevation must be metres, not 7/],
  ["an accuracy below 0", location({ accuracy: -1 }), /^accuracy/],
  ["a time that is none", location({ measuredDateTime: "March 7" }), /^measuredDateTime .* not March 7/],
  ["a time in month 13", location({ updatedDateTime: "2017-13-14T01:02:03Z" }), /^updatedDateTime .* not 2017-13/],
  ["no location", () => ready().setLocation(undefined as never), /^location must be an object/],
  ["an error code with a fraction", () => ready().addErrorCode(1.5), /^errorCode .* not 1\.5/],
  ["an error code as text", () => ready().addErrorCode("17" as never), /^errorCode .* not 17/],
  ["a log entry without a message", () => ready().addLog({ message: "" }), /^message must be a string/],
  ["a severity of 3", () => ready().addLog({ message: "m", severity: 3 as never }), /^severity .* not 3/],
  ["log data that are a number", () => ready().addLog({ message: "m", data: 7 as never }), /^data must be/],
  ["device info that is none", () => ready().setDeviceInfo(7 as never), /^deviceInfo must be an object/],
  ["metadata that are none", () => ready().setMetadata(7 as never), /^metadata must be an object/],
];

function ready(): ManagedDeviceClient {
  const one = client({ ...DEVICE, managed: { installer } });
  one.connect();
  return one;
}

for (const [what, act, text] of REFUSED) {
  test(`${what}: ConfigurationException`, () => {
    assert.throws(act, error => error instanceof ConfigurationException && text.test(error.message));
  });
}

test("a request before the first connect() throws, and a log entry above 131,072 bytes", () => {
  assert.throws(() => client({ ...DEVICE }).addErrorCode(1), { code: "not-connected" });
  const one = ready();
  assert.throws(() => one.addLog({ message: "x".repeat(140_000) }), { code: "invalid-event" });
  assert.equal(one.counters.queued, 0);
});

test("the least and the most of each option", () => {
  const bundles = [..."1234567", "x".repeat(255)];
  for (const options of [
    { lifetime: 3600, requestTimeout: 1, limits: { requests: 1, observed: 4, attributeBytes: 2 }, bundles: [] },
    {
      lifetime: 4_294_967,
      requestTimeout: 2_147_483_647,
      limits: { requests: 255, observed: 255, attributeBytes: 32_768 },
      bundles,
    },
    { limits: { requests: undefined }, metadata: { a: "x".repeat(1016) } },
  ]) {
    client({ ...DEVICE, managed: options });
  }
  const one = ready();
  assert.ok(one.setLocation({ longitude: 180, latitude: -90, elevation: null, measuredDateTime: null } as never));
  for (let requests = 1; requests < 8; requests++) assert.ok(one.clearLog());
  assert.equal(one.clearLog(), false, "8 requests by default");
});

test("a message of 131,072 bytes is sent, one more is not", () => {
  const one = ready();
  const add = (length: number) => one.addLog({ message: "x".repeat(length), timestamp: "2017-03-14T01:02:03Z" });
  assert.throws(() => add(140_000), { code: "invalid-event" });
  let text = "";
  try {
    add(140_000);
  } catch (error) {
    text = (error as Error).message;
  }
  const most = 131_072 - (Number(/of (\d+) bytes, limit 131072$/.exec(text)![1]) - 140_000);
  assert.throws(() => add(most + 1), / of 131073 bytes/);
  assert.ok(add(most));
});

test("the options object stays as it was", () => {
  const options = { ...DEVICE, managed: { deviceInfo: { model: "m" }, metadata: { a: 1 } } };
  client(options);
  assert.deepEqual(options, { ...DEVICE, managed: { deviceInfo: { model: "m" }, metadata: { a: 1 } } });
});
