// RabbitMQ with a token for each device, asked from the program of docs/brokers.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { MqttClient } from "../../../../dist/node.js";
import { BrokerProcess, freePort } from "./process.ts";
import { withoutRabbitMq } from "./rabbitmq.ts";
import { type Broker, shippedRabbitMqWithTokens } from "./shipped.ts";

const PAGES = new URL("../../../../docs/brokers/", import.meta.url);
const path = (name: string) => fileURLToPath(new URL(name, PAGES));

describe("RabbitMQ with a token for each client id", { skip: withoutRabbitMq(), timeout: 60_000 }, () => {
  let tokens: BrokerProcess;
  let broker: Broker;

  before(async () => {
    tokens = new BrokerProcess("tokens");
    const port = await freePort();
    const args = [path("rabbitmq-tokens.mjs"), path("rabbitmq-tokens.json"), String(port)];
    await tokens.launch({ command: process.execPath, args, ready: /listening/ });
    broker = await shippedRabbitMqWithTokens(`http://127.0.0.1:${port}`);
  });

  after(async () => {
    await broker?.close();
    await tokens?.close();
  });

  /** "connected", or the code of CONNACK. */
  function connect(clientId: string, username: string, password: string): Promise<unknown> {
    const endpoint = { host: "127.0.0.1", port: broker.port };
    const client = new MqttClient({ endpoint, clientId, username, password });
    return new Promise(resolve => {
      client.connectedCallback = () => client.disconnect(() => resolve("connected"));
      client.disconnectedCallback = reason => reason && resolve(reason.returnCode);
      client.connect();
    });
  }

  test("each device needs its own token, and cannot be an application", async () => {
    const [first, second] = ["d:abc123:thermo:t-01", "d:abc123:thermo:t-02"];
    assert.equal(await connect(first!, "use-token-auth", "token-of-t-01"), "connected");
    assert.equal(await connect(second!, "use-token-auth", "token-of-t-02"), "connected");
    assert.equal(await connect("a:abc123:app", "a-abc123-app", "application-token"), "connected");
    assert.equal(await connect(first!, "use-token-auth", "token-of-t-02"), 4);
    assert.equal(await connect(first!, "a-abc123-app", "token-of-t-01"), 4);
    assert.equal(await connect("d:abc123:thermo:t-03", "use-token-auth", "token-of-t-01"), 4);
  });
});
