// The whole way in a real Espruino: the library from its Storage over its own sockets, against the local platform and
// against Mosquitto. The application is MQTT.js.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import mqtt, { type MqttClient } from "mqtt";
import { startPlatform } from "../../../harness/platform/platform.ts";
import { Mosquitto, withoutMosquitto } from "../../end-to-end/broker/mosquitto.ts";
import { deviceInbox, Inbox } from "../../support/inbox.ts";
import type { Espruino } from "./engine.ts";
import { withoutEspruino } from "./engine.ts";
import { deviceOptions, startSubject } from "./subject.ts";

const TOKEN = "MP$08VKz!8r=nR-Q*";

interface Server {
  port: number;
  /** Before "/evt/…" and "/cmd/…" on the application's side. */
  prefix: string;
  /** Stops and starts again, on the same port. Resolves when applications can connect. */
  restart(): Promise<void>;
  application(): Promise<MqttClient>;
  close(): Promise<void>;
}

async function onPlatform(): Promise<Server> {
  const devices = [{ org: "abc123", type: "thermo", id: "t-01", token: TOKEN }];
  let platform = await startPlatform({ devices });
  const { port } = platform;
  return {
    port,
    prefix: "iot-2/type/thermo/id/t-01",
    restart: async () => {
      await platform.close();
      platform = await startPlatform({ devices, port });
    },
    application: () =>
      mqtt.connectAsync(platform.url, { clientId: "a:abc123:test", username: "a-abc123-test", password: "x" }),
    close: () => platform.close(),
  };
}

async function onMosquitto(): Promise<Server> {
  const broker = await Mosquitto.start();
  return {
    port: broker.port,
    prefix: "iot-2",
    restart: async () => {
      await broker.kill("SIGKILL");
      await broker.run();
    },
    application: () => mqtt.connectAsync(broker.url, { clientId: "application" }),
    close: () => broker.close(),
  };
}

for (const [serverName, startServer, skip] of [
  ["the local platform", onPlatform, false],
  ["Mosquitto", onMosquitto, withoutMosquitto()],
] as const) {
  describe(`device in Espruino, ${serverName}`, { skip: withoutEspruino() || skip, timeout: 120_000 }, () => {
    let server: Server;
    let engine: Espruino;
    let application: MqttClient;
    const events = new Inbox<{ topic: string; payload: string; qos: number }>();
    const { commands, told, calls } = deviceInbox();

    async function listen(): Promise<void> {
      application = await server.application();
      application.on("message", (topic, payload, { qos }) =>
        events.push({ topic: topic.slice(server.prefix.length), payload: payload.toString(), qos }),
      );
      await application.subscribeAsync(`${server.prefix}/evt/+/fmt/+`, { qos: 2 });
    }

    before(async () => {
      server = await startServer();
      await listen();
      engine = await startSubject(deviceOptions(server.port, TOKEN), calls);
      await engine.invoke("connect");
      assert.deepEqual(await told.next(), ["connected", undefined]);
    });

    after(async () => {
      await engine?.close();
      await application?.endAsync(true);
      await server?.close();
    });

    for (const qos of [0, 1, 2] as const) {
      test(`an event at QoS ${qos} arrives as it was sent`, async () => {
        const data = { text: "grüße", n: 1.5, list: [true, null] };
        await engine.invoke("publish", { event: "status", data, qos });
        const { payload, ...rest } = await events.next();
        assert.deepEqual(rest, { topic: "/evt/status/fmt/json", qos });
        assert.deepEqual(JSON.parse(payload), data);
      });

      test(`a command at QoS ${qos} reaches commandCallback`, async () => {
        const data = { message: "schön", qos };
        await application.publishAsync(`${server.prefix}/cmd/print/fmt/json`, JSON.stringify(data), { qos });
        assert.deepEqual(await commands.next(), { command: "print", format: "json", data });
      });
    }

    test("an event that does not fit the transmit buffer arrives whole", async () => {
      await engine.evaluate(`functions.big = function() {
        var data = new Array(3001).join("x");
        return functions.publish({ event: "big", data: data, qos: 1 });
      }`);
      await engine.invoke("big");
      assert.equal((await events.next()).payload, `"${"x".repeat(3000)}"`);
    });

    test("a command in many pieces arrives whole; one larger than frameBytes is reported, and the next one arrives", async () => {
      const topic = `${server.prefix}/cmd/print/fmt/json`;
      await application.publishAsync(topic, JSON.stringify("x".repeat(1900)), { qos: 1 });
      assert.deepEqual(await commands.next(), { command: "print", format: "json", data: "x".repeat(1900) });
      await application.publishAsync(topic, JSON.stringify("x".repeat(7000)), { qos: 1 });
      await application.publishAsync(topic, '"small"', { qos: 1 });
      assert.deepEqual(await commands.next(), { command: "print", format: "json", data: "small" });
      const [what, text] = await told.next();
      assert.equal(what, "failed");
      assert.match(String(text), /command on iot-2\/cmd\/print\/fmt\/json of 70\d\d bytes exceeds limits.frameBytes$/);
    });

    test("text beyond U+00FF arrives as question marks, the rest of the command whole", async () => {
      await application.publishAsync(`${server.prefix}/cmd/print/fmt/json`, '{"a":"21 °C, 5 €","b":1}', { qos: 1 });
      assert.deepEqual(await commands.next(), { command: "print", format: "json", data: { a: "21 °C, 5 ?", b: 1 } });
    });

    test("the server restarts: it connects again by itself, sends what was queued, hears commands", async () => {
      await application.endAsync(true);
      await server.restart();
      const [what, details] = await told.next();
      assert.equal(what, "disconnected");
      assert.equal((details as { code: string }).code, "closed");
      assert.ok((details as { retryMs: number }).retryMs >= 0);
      await listen();
      const published = engine.invoke("publish", { event: "status", data: "queued while away", qos: 1 });
      while ((await told.next())[0] !== "connected");
      await published;
      assert.equal((await events.next()).payload, '"queued while away"');
      await application.publishAsync(`${server.prefix}/cmd/print/fmt/json`, '"again"', { qos: 1 });
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
