// NEEDS dist/ (npm run build). The shipped bundle, unchanged, inside XS: it loads, and a device in there connects,
// publishes and hears a command over the sockets of this process. The server is a few lines that know the bytes.

import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type AddressInfo, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startXs, type Xs } from "../../../harness/xs/host.ts";

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

test("a device in XS connects, publishes and hears a command", { timeout: 10_000 }, async () => {
  const server = net.createServer(socket => socket.on("data", answer(socket)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const options = {
    org: "myorg1",
    type: "esp32",
    id: "one",
    "auth-method": "token",
    "auth-token": "secret",
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
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
  server.close();
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

/** Answers CONNECT, SUBSCRIBE and PUBLISH at QoS 1, and sends one command. */
function answer(socket: Socket): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return chunk => {
    rest = Buffer.concat([rest, chunk]);
    for (let frame = takeFrame(rest); frame; frame = takeFrame(rest)) {
      rest = rest.subarray(frame.end);
      const kind = frame.head >> 4;
      if (kind === 1) socket.write(Buffer.from([0x20, 2, 0, 0]));
      if (kind === 3) socket.write(Buffer.concat([Buffer.from([0x40, 2]), frame.packetId]));
      if (kind === 8)
        socket.write(Buffer.concat([Buffer.from([0x90, 3]), frame.body.subarray(0, 2), Buffer.from([1])]));
      if (kind === 8) socket.write(command("iot-2/cmd/print/fmt/json", '{"message":"hello"}'));
      if (kind === 14) socket.end();
    }
  };
}

function takeFrame(bytes: Buffer) {
  let length = 0;
  let at = 1;
  for (let shift = 0; ; shift += 7) {
    const digit = bytes[at++];
    if (digit === undefined) return undefined;
    length |= (digit & 127) << shift;
    if (digit < 128) break;
  }
  if (bytes.length < at + length) return undefined;
  const body = bytes.subarray(at, at + length);
  // Of a PUBLISH at QoS 1 the packet id comes behind the topic.
  const packetId = body.subarray(2 + (body.length > 1 ? body.readUInt16BE(0) : 0)).subarray(0, 2);
  return { head: bytes[0]!, body, packetId, end: at + length };
}

/** A PUBLISH at QoS 0 of less than 128 bytes. */
function command(topic: string, payload: string): Buffer {
  const body = Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic + payload)]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}
