// makePorts on Node: the default ports, with a store if one is given; in testDevice the ports of the test.

import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceClient, makePorts, memoryStore, nodePorts } from "../../../../dist/node.js";
import { testDevice } from "../../../../dist/testing.js";

test("makePorts gives the default ports; a store is added only if one is given", () => {
  const store = memoryStore();
  const plain = makePorts();
  const stored = makePorts({ store });
  assert.deepEqual([plain.clock, plain.serial, "store" in plain], [nodePorts.clock, nodePorts.serial, false]);
  assert.deepEqual([stored.clock, stored.serial, stored.store], [nodePorts.clock, nodePorts.serial, store]);
  assert.equal("store" in nodePorts, false);
});

test("in testDevice a program that makes its ports has those of the test, and its own store outlives a restart", () => {
  const store = memoryStore();
  const t = testDevice(({ options }) => {
    const client = new DeviceClient(options, makePorts({ store }));
    client.connect();
    return client;
  });
  t.program.publishEvent("status", "json", 1, 1);
  assert.deepEqual(store.keys().length, 1);
  t.restart();
  t.platform.accept();
  t.expectEvent("status", 1, { qos: 1 });
  assert.deepEqual(store.keys(), []);
});
