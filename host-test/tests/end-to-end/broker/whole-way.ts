// The whole way from a device to an application and back, on any engine: servers, the application (MQTT.js), and the tests
// that every engine passes.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import mqtt, { type MqttClient } from "mqtt";
import { startPlatform } from "../../../harness/platform/platform.ts";
import type { Call, Engine } from "../../engines/engines.ts";
import { deviceInbox, Inbox } from "../../support/inbox.ts";
import { Mosquitto, withoutMosquitto } from "./mosquitto.ts";

export const TOKEN = "MP$08VKz!8r=nR-Q*";
const CLIENT_ID = "d:abc123:thermo:t-01";

/** A server to run against, as device and application see it. */
interface Server {
  port: number;
  /** Before "/evt/…" and "/cmd/…" on the application's side. */
  prefix: string;
  connectApplication(): Promise<MqttClient>;
  /** Cuts the device's connection without a word. */
  cut(): Promise<unknown>;
  /** Stops and starts again, on the same port. Resolves when applications can connect. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

async function startOnPlatform(): Promise<Server> {
  const devices = [{ org: "abc123", type: "thermo", id: "t-01", token: TOKEN }];
  let platform = await startPlatform({ devices });
  const { port } = platform;
  return {
    port,
    prefix: "iot-2/type/thermo/id/t-01",
    connectApplication: () =>
      mqtt.connectAsync(platform.url, { clientId: "a:abc123:test", username: "a-abc123-test", password: "x" }),
    cut: () => platform.disconnectDevice(CLIENT_ID),
    restart: async () => {
      await platform.close();
      platform = await startPlatform({ devices, port });
    },
    close: () => platform.close(),
  };
}

async function startOnMosquitto(): Promise<Server> {
  const broker = await Mosquitto.start();
  return {
    port: broker.port,
    prefix: "iot-2",
    connectApplication: () => mqtt.connectAsync(broker.url, { clientId: "application" }),
    // A client with the same id takes the connection over.
    cut: async () => {
      const thief = await mqtt.connectAsync(broker.url, { clientId: CLIENT_ID, reconnectPeriod: 0 });
      await thief.endAsync();
    },
    restart: async () => {
      await broker.kill("SIGKILL");
      await broker.run();
    },
    close: () => broker.close(),
  };
}

/** A device on engine `E`, a server and an application. */
export class WholeWay<E extends Engine> {
  server!: Server;
  engine!: E;
  application: MqttClient | undefined;
  readonly events = new Inbox<{ topic: string; payload: string; qos: number }>();
  readonly inbox = deviceInbox();

  /** The application connects and subscribes to events. */
  async listen(): Promise<void> {
    const { prefix } = this.server;
    this.application = await this.server.connectApplication();
    this.application.on("message", (topic, payload, { qos }) =>
      this.events.push({ topic: topic.slice(prefix.length), payload: payload.toString(), qos }),
    );
    await this.application.subscribeAsync(`${prefix}/evt/+/fmt/+`, { qos: 2 });
  }

  publish(event: string, data: unknown, qos: 0 | 1 | 2 = 1): Promise<unknown> {
    return this.engine.invoke("publish", { event, data, qos });
  }

  /** The application sends the command "print". */
  async print(payload: string, qos: 0 | 1 | 2 = 1): Promise<void> {
    await this.application!.publishAsync(`${this.server.prefix}/cmd/print/fmt/json`, payload, { qos });
  }

  async assertPrinted(data: unknown): Promise<void> {
    const { timestamp: _, ...command } = (await this.inbox.commands.next()) as { timestamp?: string };
    assert.deepEqual(command, { command: "print", format: "json", data });
  }

  async assertConnected(): Promise<void> {
    assert.deepEqual(await this.inbox.told.next(), ["connected", undefined]);
  }

  async assertFailed(message: RegExp): Promise<void> {
    const [what, text] = await this.inbox.told.next();
    assert.equal(what, "failed");
    assert.match(String(text), message);
  }

  /** The connection was lost, and the client retries. */
  async assertLost(): Promise<void> {
    const [what, details] = (await this.inbox.told.next()) as [string, { code: string; retryMs: number }];
    assert.deepEqual([what, details.code], ["disconnected", "closed"]);
    assert.ok(details.retryMs >= 0);
  }
}

interface Options {
  skip?: string | false;
  timeout: number;
  /** Sent both ways, among other data. */
  text: string;
  /** The engine may write JSON otherwise than V8: values are compared, not characters. */
  ownJson?: boolean;
}

/**
 * @param start starts the device's engine; connect() is called here
 * @param more further tests, between the common ones and the disconnect at the end
 */
export function describeWholeWay<E extends Engine>(
  device: string,
  { text, ownJson = false, ...options }: Options,
  start: (port: number, calls: Record<string, Call>) => Promise<E>,
  more: (way: WholeWay<E>) => void,
): void {
  for (const [serverName, startServer, skip] of [
    ["the local platform", startOnPlatform, false],
    ["Mosquitto", startOnMosquitto, withoutMosquitto()],
  ] as const) {
    describe(`${device}, ${serverName}`, { ...options, skip: options.skip || skip }, () => {
      const way = new WholeWay<E>();

      before(async () => {
        way.server = await startServer();
        await way.listen();
        way.engine = await start(way.server.port, way.inbox.calls);
        await way.engine.invoke("connect");
        await way.assertConnected();
      });

      after(async () => {
        await way.engine?.close();
        await way.application?.endAsync(true);
        await way.server?.close();
      });

      for (const qos of [0, 1, 2] as const) {
        test(`an event at QoS ${qos} arrives as it was sent`, async () => {
          const data = { text, n: 1.5, list: [true, null] };
          await way.publish("status", data, qos);
          const { payload, ...rest } = await way.events.next();
          assert.deepEqual(rest, { topic: "/evt/status/fmt/json", qos });
          if (ownJson) assert.deepEqual(JSON.parse(payload), data);
          else assert.equal(payload, JSON.stringify(data));
        });

        test(`a command at QoS ${qos} reaches commandCallback`, async () => {
          const data = { message: text, qos };
          await way.print(JSON.stringify(data), qos);
          await way.assertPrinted(data);
        });
      }

      more(way);

      test("disconnect ends it", async () => {
        await way.engine.invoke("disconnect");
        const [what, details] = await way.inbox.told.next();
        assert.equal(what, "disconnected");
        assert.equal((details as { retryMs: number }).retryMs, -1);
      });
    });
  }
}
