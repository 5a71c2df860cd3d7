// What the client holds in a real Espruino, in JsVars, its unit of memory, with the code in flash: after loading, connected,
// and after 5,000 events of different lengths. With ESPRUINO_MQTT naming Espruino's own module, MQTT.js, the same work by
// that one beside it. The figures are those of docs/espruino.md for a build with the JsVars of an ESP32 (14 bytes).

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import mqtt, { type MqttClient } from "mqtt";
import { espruinoModule } from "../../targets/espruino/build/lower.ts";
import { Mosquitto, withoutMosquitto } from "../broker/mosquitto.ts";
import { Espruino, withoutEspruino } from "./engine.ts";
import { Inbox } from "./inbox.ts";
import { deviceOptions } from "./subject.ts";

const EVENTS = 5000;
const ESP32_BLOCK = 14;
/** Most JsVars more than before; docs/espruino.md tells what they are. */
const BUDGET = { loaded: 2550, connected: 3200 };

/** A whole number takes a JsVar of its own when it outgrows 13 bits: bytes sent, packet ids, a few more. */
const COUNTERS = 8;

const { ESPRUINO_MQTT } = process.env;

/** JsVars more than before the module was loaded. */
interface Figures {
  loaded: number;
  connected: number;
  grown: number;
}

/** Programs of the engine: `begin(argument)` connects and calls "connected"; `one(n)` sends one event and says when done. */
const OURS = `(function() {
  var client;
  functions.load = function() { require("iotf"); };
  functions.begin = function(options) {
    client = new (require("iotf").DeviceClient)(options);
    client.connectedCallback = function() { call("connected"); };
    client.errorCallback = function(error) { call("failed", error.message); };
    client.commandCallback = function(command) { call("command", command.data); };
    client.connect();
  };
  functions.one = function(n, done) {
    client.publishEvent("status", "json", { t: new Array(n % 700 + 2).join("x"), n: n }, n % 3, done);
  };
})()`;

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
    client.publish("iot-2/evt/status/fmt/json", JSON.stringify(data), n % 3);
    setTimeout(done, 1); // it cannot tell
  };
})()`;

// Six at a time: Espruino sleeps for some milliseconds when nothing is to be done.
const MANY = `functions.many = function(it) {
  return new Promise(function(resolve) {
    var n = it.from, left = 6;
    function next(error) {
      if (error) call("failed", error.message);
      if (n < it.to) functions.one(n++, next);
      else if (--left === 0) resolve();
    }
    for (var i = 0; i < 6; i++) next();
  });
}`;

describe("memory in Espruino", { skip: withoutEspruino() || withoutMosquitto(), timeout: 280_000 }, () => {
  let broker: Mosquitto;
  let application: MqttClient;
  const engines: Espruino[] = [];

  before(async () => {
    broker = await Mosquitto.start({ quiet: true });
    application = await mqtt.connectAsync(broker.url, { clientId: "application" });
  });
  after(async () => {
    for (const engine of engines) await engine.close();
    await application?.endAsync(true);
    await broker?.close();
  });

  async function measure(file: string, text: string, program: string): Promise<Figures> {
    const told = new Inbox<unknown>();
    const calls = { connected: () => told.push("connected"), failed: (why: unknown) => told.push(why) };
    const command = (data: unknown) => told.push(data);
    const engine = await Espruino.start({ files: { [file]: text }, calls: { ...calls, command } });
    engines.push(engine);
    await engine.evaluate(MANY);
    await engine.evaluate(program);
    const { usage: before } = await engine.memory();
    await engine.invoke("load");
    const { usage: loaded } = await engine.memory();
    await engine.invoke("begin", deviceOptions(broker.port, "x"));
    assert.equal(await told.next(), "connected");
    // A command shows that it is subscribed; and whatever is made once is made by now.
    const hear = async () => {
      await application.publishAsync("iot-2/cmd/print/fmt/json", '"heard"', { qos: 1 });
      assert.equal(await told.next(), "heard");
    };
    await engine.invoke("many", { from: 0, to: 30 });
    await hear();
    const { usage: connected } = await engine.memory();
    await engine.invoke("many", { from: 30, to: EVENTS });
    await hear();
    const { usage: end } = await engine.memory();
    return { loaded: loaded - before, connected: connected - before, grown: end - connected };
  }

  test(`ours: ${EVENTS} events at QoS 0, 1, 2 leave nothing behind`, async t => {
    const figures = await measure("iotf", await espruinoModule(), OURS);
    const { blocksize } = await engines.at(-1)!.memory();
    t.diagnostic(`JsVars of ${blocksize} bytes: ${JSON.stringify(figures)}`);
    assert.ok(figures.grown <= COUNTERS, `${figures.grown} JsVars more after ${EVENTS} events`);
    if (blocksize !== ESP32_BLOCK) return t.diagnostic("not the JsVars of an ESP32: their number was not checked");
    assert.ok(figures.loaded <= BUDGET.loaded, `${figures.loaded} JsVars loaded`);
    assert.ok(figures.connected <= BUDGET.connected, `${figures.connected} JsVars connected and subscribed`);
  });

  const withoutModule = ESPRUINO_MQTT ? false : "ESPRUINO_MQTT names no MQTT.js to measure beside it";
  test("Espruino's own MQTT.js, the same work", { skip: withoutModule }, async t => {
    const figures = await measure("MQTT", await readFile(ESPRUINO_MQTT!, "utf8"), MQTT_JS);
    t.diagnostic(JSON.stringify(figures));
    assert.ok(figures.loaded > 0);
  });
});
