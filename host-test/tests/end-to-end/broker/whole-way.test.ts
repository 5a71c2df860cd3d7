// The whole way, from publishEvent to an application and from an application to commandCallback, with the bundle that is
// flashed: on Node and in XS, against the local platform and against Mosquitto. The application is MQTT.js.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import mqtt, { type MqttClient } from "mqtt";
import { startPlatform } from "../../../harness/platform/platform.ts";
import { ENGINES, type Engine, startEngine } from "../../engines/engines.ts";
import { deviceInbox, Inbox } from "../../support/inbox.ts";
import { Mosquitto, withoutMosquitto } from "./mosquitto.ts";

const SUBJECT = fileURLToPath(new URL("subject.js", import.meta.url));
const TOKEN = "MP$08VKz!8r=nR-Q*";

/** A server to run against, as device and application see it. */
interface Server {
  port: number;
  /** Before "/evt/…" and "/cmd/…" on the application's side. */
  prefix: string;
  application: MqttClient;
  /** Cuts the device's connection without a word. */
  cut(): Promise<unknown>;
  close(): Promise<void>;
}

async function onPlatform(): Promise<Server> {
  const device = { org: "abc123", type: "thermo", id: "t-01", token: TOKEN };
  const platform = await startPlatform({ devices: [device] });
  const application = await mqtt.connectAsync(platform.url, {
    clientId: "a:abc123:test",
    username: "a-abc123-test",
    password: "x",
  });
  return {
    port: platform.port,
    prefix: "iot-2/type/thermo/id/t-01",
    application,
    cut: () => platform.disconnectDevice("d:abc123:thermo:t-01"),
    close: async () => {
      await application.endAsync();
      await platform.close();
    },
  };
}

async function onMosquitto(): Promise<Server> {
  const broker = await Mosquitto.start();
  const application = await mqtt.connectAsync(broker.url, { clientId: "application" });
  return {
    port: broker.port,
    prefix: "iot-2",
    application,
    // A client with the same id takes the connection over.
    cut: async () => {
      const thief = await mqtt.connectAsync(broker.url, { clientId: "d:abc123:thermo:t-01", reconnectPeriod: 0 });
      await thief.endAsync();
    },
    close: async () => {
      await application.endAsync();
      await broker.close();
    },
  };
}

interface Arrived {
  topic: string;
  payload: string;
  qos: number;
}

for (const engineName of ENGINES) {
  for (const [serverName, startServer, skip] of [
    ["the local platform", onPlatform, false],
    ["Mosquitto", onMosquitto, withoutMosquitto()],
  ] as const) {
    describe(`device on ${engineName}, ${serverName}`, { skip, timeout: 60_000 }, () => {
      let server: Server;
      let engine: Engine;
      const events = new Inbox<Arrived>();
      const { commands, told, calls } = deviceInbox();

      before(async () => {
        server = await startServer();
        server.application.on("message", (topic, payload, { qos }) =>
          events.push({ topic: topic.slice(server.prefix.length), payload: payload.toString(), qos }),
        );
        await server.application.subscribeAsync(`${server.prefix}/evt/+/fmt/+`, { qos: 2 });
        engine = await startEngine(
          engineName,
          SUBJECT,
          {
            org: "abc123",
            type: "thermo",
            id: "t-01",
            "auth-method": "token",
            "auth-token": TOKEN,
            host: "127.0.0.1",
            port: server.port,
            tls: false,
            limits: { frameBytes: 65536, queuedBytes: 262144 },
          },
          calls,
        );
        await engine.invoke("connect");
        assert.deepEqual(await told.next(), ["connected", undefined]);
      });

      after(async () => {
        await engine?.close();
        await server?.close();
      });

      for (const qos of [0, 1, 2] as const) {
        test(`an event at QoS ${qos} arrives as it was sent`, async () => {
          const data = { text: "grüße 温度 🌡", n: 1.5, list: [true, null] };
          await engine.invoke("publish", { event: "status", data, qos });
          const arrived = await events.next();
          assert.deepEqual(arrived, { topic: "/evt/status/fmt/json", payload: JSON.stringify(data), qos });
        });

        test(`a command at QoS ${qos} reaches commandCallback`, async () => {
          const data = { message: "schön 🌡", qos };
          await server.application.publishAsync(`${server.prefix}/cmd/print/fmt/json`, JSON.stringify(data), { qos });
          assert.deepEqual(await commands.next(), { command: "print", format: "json", data });
        });

        test(`an event of 100,000 bytes at QoS ${qos} arrives whole`, async () => {
          const data = "x".repeat(99_998);
          await engine.invoke("publish", { event: "big", data, qos });
          const arrived = await events.next();
          assert.equal(arrived.payload, `"${data}"`);
        });
      }

      // MQTT keeps order among messages of one QoS [MQTT-4.6.0-6].
      for (const qos of [1, 2] as const) {
        test(`a hundred events at QoS ${qos} keep their order`, async () => {
          const numbers = Array.from({ length: 100 }, (_, n) => n);
          const sent = numbers.map(n => engine.invoke("publish", { event: "n", data: n, qos }));
          for (const n of numbers) assert.equal((await events.next()).payload, String(n));
          await Promise.all(sent);
        });
      }

      test("a command larger than frameBytes is reported, and the next one arrives", async () => {
        const topic = `${server.prefix}/cmd/print/fmt/json`;
        await server.application.publishAsync(topic, JSON.stringify("x".repeat(70_000)), { qos: 1 });
        await server.application.publishAsync(topic, '"small"', { qos: 1 });
        assert.deepEqual(await commands.next(), { command: "print", format: "json", data: "small" });
        const [what, text] = await told.next();
        assert.equal(what, "failed");
        assert.match(String(text), /command on iot-2\/cmd\/print\/fmt\/json of 700\d\d bytes exceeds/);
      });

      test("after a cut it connects again by itself and hears commands", async () => {
        await server.cut();
        const [what, details] = await told.next();
        assert.equal(what, "disconnected");
        assert.equal((details as { code: string }).code, "closed");
        assert.ok((details as { retryMs: number }).retryMs >= 0);
        const published = engine.invoke("publish", { event: "status", data: "queued while away", qos: 1 });
        assert.deepEqual(await told.next(), ["connected", undefined]);
        await published;
        assert.equal((await events.next()).payload, '"queued while away"');
        await server.application.publishAsync(`${server.prefix}/cmd/print/fmt/json`, '"again"', { qos: 1 });
        assert.deepEqual(await commands.next(), { command: "print", format: "json", data: "again" });
      });

      test("disconnect ends it", async () => {
        await engine.invoke("disconnect");
        const [what, details] = await told.next();
        assert.equal(what, "disconnected");
        assert.equal((details as { retryMs: number }).retryMs, -1);
      });
    });
  }
}
