// NEEDS dist/ (npm run build). The shipped bundle, unchanged, inside XS: it loads, and a device in there connects,
// publishes and hears a command over the sockets of this process.

import assert from "node:assert/strict";
import net, { type Socket } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { connack, puback, publish, suback } from "../../../harness/testing/frames.ts";
import { startXs, type Xs } from "../../../harness/xs/host.ts";
import { listen } from "../../support/listen.ts";
import { type ClientPacket, Witness } from "../../support/witness.ts";

const BUNDLE = fileURLToPath(new URL("../../../../dist/iotf-embedded.js", import.meta.url));

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

test("a device in XS connects, publishes and hears a command", { timeout: 10_000 }, async t => {
  const server = net.createServer(socket => {
    const witness = new Witness();
    socket.on("data", bytes => {
      for (const packet of witness.read(bytes)) answer(socket, packet);
    });
  });
  const { port } = await listen(server, t);
  const options = {
    org: "myorg1",
    type: "esp32",
    id: "one",
    "auth-method": "token",
    "auth-token": "secret",
    host: "127.0.0.1",
    port,
    tls: false,
  };
  const heard =
    await xs.evaluate(`import(${JSON.stringify(BUNDLE)}).then(({ DeviceClient }) => new Promise((resolve, reject) => {
    const client = new DeviceClient(${JSON.stringify(options)}, host.ports);
    const heard = [];
    const note = what => {
      heard.push(what);
      if (heard.length === 2) client.disconnect(() => resolve(heard.sort()));
    };
    client.disconnectedCallback = reason => { if (reason) reject(reason); };
    client.commandCallback = ({ command, data }) => note(command + " " + data.message);
    client.connect();
    client.publishEvent("status", "json", { filler: "x".repeat(100000) }, 1, error => note(error ? String(error) : "published"));
  }))`);
  assert.deepEqual(heard, ["print hello", "published"]);
});

// JSON.parse of the worker ends the whole engine at some thousand levels.
test("a command nested a hundred thousand levels deep is an error like any other", async () => {
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
    link.received(Uint8Array.of(0x20, 2, 0, 0));
    const command = text => {
      const body = [0, 27, ...new TextEncoder().encode("iot-2/cmd/setLevel/fmt/json"), ...new TextEncoder().encode(text)];
      const n = body.length;
      link.received(Uint8Array.from([0x30, n & 127 | 128, n >> 7 & 127 | 128, n >> 14, ...body]));
    };
    command("[".repeat(100000));
    command('{"alive":true}');
    return told;
  })`);
  assert.deepEqual(told, ["Invalid Event: command setLevel: nested deeper than 32 levels", { alive: true }]);
});

/** Acknowledges, and sends one command. */
function answer(socket: Socket, { cmd, messageId = 0 }: ClientPacket): void {
  if (cmd === "connect") socket.write(connack());
  if (cmd === "publish") socket.write(puback(messageId));
  if (cmd === "subscribe") socket.write(suback(messageId, 1));
  if (cmd === "subscribe") socket.write(publish("iot-2/cmd/print/fmt/json", '{"message":"hello"}'));
  if (cmd === "disconnect") socket.end();
}
