// The whole way, from publishEvent to an application and from an application to commandCallback, with the bundle that is
// flashed: on Node and in XS, against the local platform and against Mosquitto.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { ENGINES, startEngine } from "../../engines/engines.ts";
import { IDENTITY } from "../../support/identity.ts";
import { describeWholeWay, TOKEN } from "./whole-way.ts";

const SUBJECT = fileURLToPath(new URL("subject.js", import.meta.url));
const DEVICE = { ...IDENTITY, "auth-token": TOKEN, host: "127.0.0.1", tls: false };
const LIMITS = { frameBytes: 65536, queuedBytes: 262144 };

for (const engineName of ENGINES) {
  describeWholeWay(
    `device on ${engineName}`,
    { timeout: 60_000, text: "grüße 温度 🌡" },
    (port, calls) => startEngine(engineName, SUBJECT, { ...DEVICE, port, limits: LIMITS }, calls),
    way => {
      for (const qos of [0, 1, 2] as const) {
        test(`an event of 100,000 bytes at QoS ${qos} arrives whole`, async () => {
          const data = "x".repeat(99_998);
          await way.publish("big", data, qos);
          assert.equal((await way.events.next()).payload, `"${data}"`);
        });
      }

      // MQTT keeps order among messages of one QoS [MQTT-4.6.0-6].
      for (const qos of [1, 2] as const) {
        test(`a hundred events at QoS ${qos} keep their order`, async () => {
          const numbers = Array.from({ length: 100 }, (_, n) => n);
          const sent = numbers.map(n => way.publish("n", n, qos));
          for (const n of numbers) assert.equal((await way.events.next()).payload, String(n));
          await Promise.all(sent);
        });
      }

      test("a command larger than frameBytes is reported, and the next one arrives", async () => {
        await way.print(JSON.stringify("x".repeat(70_000)));
        await way.print('"small"');
        await way.assertPrinted("small");
        await way.assertFailed(/command on iot-2\/cmd\/print\/fmt\/json of 700\d\d bytes exceeds/);
      });

      test("after a cut it connects again by itself and hears commands", async () => {
        await way.server.cut();
        await way.assertLost();
        const published = way.publish("status", "queued while away");
        await way.assertConnected();
        await published;
        assert.equal((await way.events.next()).payload, '"queued while away"');
        await way.print('"again"');
        await way.assertPrinted("again");
      });
    },
  );
}
