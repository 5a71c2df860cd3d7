// Measures what an MQTT client holds in a real Espruino with its code in flash, in JsVars, its unit of memory: after
// loading, connected and subscribed, and after thousands of events of different lengths. Against Mosquitto.

import assert from "node:assert/strict";
import mqtt from "mqtt";
import { Mosquitto } from "../../end-to-end/broker/mosquitto.ts";
import { Inbox } from "../../support/inbox.ts";
import { Espruino } from "./engine.ts";
import { deviceOptions } from "./subject.ts";

export const EVENTS = 5000;
/** The client makes an object at its first check for acknowledgements, and keeps it. */
const ACK_SECONDS = 1;
const WARM_SECONDS = 2 * ACK_SECONDS;

/** JsVars more than before the module was loaded; `grown`: by the events that follow WARM_SECONDS of others. */
export interface Figures {
  loaded: number;
  connected: number;
  grown: number;
  /** Bytes of a JsVar. */
  blocksize: number;
}

const SECONDS = "functions.seconds = function() { return getTime(); }";

// Four at a time, as many as the outbox has room for: Espruino sleeps for some milliseconds when nothing is to be done.
const MANY = `functions.many = function(it) {
  return new Promise(function(resolve) {
    var n = it.from, left = 4;
    function next(error) {
      if (error) call("failed", error.message);
      if (n < it.to) functions.one(n++, next);
      else if (--left === 0) resolve();
    }
    for (var i = 0; i < 4; i++) next();
  });
}`;

/** `program` has functions `load`, `begin(options)`, which connects, and `one(n, done)`, which sends an event. */
export async function measure(file: string, text: string, program: string): Promise<Figures> {
  const broker = await Mosquitto.start({ quiet: true });
  const application = await mqtt.connectAsync(broker.url, { clientId: "application" });
  const told = new Inbox<unknown>();
  const tell = (it: unknown) => told.push(it);
  const engine = await Espruino.start({
    files: { [file]: text },
    calls: { connected: () => tell("connected"), failed: tell, command: tell },
  });
  try {
    await engine.evaluate(SECONDS);
    await engine.evaluate(MANY);
    await engine.evaluate(program);
    const { usage: before, blocksize } = await engine.memory();
    await engine.invoke("load");
    const { usage: loaded } = await engine.memory();
    await engine.invoke("begin", deviceOptions(broker.port, "x", { "ack-timeout": ACK_SECONDS }));
    assert.equal(await told.next(), "connected");
    // A command shows that it is subscribed.
    const hear = async () => {
      await application.publishAsync("iot-2/cmd/print/fmt/json", '"heard"', { qos: 1 });
      assert.equal(await told.next(), "heard");
    };
    await engine.invoke("many", { from: 0, to: 30 });
    await hear();
    const { usage: connected } = await engine.memory();
    const since = await engine.invoke<number>("seconds");
    while ((await engine.invoke<number>("seconds")) - since < WARM_SECONDS) {
      await engine.invoke("many", { from: 0, to: 30 });
    }
    await hear();
    const { usage: warm } = await engine.memory();
    await engine.invoke("many", { from: 30, to: EVENTS });
    await hear();
    const { usage: end } = await engine.memory();
    return { loaded: loaded - before, connected: connected - before, grown: end - warm, blocksize };
  } finally {
    await engine.close();
    await application.endAsync(true);
    await broker.close();
  }
}
