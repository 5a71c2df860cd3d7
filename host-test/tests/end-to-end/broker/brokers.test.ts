// Brokers with the configuration of docs/brokers, started for real. What each does differently from MQTT 3.1.1 or from the
// platform is data: a broker that gets better makes a test fail as one that gets worse does. docs/brokers.md has the table.

import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import mqtt, { type MqttClient as Application, type IClientOptions } from "mqtt";
import { ManagedDeviceClient } from "../../../../dist/managed-node.js";
import { type ConnectionException, DeviceClient, type DeviceOptions, MqttClient } from "../../../../dist/node.js";
import { RoughProxy } from "../../faults/proxy.ts";
import { Inbox } from "../../support/inbox.ts";
import { withoutMosquitto } from "./mosquitto.ts";
import { withoutRabbitMq } from "./rabbitmq.ts";
import {
  APPLICATION,
  type Broker,
  deviceOptions,
  shippedMosquitto,
  shippedNats,
  shippedRabbitMq,
  TOKEN,
  withoutNats,
} from "./shipped.ts";

type Ending = "the connection ends";

/** What a broker does. */
interface Behaviour {
  /** CONNACK code for a wrong token. */
  refusal: 4 | 5;
  /** QoS of a subscription that asks for 2. */
  granted: 1 | 2;
  /** Event of QoS 2: QoS with which it arrives, and what confirms it. */
  event2: "QoS 2" | "QoS 1, PUBACK" | Ending;
  /** Command of QoS 2 from an application. */
  command2: "QoS 2" | "QoS 1, PUBACK" | Ending;
  /** A "." in an event id. */
  dot: "arrives" | Ending;
  /** A device publishes a command. */
  forged: "confirmed and dropped" | Ending;
  /** A device subscribes to events of others. */
  foreign: "granted, nothing arrives" | "refused with 128" | Ending;
  /** A command of QoS 0 while the device is away. */
  offline0: "kept" | "dropped";
  /** A command whose delivery was cut, and one that was sent after the device is back: which arrives first? */
  cut: "the cut one" | "the later one";
  /** The DUP flag of an event that the device has sent again, on its way to an application. */
  dup: "cleared" | "copied";
  /** SIGKILL: what is not lost. Mosquitto writes its file after it has confirmed, and before it reads the next packet. */
  killed: "all it confirmed" | "all it confirmed before its last read";
  /** A command that waits for a device while the broker starts again. */
  waiting: "kept" | "may be lost";
}

const BROKERS: Record<string, { start: () => Promise<Broker>; skip: string | false; does: Behaviour }> = {
  "Mosquitto 2.0": {
    start: shippedMosquitto,
    skip: withoutMosquitto(),
    does: {
      refusal: 5,
      granted: 2,
      event2: "QoS 2",
      command2: "QoS 2",
      dot: "arrives",
      forged: "confirmed and dropped",
      foreign: "granted, nothing arrives",
      offline0: "dropped",
      cut: "the cut one",
      dup: "cleared",
      killed: "all it confirmed before its last read",
      waiting: "kept",
    },
  },
  "NATS 2.9": {
    start: shippedNats,
    skip: withoutNats(),
    does: {
      refusal: 5,
      granted: 1,
      event2: "the connection ends",
      command2: "the connection ends",
      dot: "the connection ends",
      forged: "confirmed and dropped",
      foreign: "refused with 128",
      offline0: "dropped",
      cut: "the later one",
      dup: "cleared",
      killed: "all it confirmed",
      waiting: "may be lost",
    },
  },
  "RabbitMQ 3.10": {
    start: shippedRabbitMq,
    skip: withoutRabbitMq(),
    does: {
      refusal: 4,
      granted: 1,
      event2: "QoS 1, PUBACK",
      command2: "QoS 1, PUBACK",
      dot: "the connection ends",
      forged: "the connection ends",
      foreign: "the connection ends",
      offline0: "kept",
      cut: "the cut one",
      dup: "copied",
      killed: "all it confirmed",
      waiting: "kept",
    },
  },
};

