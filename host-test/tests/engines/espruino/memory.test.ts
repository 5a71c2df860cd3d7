// What the client holds in a real Espruino: the figures of docs/espruino.md, where it has the JsVars of an ESP32.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSync, types as t, traverse } from "@babel/core";
import { espruinoModule } from "../../../../targets/espruino/build/lower.ts";
import { withoutMosquitto } from "../../end-to-end/broker/mosquitto.ts";
import { withoutEspruino } from "./engine.ts";
import { EVENTS, measure } from "./memory.ts";

/** Bytes. */
const ESP32_JSVAR = 14;
/** Most JsVars; docs/espruino.md tells what they are. */
const BUDGET = { loaded: 1850, connected: 2800 };
/** A whole number takes a JsVar of its own when it outgrows 13 bits: packet ids, a few more. */
const COUNTERS = 8;

/**
 * Most functions, and most items of array and object literals outside functions, that exist after loading. They hold most
 * of the memory, and are counted without an engine. Lower them when the build saves more.
 */
const LOADED_LIMITS = { functions: 216, items: 108 };

test("no more functions and constants stay in memory than fit", async () => {
  const loaded = { functions: 0, items: 0 };
  traverse(parseSync(await espruinoModule(), { configFile: false, babelrc: false, sourceType: "script" })!, {
    // What is inside a function exists only while the function runs.
    Function(path) {
      loaded.functions++;
      path.skip();
    },
    "ArrayExpression|ObjectExpression"({ node }: { node: t.Node }) {
      loaded.items += t.isArrayExpression(node) ? node.elements.length : (node as t.ObjectExpression).properties.length;
    },
  });
  for (const name of ["functions", "items"] as const) {
    const limit = LOADED_LIMITS[name];
    assert.ok(loaded[name] <= limit, `${loaded[name]} ${name}, limit ${limit}: docs/espruino.md#what-holds-the-memory`);
  }
});

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
    var data = { t: new Array(n % 700 + 2).join("x"), n: n };
    if (!client.publishEvent("status", "json", data, n % 3, done)) call("failed", "the outbox is full");
  };
})()`;

test(`${EVENTS} events at QoS 0, 1, 2 leave nothing behind, and the client is as small as it is said to be`, {
  skip: withoutEspruino() || withoutMosquitto(),
  timeout: 1_200_000,
}, async t => {
  const { blocksize, ...figures } = await measure("iotf", await espruinoModule(), OURS);
  t.diagnostic(`JsVars of ${blocksize} bytes: ${JSON.stringify(figures)}`);
  assert.ok(figures.grown <= COUNTERS, `${figures.grown} JsVars more after ${EVENTS} events`);
  if (blocksize !== ESP32_JSVAR) return t.diagnostic("not the JsVars of an ESP32: their number was not checked");
  assert.ok(figures.loaded <= BUDGET.loaded, `${figures.loaded} JsVars loaded`);
  assert.ok(figures.connected <= BUDGET.connected, `${figures.connected} JsVars connected and subscribed`);
});
