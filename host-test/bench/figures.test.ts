// Measures the committed figures again: none may be larger, and docs/cost.md must show them.

import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { env } from "node:process";
import { before, describe, test } from "node:test";
import { BUNDLE } from "../tests/engines/engines.ts";
import { ROOT } from "../tests/support/folder.ts";
import { committedFigures, type Figures, figuresTable } from "./figures.ts";
import { managedFigures } from "./managed.ts";
import { INSTALL, worker32 } from "./worker32.ts";
import { type Cost, type HeapFigures, measureCost, measureHeap, type XsFigures } from "./xs-cost.ts";

/** Anything larger needs `npm run bench -- --update`, and the reason in the commit message. */
const TOLERANCE = 1.02;
const ADVICE = "accept it with: npm run bench -- --update";

describe("committed figures", { timeout: 60_000 }, () => {
  const { ours } = committedFigures();
  let cost: XsFigures;
  let heap: HeapFigures;

  before(async () => {
    cost = await measureCost(BUNDLE);
    heap = await measureHeap(BUNDLE, undefined, 2);
  });

  const pairs: [string, (figures: XsFigures | Figures) => Cost][] = [
    ["publishEvent at QoS 0", figures => figures.publish.qos0],
    ["publishEvent at QoS 1", figures => figures.publish.qos1],
    ["publishEvent at QoS 2", figures => figures.publish.qos2],
    ["the acknowledgement at QoS 1", figures => figures.confirm.qos1],
    ["the acknowledgements at QoS 2", figures => figures.confirm.qos2],
    ["a command", figures => figures.command],
  ];
  for (const [name, pick] of pairs) {
    test(`${name} costs no more instructions and slots in XS than committed`, () => {
      const [now, committed] = [pick(cost), pick(ours)];
      assert.ok(
        now.computrons <= committed.computrons * TOLERANCE,
        `${now.computrons} computrons, committed ${committed.computrons}; ${ADVICE}`,
      );
      assert.ok(
        now.slots <= committed.slots * TOLERANCE,
        `${now.slots} slots, committed ${committed.slots}; ${ADVICE}`,
      );
    });
  }

  test("20,000 events of 2,000 different lengths do not let the heap grow", () => {
    assert.deepEqual(
      heap.growth.map(point => point.bytes),
      [0, 0, 0],
    );
  });

  test("the bundle is no larger than committed", () => {
    const bytes = statSync(BUNDLE).size;
    assert.ok(bytes <= ours.minifiedBytes * TOLERANCE, `${bytes} bytes, committed ${ours.minifiedBytes}; ${ADVICE}`);
  });
});

const binary = worker32();
const on32Bits = { skip: binary || env.CI === "true" ? false : INSTALL };

test("a connected device and 100 waiting events take as much of a 32-bit heap as committed", on32Bits, async () => {
  assert.ok(binary, INSTALL);
  const { connectedBytes, connectedSlots, outboxBytes } = committedFigures().ours;
  const heap = await measureHeap(BUNDLE, binary, 1, 1);
  assert.deepEqual(
    [heap.connected.bytes, heap.connected.slots, heap.outboxBytes],
    [connectedBytes, connectedSlots, outboxBytes],
    ADVICE,
  );
});

test("a managed device takes as much as committed", on32Bits, async () => {
  assert.ok(binary, INSTALL);
  assert.deepEqual(await managedFigures(binary), committedFigures().managed, ADVICE);
});

test("a device that is not managed carries nothing of device management", () => {
  assert.ok(!readFileSync(BUNDLE, "utf8").includes("iotdevice-1/"), "the bundle has topics of managed devices");
});

test("the committed figures are within the budgets", () => {
  const { ours } = committedFigures();
  const within = (cost: Cost, budget: Cost) => cost.computrons <= budget.computrons && cost.slots <= budget.slots;
  assert.ok(within(ours.publish.qos1, { computrons: 1500, slots: 28 }), "publishEvent at QoS 1");
  assert.ok(within(ours.confirm.qos1, { computrons: 960, slots: 9 }), "its acknowledgement");
  assert.ok(within(ours.command, { computrons: 1860, slots: 39 }), "a command");
  assert.equal(ours.growthBytes, 0);
  assert.ok(ours.connectedBytes! <= 2990, `${ours.connectedBytes} bytes connected`);
  assert.ok(ours.connectedSlots! <= 116, `${ours.connectedSlots} slots connected`);
  assert.ok(ours.outboxBytes! <= 8192, `${ours.outboxBytes} bytes for 100 waiting events`);
  // A larger budget needs its reason in the commit message.
  assert.ok(ours.minifiedBytes <= 52_000, `${ours.minifiedBytes} bytes minified`);
});

test("docs/cost.md shows the committed figures", () => {
  assert.ok(
    readFileSync(join(ROOT, "docs/cost.md"), "utf8").includes(figuresTable(committedFigures())),
    "npm run bench -- --update",
  );
});
