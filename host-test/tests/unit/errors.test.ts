// errors.ts: names, texts and codes that applications rely on.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as errors from "../../../src/errors.ts";

const {
  ConfigurationException,
  ConnectionException,
  InvalidEventException,
  MissingMessageDecoderException,
  MissingMessageEncoderException,
  UnsupportedAuthenticationMethod,
} = errors;

// What is made; its name, text (docs/protocol.md 3, 5.1) and code.
const TABLE: [Error & { code: string }, string, string, string][] = [
  [new ConnectionException("gone"), "ConnectionException", "gone", "closed"],
  [new ConnectionException("no", "refused", 5), "ConnectionException", "no", "refused"],
  [new ConfigurationException("wrong"), "ConfigurationException", "wrong", "configuration"],
  [new ConfigurationException("large", "limit"), "ConfigurationException", "large", "limit"],
  [
    new UnsupportedAuthenticationMethod("magic"),
    "UnsupportedAuthenticationMethod",
    "Unsupported authentication method: magic",
    "auth-method",
  ],
  [new InvalidEventException("why"), "InvalidEventException", "Invalid Event: why", "invalid-event"],
  [
    new MissingMessageEncoderException("xml"),
    "MissingMessageEncoderException",
    "No message encoder defined for message format: xml",
    "no-encoder",
  ],
  [
    new MissingMessageDecoderException("xml"),
    "MissingMessageDecoderException",
    "No message decoder defined for message format: xml",
    "no-decoder",
  ],
];

for (const [error, name, text, code] of TABLE) {
  test(`${name} with code ${code}`, () => {
    assert.ok(error instanceof Error);
    assert.deepEqual([error.name, error.message, error.code], [name, text, code]);
  });
}

test("every error of the module is in the table", () => {
  assert.deepEqual(Object.keys(errors).sort(), [...new Set(TABLE.map(row => row[1]))].sort());
});

test("configuration errors are ConnectionExceptions, as in the Python client of that time; the others are not", () => {
  const are = TABLE.filter(([error]) => error instanceof ConnectionException).map(row => row[1]);
  assert.deepEqual(
    [...new Set(are)],
    ["ConnectionException", "ConfigurationException", "UnsupportedAuthenticationMethod"],
  );
});

test("the CONNACK code is 0 unless the server refused", () => {
  assert.deepEqual(
    [new ConnectionException("x").returnCode, new ConnectionException("x", "refused", 4).returnCode],
    [0, 4],
  );
});
