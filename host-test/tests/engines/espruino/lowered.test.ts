// The lowered library where there is no Espruino: run on Node, in a context without what Espruino lacks, over strings of
// bytes, against the local platform; with its super() left as it was, which no other engine can do without. It shows that
// nothing lowered is broken; what only the engine can show, device.test.ts does.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";
import vm from "node:vm";
import mqtt from "mqtt";
import { uncheckedModule } from "../../../../targets/espruino/build/lower.ts";
import { GLOBALS, METHODS, STATICS } from "../../../../targets/espruino/build/unsupported.ts";
import { startPlatform } from "../../../harness/platform/platform.ts";
import { Inbox } from "../../support/inbox.ts";
import { withoutEspruino } from "./engine.ts";
import { deviceOptions } from "./subject.ts";

const TOKEN = "MP$08VKz!8r=nR-Q*";

/** Takes from a context what Espruino lacks. */
const POORER = `
for (const name of ${JSON.stringify(GLOBALS.split(" "))}) delete globalThis[name];
for (const name of ${JSON.stringify(STATICS.split(" "))}) {
  const [object, property] = name.split(".");
  if (globalThis[object]) delete globalThis[object][property];
}
for (const name of ${JSON.stringify(METHODS.split(" "))}) {
  for (const type of [String, Array, Object.getPrototypeOf(Uint8Array), Number, Date]) delete type.prototype[name];
}
`;

interface Socket {
  on(event: string, listener: (argument?: unknown) => void): void;
  write(text: string): boolean;
  end(): void;
}

/** `require("net")` of Espruino on Node's: strings of bytes, and "drain" whenever all is sent. */
function connect(options: net.NetConnectOpts, connected: () => void): Socket {
  const socket = net.connect(options, connected);
  socket.setEncoding("latin1").on("error", () => {});
  return {
    on: (event, listener) => {
      // Espruino's "error" has a message too.
      socket.on(event, listener);
    },
    write: text => {
      socket.write(text, "latin1", () => {
        if (socket.writableLength === 0) socket.emit("drain");
      });
      return false;
    },
    end: () => void socket.end(),
  };
}

/** A context as poor as Espruino, with Espruino's own functions as far as the library calls them. */
function poorContext(): vm.Context {
  const context = vm.createContext({
    exports: {},
    require: () => ({ connect }),
    setTimeout,
    clearTimeout,
    getTime: () => Date.now() / 1000,
    getSerial: () => "0011-2233",
  });
  vm.runInContext(POORER, context);
  // Arrays of the context, not of this one.
  vm.runInContext(
    `var E = {
      toString: bytes => String.fromCharCode.apply(null, bytes),
      toUint8Array: text => new Uint8Array(text.split("").map(one => one.charCodeAt(0))),
      decodeUTF8: (text, lookup, replacement) =>
        decodeURIComponent(text.replace(/[^]/g, one => "%" + (256 + one.charCodeAt(0)).toString(16).slice(1)))
          .replace(/[^\\x00-\\xff]/gu, replacement),
    };`,
    context,
  );
  return context;
}

test("lowered, on Node without what Espruino lacks: events at QoS 0, 1, 2, a command, a new connection", async t => {
  const missing = withoutEspruino();
  if (missing) t.diagnostic(missing);
  const platform = await startPlatform({ devices: [{ org: "abc123", type: "thermo", id: "t-01", token: TOKEN }] });
  t.after(() => platform.close());
  const application = await mqtt.connectAsync(platform.url, { clientId: "a:abc123:test" });
  t.after(() => application.endAsync(true));
  const events = new Inbox<string>();
  const told = new Inbox<string>();
  application.on("message", (_, payload, { qos }) => events.push(`${qos} ${payload}`));
  await application.subscribeAsync("iot-2/type/thermo/id/t-01/evt/+/fmt/+", { qos: 2 });

  const context = poorContext();
  vm.runInContext(await uncheckedModule(true), context);
  assert.equal(vm.runInContext("typeof Map + typeof Symbol + typeof Object.freeze", context), "undefined".repeat(3));
  const client = new context.exports.DeviceClient(deviceOptions(platform.port, TOKEN));
  t.after(() => client.disconnect());
  client.connectedCallback = () => told.push("connected");
  client.disconnectedCallback = (reason?: { code: string }) => told.push(`disconnected ${reason?.code}`);
  client.errorCallback = (error: Error) => told.push(`error ${error.message}`);
  client.commandCallback = ({ command, data }: { command: string; data: unknown }) =>
    told.push(`${command} ${JSON.stringify(data)}`);
  client.connect();
  assert.equal(await told.next(), "connected");
  for (const qos of [0, 1, 2]) {
    client.publishEvent("status", "json", { text: "grüße", qos }, qos);
    assert.equal(await events.next(), `${qos} {"text":"grüße","qos":${qos}}`);
  }
  const topic = "iot-2/type/thermo/id/t-01/cmd/print/fmt/json";
  await application.publishAsync(topic, '{"message":"21 °C, 5 €"}', { qos: 1 });
  assert.equal(await told.next(), 'print {"message":"21 °C, 5 ?"}');

  await platform.disconnectDevice("d:abc123:thermo:t-01");
  assert.equal(await told.next(), "disconnected closed");
  client.publishEvent("status", "json", "x".repeat(5000), 1);
  assert.equal(await told.next(), "connected");
  assert.equal(await events.next(), `1 "${"x".repeat(5000)}"`);
  const left = once(platform, "disconnect");
  client.disconnect();
  await left;
});