const COMMANDS = "iot-2/cmd/+/fmt/+";
const EVENTS = "iot-2/evt/+/fmt/+";
/** The application does not look at these. */
const HELLO = "hello";
const topicOf = (command: string) => `iot-2/cmd/${command}/fmt/json`;

/** A device with what it hears. */
class Device {
  readonly client: DeviceClient;
  readonly commands = new Inbox<string>();
  /** Whether the session was present, at each connection. */
  readonly connected = new Inbox<boolean>();
  readonly lost = new Inbox<ConnectionException>();

  constructor(port: number, id: string, options: DeviceOptions = {}) {
    this.client = new DeviceClient({ ...deviceOptions(port, id), "clean-session": false, ...options });
    this.client.commandCallback = ({ command }) => this.commands.push(command);
    this.client.connectedCallback = sessionPresent => this.connected.push(sessionPresent);
    this.client.disconnectedCallback = reason => reason && this.lost.push(reason);
  }

  /** Resolves when it is subscribed: the broker has confirmed an event that came behind SUBSCRIBE. */
  async connect(): Promise<boolean> {
    this.client.connect();
    const sessionPresent = await this.connected.next();
    await this.publish(HELLO, 1);
    return sessionPresent;
  }

  /** Resolves when the broker has confirmed it. */
  publish(event: string, qos: 0 | 1 | 2): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (error?: Error) => (error ? reject(error) : resolve());
      if (!this.client.publishEvent(event, "json", {}, qos, done)) reject(new Error("refused"));
    });
  }

  async ended(): Promise<Ending> {
    await this.lost.next();
    return "the connection ends";
  }

  leave(): Promise<void> {
    return new Promise(resolve => this.client.disconnect(() => resolve()));
  }
}

/** At QoS 1 a message whose acknowledgement the broker has lost comes again: reads over `earlier` until `expected`. */
async function readUntil(inbox: Inbox<string>, expected: string, ...earlier: string[]): Promise<void> {
  let item = await inbox.next();
  while (earlier.includes(item)) item = await inbox.next();
  assert.equal(item, expected);
}

