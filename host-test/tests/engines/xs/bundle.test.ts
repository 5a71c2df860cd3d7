// NEEDS dist/ (npm run build). The shipped bundle, unchanged, inside XS: it loads, and survives what would end the engine.
// A device in there over real sockets: ../../end-to-end/broker/whole-way.test.ts.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { command, connack } from "../../../harness/testing/frames.ts";
import { startXs, type Xs } from "../../../harness/xs/host.ts";
import { BUNDLE } from "../engines.ts";

let xs: Xs;
before(async () => {
  xs = await startXs();
});
after(() => xs.close());

test("the bundle loads in XS and exports the two clients", async t => {
  const before = await xs.heap();
  const names = await xs.import(BUNDLE);
  const after = await xs.heap();
  assert.ok(names.includes("DeviceClient") && names.includes("MqttClient"), names.join());
  const slots = after.slots - before.slots;
  const chunks = after.chunkBytes - before.chunkBytes;
  t.diagnostic(`heap: ${slots} slots (${slots * 16} bytes on 32 bits), ${chunks} bytes of chunks (64-bit worker)`);
});

// JSON.parse of the worker ends the whole engine at some thousand levels.
test("a command nested a hundred thousand levels deep is an error like any other", async () => {
  const commands = ["[".repeat(100_000), '{"alive":true}'].map(text => command("setLevel", text));
  const frames = [connack(), ...commands].map(frame => Array.from(frame));
  const told = await xs.evaluate(`import(${JSON.stringify(BUNDLE)}).then(({ DeviceClient }) => {
    let link;
    const transport = { writable: 1000000, write() {}, close() {} };
    const ports = { ...host.ports, open: (_, listener) => { link = listener; return transport; } };
    const client = new DeviceClient(
      { org: "o", type: "t", id: "i", "auth-method": "token", "auth-token": "s", limits: { frameBytes: 200000 } }, ports);
    const told = [];
    client.errorCallback = error => told.push(error.message);
    client.commandCallback = ({ data }) => told.push(data);
    client.connect();
    link.opened();
    for (const frame of ${JSON.stringify(frames)}) link.received(Uint8Array.from(frame));
    return told;
  })`);
  assert.deepEqual(told, ["Invalid Event: command setLevel: nested deeper than 32 levels", { alive: true }]);
});
