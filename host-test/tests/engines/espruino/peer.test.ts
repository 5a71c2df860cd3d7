// Espruino's own MQTT module beside ours, where ESPRUINO_MQTT names its file (MQTT.js of EspruinoDocs): what it holds for
// the same work, and that its faults, which faults.test.ts tries with ours, are still there.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import * as frames from "../../../harness/testing/frames.ts";
import { withoutMosquitto } from "../../end-to-end/broker/mosquitto.ts";
import { Inbox } from "../../support/inbox.ts";
import { listen } from "../../support/listen.ts";
import { type ClientPacket, Witness } from "../../support/witness.ts";
import { Espruino, withoutEspruino } from "./engine.ts";
import { EVENTS, measure } from "./memory.ts";

const { ESPRUINO_MQTT } = process.env;
const skip =
  withoutEspruino() || (!ESPRUINO_MQTT && "ESPRUINO_MQTT names no MQTT.js of Espruino: nothing was compared");

const MQTT_JS = `(function() {
  var client;
  functions.load = function() { require("MQTT"); };
  functions.begin = function(options) {
    client = require("MQTT").create(options.host, {
      port: options.port, client_id: "d:abc123:thermo:t-01", username: "use-token-auth", password: "x"
    });
    client.on("connected", function() { client.subscribe("iot-2/cmd/+/fmt/+", 1); call("connected"); });
    client.on("publish", function(it) { call("command", JSON.parse(it.message)); });
    client.connect();
  };
  functions.one = function(n, done) {
    var data = { t: new Array(n % 700 + 2).join("x"), n: n };
    client.publish("iot-2/evt/status/fmt/json", JSON.stringify(data), { qos: n % 3 });
    setTimeout(done, 60); // it cannot tell, and takes more than it can send until memory is full
  };
})()`;

test(`MQTT.js: the memory it takes for ${EVENTS} events`, {
  skip: skip || withoutMosquitto(),
  timeout: 1_200_000,
}, async t => {
  const { blocksize, ...figures } = await measure("MQTT", await readFile(ESPRUINO_MQTT!, "utf8"), MQTT_JS);
  t.diagnostic(`JsVars of ${blocksize} bytes: ${JSON.stringify(figures)}`);
  assert.ok(figures.loaded > 0);
});

test("MQTT.js: a refused CONNECT is a connection, no session is durable, a QoS 2 message comes twice", {
  skip,
}, async t => {
  const said = new Inbox<ClientPacket>();
  const sockets = new Inbox<Socket>();
  const server = createServer(socket => {
    const witness = new Witness();
    socket.on("data", bytes => {
      for (const packet of witness.read(bytes)) said.push(packet);
    });
    sockets.push(socket);
  });
  const { port } = await listen(server, t);
  const told = new Inbox<unknown>();
  const engine = await Espruino.start({
    files: { MQTT: await readFile(ESPRUINO_MQTT!, "utf8") },
    calls: { told: (it: unknown) => told.push(it) },
  });
  t.after(() => engine.close());
  await engine.evaluate(`(function() {
    var client = require("MQTT").create("127.0.0.1", { port: ${port}, client_id: "c", clean_session: false });
    client.on("connected", function() { call("told", "connected"); });
    client.on("error", function(error) { call("told", error); });
    client.on("publish", function(it) { call("told", it.message); });
    client.connect();
  })()`);
  const socket = await sockets.next();
  assert.equal((await said.next()).clean, true, "clean_session: false was asked for");
  socket.write(frames.connack(5));
  assert.equal(await told.next(), "connected");
  const message = frames.publish("t", "once", { qos: 2, id: 7 });
  socket.write(message);
  socket.write(message);
  assert.deepEqual([await told.next(), await told.next()], ["once", "once"]);
});
