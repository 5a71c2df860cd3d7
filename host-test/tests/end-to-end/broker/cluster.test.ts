// A fleet on a cluster of two RabbitMQ nodes, with the configuration of docs/brokers. One node is killed while all devices
// publish; its devices come back on the other. Counted is what was confirmed and did not arrive.

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { after, before, describe, test } from "node:test";
import mqtt, { type MqttClient as Application } from "mqtt";
import { DeviceClient } from "../../../../dist/node.js";
import { freePort } from "./process.ts";
import { Epmd, type RabbitMq, withoutRabbitMq } from "./rabbitmq.ts";
import { APPLICATION, deviceOptions, shippedClusterNode, TOKEN } from "./shipped.ts";

const DEVICES = 30;
/** Events per device and QoS before the node is killed, and as many after its devices are back. */
const EVENTS = 10;
const HOSTS = ["127.0.0.1", "127.0.0.2"] as const;
const QOS = [0, 1, 2] as const;

/** At each QoS it publishes the next event when the last one is done. */
class Device {
  readonly client: DeviceClient;
  /** How often each command came. */
  readonly commands = new Map<string, number>();
  /** Payloads that the client has reported as sent (QoS 0) or confirmed (QoS 1, 2). */
  readonly done: string[][] = [[], [], []];
  /** Whether the session was present, at each connection. */
  readonly connections: boolean[] = [];
  private readonly name: string;
  private readonly changed: EventEmitter;
  private publishing = true;

  constructor(number: number, port: number, changed: EventEmitter) {
    this.name = `t-${number}`;
    this.changed = changed;
    const host = number % 2 === 0 ? HOSTS : HOSTS.toReversed();
    this.client = new DeviceClient({ ...deviceOptions(port, this.name), host, "clean-session": false });
    this.client.commandCallback = ({ command }) => {
      this.commands.set(command, (this.commands.get(command) ?? 0) + 1);
      changed.emit("change");
    };
    this.client.connectedCallback = sessionPresent => {
      this.connections.push(sessionPresent);
      changed.emit("change");
    };
    this.client.connect();
    for (const qos of QOS) this.publish(qos);
  }

  /** Fewest events of a QoS that are done. */
  get progress(): number {
    return Math.min(...this.done.map(list => list.length));
  }

  /** Events of QoS 0 that are on the way when the node is killed. */
  burst(): void {
    for (let n = 0; n < EVENTS; n++) {
      const payload = `${this.name} burst ${n}`;
      this.client.publishEvent("status", "utf8", payload, 0, () => this.done[0]!.push(payload));
    }
  }

  /** Publishes a last event, and resolves when it is confirmed. */
  stop(): Promise<void> {
    this.publishing = false;
    return new Promise(resolve => this.client.publishEvent("end", "utf8", this.name, 1, () => resolve()));
  }

  private publish(qos: 0 | 1 | 2): void {
    const payload = `${this.name} ${qos} ${this.done[qos]!.length}`;
    this.client.publishEvent("status", "utf8", payload, qos, () => {
      this.done[qos]!.push(payload);
      this.changed.emit("change");
      setImmediate(() => {
        if (!this.publishing) return;
        // QoS 0 is done at once: with the events of QoS 1, and as many.
        if (qos > 0) this.publish(qos);
        if (qos === 1) this.publish(0);
      });
    });
  }
}

