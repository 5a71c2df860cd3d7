// Two hours of a client's life on the fake clock, three times over: what it holds at rest after each is what it held
// before, counted object by object on Node, and slot by slot of the heap in XS.

import assert from "node:assert/strict";
import { test } from "node:test";
import { BUNDLE } from "../engines/engines.ts";
import { MqttClient } from "../support/subject.ts";
import { startProgram } from "../support/xs-program.ts";
import { type Life, type Soak, start } from "./soak-program.ts";

const HOURS = 2;
const ROUNDS = 3;

/** Objects and bytes of typed arrays that can be reached from the client, but for what closures hold. */
function census({ client, world }: Soak): { objects: number; bytes: number } {
  const seen = new Set<object>(world);
  const queue: object[] = [client];
  const counts = { objects: 0, bytes: 0 };
  for (const one of queue) {
    if (seen.has(one)) continue;
    seen.add(one);
    counts.objects++;
    if (one instanceof Uint8Array) counts.bytes += one.length;
    else for (const value of Object.values(one)) if (typeof value === "object" && value) queue.push(value);
  }
  return counts;
}

function wasRight(life: Life, round: number): void {
  assert.equal(life.confirmed, life.accepted);
  assert.ok(life.arrived >= life.sent, `${life.arrived} of ${life.sent} arrived`);
  assert.ok(life.reconnects > 10 * round, `${life.reconnects} reconnects`);
  const { unfinished, timersMade, timersSet, links } = life;
  assert.deepEqual(
    { unfinished, timersMade, timersSet, links },
    { unfinished: 0, timersMade: 1, timersSet: 1, links: 1 },
  );
}

test("on Node: one timer, one link, and as many objects and bytes after each two hours as before", t => {
  const soak = start({ MqttClient });
  const counts: { objects: number; bytes: number }[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    wasRight(soak.live(HOURS), round);
    counts.push(census(soak));
  }
  t.diagnostic(`${counts[0]!.objects} objects, ${counts[0]!.bytes} bytes`);
  for (const count of counts) assert.deepEqual(count, counts[0]);
});

test("in XS: the heap is the same after each two hours", async t => {
  const xs = await startProgram(new URL("soak-program.ts", import.meta.url), BUNDLE);
  const heaps: { slots: number; chunkBytes: number }[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    wasRight(await xs.call<Life>("live", HOURS), round);
    const { slots, chunkBytes } = await xs.heap();
    heaps.push({ slots, chunkBytes });
  }
  await xs.close();
  t.diagnostic(
    `${heaps[0]!.slots} slots, ${heaps[0]!.chunkBytes} bytes of chunks, the world around the client included`,
  );
  for (const heap of heaps) assert.deepEqual(heap, heaps[0]);
});
