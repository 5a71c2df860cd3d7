// The token goes into CONNECT and nowhere else: no text of any error, however a connection fails, has a part of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { HttpClient } from "../../../src/device/http.ts";
import { hex } from "../../harness/testing/bytes.ts";
import { command, connack, publish, suback } from "../../harness/testing/frames.ts";
import { DEVICE, device, type Stage } from "../support/device.ts";
import { TOKEN } from "../support/identity.ts";
import type { DeviceClient } from "../support/subject.ts";
import { greeted } from "./steps.ts";

type Failure = (stage: Stage<DeviceClient>) => void;

const FAILURES: Record<string, Failure> = {
  "not reached": stage => {
    stage.client.connect();
    stage.link.ends("ECONNREFUSED");
  },
  "not reached in time": stage => {
    stage.client.connect();
    stage.clock.advance(30_000);
  },
  "closed before CONNACK": stage => greeted(stage).link.ends(),
  "no CONNACK": stage => greeted(stage).clock.advance(30_000),
  "a protocol error": stage => greeted(stage).link.receives(hex("f0 00")),
  "no sign of life": stage => stage.connected().clock.advance(90_000),
  takeover: stage => {
    stage.connected();
    for (let n = 0; n < 3; n++) stage.reconnected(false);
  },
  "a refused subscription": stage => stage.connected().link.receives(suback(1, 128)),
  "a command nobody can read": stage =>
    stage.connected().link.receives(command("c", "{"), publish("x", ""), command("c", "", {}, "xml")),
};
for (const code of [1, 2, 3, 4, 5, 99]) {
  FAILURES[`CONNACK ${code}`] = stage => greeted(stage).link.receives(connack(code));
}

for (const [name, fail] of Object.entries(FAILURES)) {
  test(`${name}: told, without the token`, () => {
    const stage = device();
    fail(stage);
    assert.ok(stage.errors.length > 0);
    for (const error of stage.errors)
      assert.equal(inspect(error, { depth: 9, showHidden: true }).includes(TOKEN), false);
    assert.equal(stage.heard().join("\n").includes(TOKEN), false);
  });
}

test("CONNECT does carry it, as the password of use-token-auth (docs/protocol.md 1.3)", () => {
  const [connect] = greeted(device()).packets();
  assert.deepEqual([connect!.username, String(connect!.password)], ["use-token-auth", TOKEN]);
});

test("whatever prints a client does not show its token, nor the key for TLS", () => {
  const options = { ...DEVICE, tls: true, cert: "CERT", key: "SECRET KEY", "key-passphrase": "SECRET PHRASE" };
  const stage = device(options).connected();
  const http = new HttpClient(options, { clock: stage.clock, random: () => 0, post: () => () => {} });
  for (const client of [stage.client, http]) {
    // The fake network keeps the endpoint that it was given.
    const shown = inspect(client, { depth: 20 }).split("links:")[0]!;
    for (const secret of [TOKEN, "SECRET", Buffer.from(`use-token-auth:${TOKEN}`).toString("base64")]) {
      assert.equal(shown.includes(secret), false, secret);
    }
  }
});
