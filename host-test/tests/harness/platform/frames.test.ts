// Does the meter find every packet's announced length, however the bytes arrive?

import assert from "node:assert/strict";
import { test } from "node:test";
import { FrameMeter, MAX_REMAINING_LENGTH } from "../../../harness/platform/frames.ts";
import { varint } from "../../../harness/testing/frames.ts";

const PING = Buffer.of(0xc0, 0);
const PUBLISH = Buffer.from([0x30, 200, 1, ...new Uint8Array(200)]);
const HUGE = Buffer.concat([Buffer.of(0x32), varint(MAX_REMAINING_LENGTH + 1)]);

function tooLong(chunks: Uint8Array[]): number[] {
  const types: number[] = [];
  const meter = new FrameMeter(type => types.push(type));
  for (const chunk of chunks) meter.read(chunk);
  return types;
}

test("legal packets pass, whole, together and byte by byte", () => {
  const bytes = Buffer.concat([PING, PUBLISH, PING, PUBLISH]);
  assert.deepEqual(tooLong([PING, PUBLISH]), []);
  assert.deepEqual(tooLong([bytes]), []);
  assert.deepEqual(tooLong([...bytes].map(byte => Buffer.of(byte))), []);
});

test("the largest legal length passes", () => {
  assert.deepEqual(tooLong([Buffer.of(0x30), varint(MAX_REMAINING_LENGTH)]), []);
});

test("one more is reported on the header alone, at every split", () => {
  const bytes = Buffer.concat([PUBLISH, PING, HUGE]);
  for (let at = 0; at <= bytes.length; at++) {
    assert.deepEqual(tooLong([bytes.subarray(0, at), bytes.subarray(at)]), [3], `split at ${at}`);
  }
});
