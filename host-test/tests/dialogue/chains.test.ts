// "Send the next event when this one is done": a chain of 100,000 events needs no more stack than one of four events, on
// Node and in XS, wherever it begins. In XS an overflow of the stack ends the engine; on a board that is a reboot.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { BUNDLE } from "../engines/engines.ts";
import { DeviceClient, SUBJECT } from "../support/subject.ts";
import { startProgram } from "../support/xs-program.ts";
import { type Order, type Outcome, PLACES, type Place, start } from "./chains-program.ts";

const PROGRAM = new URL("chains-program.ts", import.meta.url);
const EVENTS = 100_000;
/** A short chain that uses every way an event may take, but for one. */
const SHORT = 4;
/** After 65,535 packet identifiers, the client looks for those in use: that needs the stack of so many calls more. */
const SEARCH = 2;
/** Slots of the stack of the ESP32 app (targets/esp32/manifest.json). */
const BOARD_STACK = 448;
/** Slots of the stack of the XS worker (xsnap-worker.c): calls below the chain leave it as much as a board has. */
const WORKER_STACK = 4096;

function wasRight(outcome: Outcome, count = EVENTS): void {
  assert.deepEqual(outcome, { confirmed: count, sent: count, nested: 0, errors: [] });
}

/** False when the stack overflows, which ends the engine. */
async function fits(order: Order): Promise<boolean> {
  const xs = await startProgram(PROGRAM, BUNDLE, { onError: () => {} });
  try {
    wasRight(await xs.call<Outcome>("run", order), order.count);
    return true;
  } catch (error) {
    assert.match(String(error), /stack overflow/);
    return false;
  } finally {
    await xs.close();
  }
}

/** The greatest depth below which `order` fits. `guess` saves engines. */
async function deepest(order: Order, guess: number): Promise<number> {
  let least = 0;
  let most = 2 * guess;
  for (let depth = guess, step = 8; most - least > 1; step *= 2) {
    if (await fits({ ...order, depth })) {
      least = depth;
      depth = Math.min(depth + step, (depth + most) >> 1);
    } else {
      most = depth;
      depth = Math.max(depth - step, (depth + least) >> 1);
    }
  }
  return least;
}

/** The ways in XS, which takes about 4 s for one. */
const IN_XS: [qos: 0 | 1, place: Place][] = [
  [0, "program"],
  [1, "program"],
  [0, "connectedCallback"],
  [0, "commandCallback"],
  [1, "commandCallback"],
];

for (const qos of [0, 1] as const) {
  for (const place of PLACES) {
    test(`on Node: ${EVENTS} events of QoS ${qos}, the first from ${place}`, () =>
      wasRight(start({ DeviceClient }).run({ count: EVENTS, qos, place })));
  }
}

describe("in XS, at the stack that four events need, which the ESP32 app has", {
  skip: SUBJECT === "src" && "XS runs the bundle",
}, () => {
  let empty: number;
  let guess: number;
  before(async () => {
    empty = await deepest({ count: 0, qos: 0, place: "program" }, 500);
    guess = empty;
  });

  for (const [qos, place] of IN_XS) {
    test(`${EVENTS} events of QoS ${qos}, the first from ${place}`, async t => {
      guess = await deepest({ count: SHORT, qos, place }, guess);
      const depth = qos === 0 ? guess : guess - SEARCH;
      const slots = Math.ceil(((empty - depth) * WORKER_STACK) / empty);
      t.diagnostic(`${slots} slots of stack`);
      assert.ok(slots < BOARD_STACK, `${slots} slots`);
      assert.equal(await fits({ count: EVENTS, qos, place, depth }), true);
    });
  }
});
