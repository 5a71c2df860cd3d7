// Every input whole, split at every position, byte by byte, and with a neighbour behind it in the same chunk: whatever
// reads a stream must answer the same each time.

import assert from "node:assert/strict";
import { joined } from "../../harness/testing/bytes.ts";
import { seeded } from "../../harness/testing/random.ts";
import { cut } from "../../harness/testing/transport.ts";

export interface Way {
  name: string;
  chunks: Uint8Array[];
}

/** All ways to cut `bytes`; of long ones, 200 split positions evenly spread. */
export function waysOf(bytes: Uint8Array): Way[] {
  const ways: Way[] = [{ name: "whole", chunks: [bytes] }];
  if (bytes.length < 2) return ways;
  ways.push({ name: "byte by byte", chunks: cut(bytes, "bytes") });
  const step = Math.max(1, Math.floor(bytes.length / 200));
  for (let at = 1; at < bytes.length; at += step) {
    ways.push({ name: `split at ${at}`, chunks: [bytes.subarray(0, at), bytes.subarray(at)] });
  }
  for (let seed = 1; seed < 4; seed++) ways.push({ name: `random pieces, seed ${seed}`, chunks: cut(bytes, { seed }) });
  return ways;
}

/**
 * @param run a fresh reader, given the chunks in turn; returns all it made of them
 * @param expected what it must make of `bytes`
 * @param neighbour bytes behind, and what they add; none for input after which nothing more is read
 */
export function feedAllWays<T>(
  bytes: Uint8Array,
  run: (chunks: Uint8Array[]) => T[],
  expected: T[],
  neighbour?: { bytes: Uint8Array; adds: T[] },
): void {
  for (const { name, chunks } of waysOf(bytes)) assert.deepEqual(run(copies(chunks)), expected, name);
  if (!neighbour) return;
  const both = joined([bytes, neighbour.bytes]);
  for (const { name, chunks } of waysOf(both)) {
    assert.deepEqual(run(copies(chunks)), [...expected, ...neighbour.adds], `${name}, with a neighbour behind`);
  }
}

/** Bytes that look like nothing in particular, the same for the same seed. */
export function noise(size: number, seed = 1): Uint8Array {
  const random = seeded(seed);
  return Uint8Array.from({ length: size }, () => Math.floor(random() * 256));
}

// A reader may keep nothing of a chunk once it has returned: each run gets bytes of its own, and may be overwritten.
function copies(chunks: Uint8Array[]): Uint8Array[] {
  return chunks.map(chunk => chunk.slice());
}
