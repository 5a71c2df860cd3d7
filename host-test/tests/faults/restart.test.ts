// The device process is killed with SIGKILL at random moments and started again on its file store: what publish returned
// true for arrives, and QoS 2 arrives once. RESTART_SEED repeats the moments, as far as the machine lets them be the same.
//
// On Node only: an XS worker has no files that outlive it. That power may go between any two changes of a store, whoever
// keeps it, is played in ../dialogue/store.test.ts.

import assert from "node:assert/strict";
import { readdirSync, readFileSync, watch } from "node:fs";
import { join } from "node:path";
import { env, execPath } from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import mqtt from "mqtt";
import { seeded } from "../../harness/testing/random.ts";
import { Mosquitto, withoutMosquitto } from "../end-to-end/broker/mosquitto.ts";
import { makeFolder } from "../support/folder.ts";
import { Program } from "../support/program.ts";

const DEVICE = fileURLToPath(new URL("restarting-device.js", import.meta.url));
/** Lives at least, and events that all of them together have to get accepted. */
const LIVES = 8;
const LEAST_ACCEPTED = 300;
const FENCE = "q2 fence";
const seed = Number(env.RESTART_SEED ?? Math.floor(Math.random() * 2 ** 31));

test("killed with SIGKILL, nothing accepted is lost, QoS 2 never twice", {
  skip: withoutMosquitto(),
  timeout: 120_000,
}, async t => {
  t.diagnostic(`RESTART_SEED=${seed}`);
  let device: Program | undefined;
  let application: mqtt.MqttClient | undefined;
  let broker: Mosquitto | undefined;
  // Also when the time is over: a device or a broker that is left running keeps the test run from ending.
  t.after(() => Promise.allSettled([device?.kill("SIGKILL"), application?.endAsync(true), broker?.close()]));
  const folder = makeFolder(t);
  // Room enough: see servers.ts.
  const config = ["allow_anonymous true", "max_inflight_messages 200", "max_queued_messages 10000"];
  broker = await Mosquitto.start({ config, quiet: true });
  const { port, url } = broker;
  application = await mqtt.connectAsync(url, { clientId: "application", clean: false });
  const random = seeded(seed);
  const arrived: string[] = [];
  const diary = () => {
    try {
      return readFileSync(join(folder, "diary"), "utf8").split("\n");
    } catch {
      return [];
    }
  };
  const accepted = () =>
    diary()
      .filter(line => line.startsWith("accepted "))
      .map(line => line.slice(9));
  // Resolves when the device has written "alive": events of the life before may still arrive, and
  // would end a life that has not begun.
  const live = async (first: number) => {
    t.signal.throwIfAborted();
    device = new Program(execPath, [DEVICE, String(port), folder, String(first)]);
    await device.printed(/alive/);
    return device;
  };
  application.on("message", (_, payload) => arrived.push(payload.toString()));
  await application.subscribeAsync("events", { qos: 2 });
  let commands = 0;
  let lives = 0;
  for (; lives < LIVES || accepted().length <= LEAST_ACCEPTED; lives++) {
    const one = await live(lives * 1_000_000);
    const died = one.ended.then(({ err }) => {
      throw new Error(`the device ended by itself: ${err}`);
    });
    died.catch(() => {}); // the end of each life
    // Killed after some events more have arrived, so at any point of an exchange.
    const until = arrived.length + 1 + Math.floor(random() * 200);
    while (arrived.length < until) {
      await Promise.race([died, new Promise(resolve => application.once("message", resolve))]);
      if (commands < arrived.length / 4) {
        const qos = (1 + (commands % 2)) as 1 | 2;
        application.publish("commands", `q${qos} ${commands++}`, { qos });
      }
    }
    await one.kill("SIGKILL");
  }
  // The last life publishes nothing of its own: it clears the store.
  const emptied = empty(join(folder, "store"));
  const last = await live(-1);
  await emptied;
  await last.kill("SIGKILL");
  // The broker has every event now; the application has them when it has what the broker got behind them.
  const fence = new Promise<void>(resolve => {
    application.on("message", (_, payload) => {
      if (payload.toString() === FENCE) resolve();
    });
  });
  application.publish("events", FENCE, { qos: 2 });
  await fence;
  const missing = accepted().filter(name => !arrived.includes(name));
  assert.deepEqual(missing, [], "accepted and lost");
  const twice = (names: string[]) => names.filter((name, n) => name.startsWith("q2") && names.indexOf(name) !== n);
  assert.deepEqual(twice(arrived), [], "QoS 2 events twice");
  const lines = diary();
  assert.deepEqual(
    lines.filter(line => line.startsWith("error")),
    [],
  );
  assert.equal(lines.filter(line => line === "alive").length, lives + 1, "lives");
  const begun = lines.filter(line => line.endsWith("begins")).map(line => line.split(" ").slice(1, 3).join(" "));
  // Killed between the callback's return and the store, a command comes once more: at most one a life.
  assert.ok(twice(begun).length <= lives && begun.length > 30, `${twice(begun)} of ${begun.length}`);
});

/** Resolves when nothing is left in the folder. */
function empty(folder: string): Promise<void> {
  return new Promise(resolve => {
    const look = () => {
      if (readdirSync(folder).length) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(folder, { persistent: false }, look); // a failed test must end
    look();
  });
}
