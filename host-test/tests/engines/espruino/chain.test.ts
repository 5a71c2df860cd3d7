// Each event is published from the callback of the one before, at QoS 0: callbacks do not nest, so the stack does not grow.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { test } from "node:test";
import { espruinoModule } from "../../../../targets/espruino/build/lower.ts";
import * as frames from "../../../harness/testing/frames.ts";
import { Inbox } from "../../support/inbox.ts";
import { listen } from "../../support/listen.ts";
import { Espruino, withoutEspruino } from "./engine.ts";
import { LIMITS } from "./subject.ts";

/** Espruino takes about 9 ms for one on a PC. Nested calls end it at a few thousand. */
const EVENTS = Number(process.env.ESPRUINO_CHAIN ?? 10_000);
/** PUBLISH of `{"n":1}`: fixed header, topic with its length, payload. */
const EVENT_BYTES = 2 + 2 + "iot-2/evt/status/fmt/json".length + '{"n":1}'.length;

test(`${EVENTS} events, each published from the callback of the one before`, {
  skip: withoutEspruino(),
  timeout: 1_200_000,
}, async t => {
  let received = 0;
  const server = createServer(socket => {
    socket.once("data", () => {
      socket.write(frames.connack());
      socket.on("data", bytes => {
        received += bytes.length;
      });
    });
  });
  const { port } = await listen(server, t);
  const finished = new Inbox<unknown>();
  const engine = await Espruino.start({
    files: { iotf: await espruinoModule() },
    calls: { finished: (outcome: unknown) => finished.push(outcome) },
  });
  t.after(() => engine.close());
  // The server here answers no PINGREQ.
  const options = { org: "quickstart", host: "127.0.0.1", port, tls: false, "keep-alive": 0, limits: LIMITS };
  await engine.evaluate(`(function() {
    var client = new (require("iotf").DeviceClient)(${JSON.stringify(options)});
    var left = ${EVENTS};
    var running = false;
    function next() {
      if (left-- === 0) return client.disconnect(function() { call("finished", "all sent"); });
      if (!client.publishEvent("status", "json", { n: left % 10 }, 0, done)) call("finished", "not accepted");
    }
    function done(error) {
      if (error || running) return call("finished", error ? error.message : "a callback inside a callback");
      running = true;
      next();
      running = false;
    }
    client.connectedCallback = function() { next(); };
    client.errorCallback = function(error) { call("finished", error.message); };
    client.disconnectedCallback = function(reason) { if (reason) call("finished", reason.message); };
    client.connect();
  })()`);
  assert.equal(await finished.next(), "all sent");
  await engine.invoke("memory"); // everything written before its answer has left the engine
  assert.ok(received >= EVENTS * EVENT_BYTES, `${received} bytes received`);
});