for (const [name, { start, skip, does }] of Object.entries(BROKERS)) {
  describe(name, { skip, timeout: 120_000 }, () => {
    let broker: Broker;
    let application: Application;
    const events = new Inbox<string>();
    const devices: Device[] = [];
    const others: { end(): void }[] = [];

    const join = (options: IClientOptions) => mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, options);
    const send = (command: string, qos: 0 | 1 | 2) => application.publishAsync(topicOf(command), "{}", { qos });
    /** The next event, as "id at QoS n". */
    const arrived = () => events.next();

    function device(id: string, options: DeviceOptions = {}): Device {
      const made = new Device(broker.port, id, options);
      devices.push(made);
      return made;
    }

    /** The credentials of a device, with topics that DeviceClient does not use. */
    function bare(id: string) {
      const client = new MqttClient({
        endpoint: { host: "127.0.0.1", port: broker.port },
        clientId: `d:abc123:thermo:${id}`,
        username: "use-token-auth",
        password: TOKEN,
      });
      others.push({ end: () => client.disconnect() });
      const ended = new Promise<Ending>(resolve => {
        client.disconnectedCallback = reason => reason && resolve("the connection ends");
      });
      client.connect();
      return { client, ended };
    }

    before(async () => {
      broker = await start();
      const session = { clean: false, reconnectPeriod: 50 };
      application = await join({ ...APPLICATION, ...session, clientId: "a:abc123:app" });
      application.on("message", (topic, _, { qos, dup }) => {
        const event = topic.split("/")[2];
        if (event !== HELLO) events.push(`${event} at QoS ${qos}${dup ? ", DUP" : ""}`);
      });
      await application.subscribeAsync(EVENTS, { qos: 2 });
    });

    afterEach(() => {
      for (const { client } of devices.splice(0)) client.disconnect();
      for (const other of others.splice(0)) other.end();
    });

    after(async () => {
      await application?.endAsync(true);
      await broker?.close();
    });

    test("a wrong token is refused, and the client stops", async () => {
      const stranger = device("t-00", { "auth-token": "wrong" });
      stranger.client.connect();
      const { code, returnCode } = await stranger.lost.next();
      assert.deepEqual([code, returnCode, stranger.client.active], ["refused", does.refusal, false]);
    });

    for (const qos of [0, 1] as const) {
      test(`an event at QoS ${qos}`, async () => {
        const sender = device(`t-1${qos}`);
        await sender.connect();
        await sender.publish("status", qos);
        assert.equal(await arrived(), `status at QoS ${qos}`);
      });
    }

    test("an event at QoS 2", async () => {
      const sender = device("t-12");
      await sender.connect();
      const told = new Promise<void>(resolve => {
        sender.client.errorCallback = () => resolve();
      });
      const outcome = await Promise.race([sender.publish("status", 2).then(arrived), sender.ended()]);
      if (does.event2 === "QoS 2") assert.equal(outcome, "status at QoS 2");
      else if (does.event2 === "QoS 1, PUBACK") {
        assert.equal(outcome, "status at QoS 1");
        await told; // that the broker has answered PUBACK
      } else assert.equal(outcome, does.event2);
    });

    test("commands at QoS 0, 1 and 2", async () => {
      const { client } = bare("t-13");
      const got = new Inbox<string>();
      client.messageCallback = ({ topic, qos }) => got.push(`${topic.split("/")[2]} at QoS ${qos}`);
      const granted = await new Promise(resolve =>
        client.subscribe([{ topic: COMMANDS, qos: 2 }], (_, codes) => resolve(codes)),
      );
      assert.deepEqual(granted, [does.granted]);
      await send("zero", 0);
      assert.equal(await got.next(), "zero at QoS 0");
      await send("one", 1);
      assert.equal(await got.next(), "one at QoS 1");
      const sender = await join({ ...APPLICATION, clientId: "a:abc123:two", reconnectPeriod: 0 });
      others.push({ end: () => sender.end(true) });
      const ended = new Promise<Ending>(resolve => sender.on("close", () => resolve("the connection ends")));
      const sent = sender.publishAsync(topicOf("two"), "{}", { qos: 2 }).then(packet => packet?.cmd);
      const outcome = await Promise.race([sent, ended]);
      const expected = { "QoS 2": "pubrel", "QoS 1, PUBACK": "publish", "the connection ends": "the connection ends" };
      assert.equal(outcome, expected[does.command2]);
      if (outcome !== "the connection ends") assert.equal(await got.next(), `two at ${does.command2.slice(0, 5)}`);
    });

    test("an event id with a dot", async () => {
      const sender = device("t-14");
      await sender.connect();
      const outcome = await Promise.race([sender.publish("a.b", 1).then(arrived), sender.ended()]);
      assert.equal(outcome, does.dot === "arrives" ? "a.b at QoS 1" : does.dot);
    });

    test("a device that publishes a command reaches no other device", async () => {
      const victim = device("t-15");
      await victim.connect();
      const { client, ended } = bare("t-16");
      const confirmed = new Promise(resolve =>
        client.publish(topicOf("forged"), new Uint8Array([0x7b, 0x7d]), 1, false, () =>
          resolve("confirmed and dropped"),
        ),
      );
      assert.equal(await Promise.race([confirmed, ended]), does.forged);
      await send("true", 1);
      assert.equal(await victim.commands.next(), "true");
    });

    test("a device that subscribes to events of others gets none", async () => {
      const { client, ended } = bare("t-17");
      const got = new Inbox<string>();
      client.messageCallback = ({ topic }) => got.push(topic);
      const granted = new Promise(resolve =>
        client.subscribe(
          [
            { topic: EVENTS, qos: 1 },
            { topic: COMMANDS, qos: 1 },
          ],
          (_, codes) => resolve(codes?.[0] === 128 ? "refused with 128" : "granted, nothing arrives"),
        ),
      );
      assert.equal(await Promise.race([granted, ended]), does.foreign);
      const sender = device("t-18");
      await sender.connect();
      await sender.publish("secret", 1);
      assert.equal(await arrived(), "secret at QoS 1");
      if (does.foreign === "the connection ends") return;
      await send("marker", 1);
      assert.equal(await got.next(), topicOf("marker"));
    });

    test("device management: the request and its response", async () => {
      const manager = await join({ ...APPLICATION, clientId: "a:abc123:manager" });
      others.push({ end: () => manager.end(true) });
      await manager.subscribeAsync("iotdevice-1/#", { qos: 1 });
      manager.on("message", (_, payload) => {
        const { reqId } = JSON.parse(payload.toString());
        manager.publish("iotdm-1/response", JSON.stringify({ rc: 200, reqId }), { qos: 1 });
      });
      const client = new ManagedDeviceClient({ ...deviceOptions(broker.port, "t-19"), managed: { lifetime: 3600 } });
      others.push({ end: () => client.disconnect() });
      client.connect();
      const error = await new Promise(resolve => client.manage(resolve));
      assert.equal(error, undefined);
    });

    test("a durable session keeps commands for a device that is away", async () => {
      const away = device("t-20");
      assert.equal(await away.connect(), false);
      await send("before", 1);
      assert.equal(await away.commands.next(), "before");
      await away.leave();
      await send("zero", 0);
      const numbers = Array.from({ length: 20 }, (_, n) => `n${n}`);
      for (const command of numbers) await send(command, 1);
      assert.equal(await away.connect(), true);
      const expected = does.offline0 === "kept" ? ["zero", ...numbers] : numbers;
      for (const command of expected) assert.equal(await away.commands.next(), command);
    });

    test("the connection is cut within an event, and within a command", async () => {
      const proxy = await RoughProxy.start(broker.port, () => () => {});
      others.push({ end: () => proxy.close() });
      const cut = device("t-21", { port: proxy.port });
      await cut.connect();
      await send("before", 1);
      assert.equal(await cut.commands.next(), "before");
      proxy.after(10, "cut");
      const published = cut.publish("cut", 1);
      await cut.lost.next();
      assert.equal(await cut.connected.next(), true);
      await published;
      assert.equal(await arrived(), does.dup === "copied" ? "cut at QoS 1, DUP" : "cut at QoS 1");
      // Its PUBACK is through: the next bytes are those of the command.
      proxy.after(10, "cut");
      await send("cut", 1);
      await cut.lost.next();
      assert.equal(await cut.connected.next(), true);
      await send("later", 1);
      const order = [await cut.commands.next(), await cut.commands.next()];
      assert.deepEqual(order, does.cut === "the cut one" ? ["cut", "later"] : ["later", "cut"]);
    });

    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      test(`${signal} and a new start: sessions, commands and events survive`, async () => {
        const [here, away] = [device(`h-${signal}`), device(`a-${signal}`)];
        await Promise.all([here.connect(), away.connect()]);
        await send("before", 1);
        assert.deepEqual([await here.commands.next(), await away.commands.next()], ["before", "before"]);
        await away.leave();
        await send("waits", 1);
        assert.equal(await here.commands.next(), "waits");
        if (does.killed !== "all it confirmed") await here.publish(HELLO, 1);
        await broker.kill(signal);
        await here.lost.next();
        const published = here.publish(`outage-${signal}`, 1);
        const again = new Promise(resolve => application.once("connect", resolve));
        await broker.run();
        assert.deepEqual([await here.connect(), await away.connect()], [true, true]);
        await Promise.all([published, again]);
        assert.equal(await arrived(), `outage-${signal} at QoS 1`);
        if (does.waiting === "kept") await readUntil(away.commands, "waits", "before");
        await send("after", 1);
        await readUntil(here.commands, "after", "before", "waits");
        await readUntil(away.commands, "after", "before", "waits");
      });
    }
  });
}