describe("two RabbitMQ nodes", { skip: withoutRabbitMq(), timeout: 120_000 }, () => {
  const changed = new EventEmitter().setMaxListeners(0);
  const devices: Device[] = [];
  const nodes: RabbitMq[] = [];
  let epmd: Epmd;
  let application: Application;
  /** Payloads of events, with how often each arrived. */
  const seen = new Map<string, number>();

  const until = async (condition: () => boolean) => {
    while (!condition()) await once(changed, "change");
  };

  before(async () => {
    epmd = await Epmd.start();
    const port = await freePort();
    nodes.push(await shippedClusterNode("a", HOSTS[0], port, epmd));
    nodes.push(await shippedClusterNode("b", HOSTS[1], port, epmd));
    const options = { ...APPLICATION, clientId: "a:abc123:app", clean: false, reconnectPeriod: 50 };
    application = await mqtt.connectAsync(`mqtt://${HOSTS[1]}:${port}`, options);
    application.on("message", (_, payload) => {
      seen.set(String(payload), (seen.get(String(payload)) ?? 0) + 1);
      changed.emit("change");
    });
    await application.subscribeAsync("iot-2/evt/+/fmt/+", { qos: 1 });
    for (let n = 0; n < DEVICES; n++) devices.push(new Device(n, port, changed));
    await until(() => devices.every(device => device.progress >= EVENTS));
  });

  after(async () => {
    for (const { client } of devices) client.disconnect();
    await application?.endAsync(true);
    for (const node of nodes) await node.close();
    await epmd?.close();
  });

  /** Two connections with one client id. */
  const twins = async () => {
    const credentials = { username: "use-token-auth", password: TOKEN };
    const options = { clientId: "d:abc123:thermo:twin", ...credentials, reconnectPeriod: 0 };
    const join = () => mqtt.connectAsync(`mqtt://${HOSTS[1]}:${nodes[1]!.port}`, options);
    return [await join(), await join()] as const;
  };

  test("both run: a second connection with a client id ends the first", async () => {
    const [first, second] = await twins();
    if (first.connected) await new Promise<void>(resolve => first.once("close", () => resolve()));
    second.end(true);
  });

  test("one is killed: its devices come back on the other, and nothing of QoS 1 and 2 is lost", async t => {
    const commands: string[] = [];
    let sending = true;
    const sent = (async () => {
      for (let n = 0; sending; n++) {
        await application.publishAsync(`iot-2/cmd/c${n}/fmt/utf8`, "", { qos: 1 });
        commands.push(`c${n}`);
      }
    })();
    const moving = devices.filter((_, n) => n % 2 === 0);
    await until(() => commands.length > 10);
    const began = performance.now();
    for (const device of devices) device.burst();
    await nodes[0]!.kill("SIGKILL");
    await until(() => moving.every(({ connections }) => connections.length > 1));
    t.diagnostic(`${moving.length} devices were back after ${Math.round(performance.now() - began)} ms`);
    const reached = devices.map(({ progress }) => progress);
    await until(() => devices.every(({ progress }, n) => progress >= reached[n]! + EVENTS));
    sending = false;
    await sent;
    await Promise.all(devices.map(device => device.stop()));
    // Messages of one device arrive in order: behind its last event all earlier ones have arrived.
    await until(() => devices.every((_, n) => seen.has(`t-${n}`)));

    const lost = QOS.map(qos => {
      const done = devices.flatMap(device => device.done[qos]!);
      const missing = done.filter(payload => !seen.has(payload)).length;
      const twice = done.filter(payload => seen.get(payload)! > 1).length;
      t.diagnostic(`events of QoS ${qos}: ${done.length} done, ${missing} lost, ${twice} arrived more than once`);
      return missing;
    });
    await application.publishAsync("iot-2/cmd/end/fmt/utf8", "", { qos: 1 });
    await until(() => devices.every(device => device.commands.has("end")));
    const counts = devices.flatMap(device => commands.map(command => device.commands.get(command) ?? 0));
    const missing = counts.filter(count => count === 0).length;
    const twice = counts.filter(count => count > 1).length;
    t.diagnostic(
      `commands of QoS 1: ${counts.length} to ${DEVICES} devices, ${missing} lost, ${twice} arrived more than once`,
    );
    assert.deepEqual(lost.slice(1), [0, 0]);
    assert.equal(missing, 0);
    assert.deepEqual(
      moving.map(({ connections }) => connections.slice(1)),
      moving.map(() => [true]),
    );
  });

  test("what is left of two nodes cannot tell that a client id is in use: both connections stay", async () => {
    const [first, second] = await twins();
    for (const twin of [first, second]) await twin.publishAsync("iot-2/evt/twin/fmt/utf8", "", { qos: 1 });
    for (const twin of [first, second]) twin.end(true);
  });
});
