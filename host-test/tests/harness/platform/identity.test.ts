// Are client ids read as docs/protocol.md 1.2 and docs/protocol.md 1.6 say?

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseClientId } from "../../../harness/platform/identity.ts";

test("a device and an application are recognised", () => {
  assert.deepEqual(parseClientId("d:abc123:thermo:t-01"), {
    kind: "device",
    org: "abc123",
    type: "thermo",
    id: "t-01",
  });
  assert.deepEqual(parseClientId("a:abc123:my.app_1"), { kind: "application", org: "abc123", appId: "my.app_1" });
});

test("names of 1 to 36 legal characters pass", () => {
  assert.equal(typeof parseClientId(`d:abc123:${"x".repeat(36)}:Az09-_.`), "object");
  assert.equal(typeof parseClientId("d:quickstart:T:1"), "object");
});

const REFUSALS: [string, number][] = [
  ["d:abc123:ther mo:t-01", 2],
  ["d:abc123:thermo:t/01", 2],
  ["d:abc123:thermo:+", 2],
  ["d:abc123:thermö:t-01", 2],
  [`d:abc123:${"x".repeat(37)}:t-01`, 2],
  ["d:abc123::t-01", 2],
  ["d:abc123:thermo:", 2],
  ["d:abc123:thermo", 2],
  ["d:abc123:thermo:t-01:more", 2],
  ["d:abc123", 2],
  ["a:abc123", 2],
  ["a:abc123:app:more", 2],
  ["a:abc123:a b", 2],
  ["x\uFFFDy", 2],
  ["", 5],
  ["mqttjs_12345678", 5],
  ["D:abc123:thermo:t-01", 5],
  ["g:abc123:thermo:t-01", 5],
  ["A:abc123:app", 5],
];

for (const [clientId, returnCode] of REFUSALS) {
  test(`"${clientId}" is refused with ${returnCode}`, () => assert.equal(parseClientId(clientId), returnCode));
}
