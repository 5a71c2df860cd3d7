// The MQTT test cases of AWS IoT Device Advisor, played by a server on the fake clock. Engine-free, so that the same cases
// run on Node and in XS. Steps and time limits: AWS IoT Core developer guide, "Device Advisor test cases, MQTT"; where a
// case has two limits, the recommended one.

import type { MqttClient } from "../../../src/mqtt/client.ts";
import type { MqttOptions } from "../../../src/mqtt/options.ts";
import type { Ports } from "../../../src/ports.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { connack, pingresp, puback, publish, suback } from "../../harness/testing/frames.ts";
import type { SentPacket } from "../../harness/testing/packets.ts";
import { seeded } from "../../harness/testing/random.ts";
import { FakeNetwork, type FakeTransport } from "../../harness/testing/transport.ts";
import { check, LinkReader } from "./engine-free.ts";

const SEEDS = 300;
const MINUTE = 60_000;
const FILTER = "commands/#";
const TOPIC = "events/status";
/** Time-out for CONNACK, ms. */
const CONNACK_MS = 10_000;

type Library = { MqttClient: new (options: MqttOptions, ports: Ports) => MqttClient };

/** The device under test, and the server that tests it. */
class Trial {
  readonly clock: FakeClock;
  readonly random: () => number;
  readonly client: MqttClient;
  private readonly net: FakeNetwork;
  private link: FakeTransport | undefined;
  private readonly reader = new LinkReader();

  constructor({ MqttClient }: Library, seed: number, options: Partial<MqttOptions>) {
    this.random = seeded(seed);
    this.clock = new FakeClock(Math.floor(this.random() * 2 ** 32));
    this.net = new FakeNetwork(this.clock);
    this.net.random = this.random;
    this.client = new MqttClient({ endpoint: { host: "far.test", port: 1883 }, clientId: "dut", ...options }, this.net);
  }

  /** Waits for CONNECT on a connection that was not there before, and returns it. */
  connect(): SentPacket {
    for (let n = 0; n < 10 && (this.net.links.length === 0 || this.net.link === this.link); n++)
      this.clock.jumpToNext();
    check(this.net.link !== this.link, "no connection attempt");
    this.link = this.net.link;
    this.link.opens();
    const [packet] = this.read();
    check(packet?.cmd === "connect", `${packet?.cmd} instead of CONNECT`);
    return packet!;
  }

  /** CONNECT and CONNACK 0. */
  accept(sessionPresent = false): SentPacket {
    const packet = this.connect();
    this.say(connack(0, sessionPresent));
    return packet;
  }

  /** Subscribes; CONNECT and SUBSCRIBE are accepted. Returns CONNECT. */
  subscribed(): SentPacket {
    this.client.subscribe([{ topic: FILTER, qos: 1 }]);
    const packet = this.accept();
    this.say(suback(this.wait("subscribe").messageId!, 1));
    return packet;
  }

  say(bytes: Uint8Array): void {
    this.link!.receives(bytes);
  }

  close(): void {
    this.link!.ends();
  }

  get closedByDevice(): boolean {
    return this.link!.closedByClient;
  }

  read(): SentPacket[] {
    return this.reader.read(this.link!);
  }

  /** Waits for a packet of this kind; answers PINGREQ meanwhile. */
  wait(cmd: string): SentPacket {
    for (let n = 0; n < 100; n++) {
      for (const packet of this.read()) {
        if (packet.cmd === "pingreq") this.say(pingresp());
        else if (packet.cmd === cmd) return packet;
      }
      check(!this.closedByDevice, `closed while ${cmd} was awaited`);
      this.clock.jumpToNext();
    }
    throw new Error(`no ${cmd}`);
  }

  /** Times between one attempt and the next, less `pauseMs`, while `fail` makes each of them fail. */
  delays(count: number, pauseMs: number, fail: () => void): number[] {
    const delays: number[] = [];
    let before = this.clock.elapsed;
    for (let n = 0; n <= count; n++) {
      this.connect();
      if (n > 0) delays.push(this.clock.elapsed - before - pauseMs);
      before = this.clock.elapsed;
      fail();
    }
    return delays;
  }
}

/** Doubling from `first` ms, each between a half and all of it. */
function checkBackoff(delays: readonly number[], first = 2000): void {
  for (let n = 0; n < delays.length; n++) {
    const full = first * 2 ** n;
    check(delays[n]! >= full / 2 && delays[n]! <= full, `delay ${n + 1} of ${delays.join()} ms`);
  }
}

function checkJitter(delays: readonly number[]): void {
  const parts = delays.map((delay, n) => delay / (2000 * 2 ** n));
  check(
    parts.some(part => Math.abs(part - parts[0]!) > 0.001),
    `no jitter in ${delays.join()} ms`,
  );
}

interface Case {
  limitMs: number;
  options?: Partial<MqttOptions>;
  play(trial: Trial): void;
}

const noConnack = (trial: Trial) => trial.delays(5, CONNACK_MS, () => {});

const CASES: Record<string, Case> = {
  MQTT_Connect: { limitMs: 2 * MINUTE, play: trial => void trial.accept() },
  MQTT_Connect_Jitter_Backoff_Retries: {
    limitMs: 4 * MINUTE,
    play: trial => {
      const delays = noConnack(trial);
      checkBackoff(delays);
      checkJitter(delays);
      trial.accept(); // the attempt after those is accepted
    },
  },
  MQTT_Connect_Exponential_Backoff_Retries: {
    limitMs: 10 * MINUTE,
    // Twice, 12 attempts in all.
    play: trial => {
      for (let round = 0; round < 2; round++) {
        // In the second round the loss of the accepted connection is the first failure.
        checkBackoff(noConnack(trial), round ? 4000 : 2000);
        trial.accept();
        trial.clock.advance(CONNACK_MS);
        trial.close();
      }
    },
  },
  MQTT_Reconnect_Backoff_Retries_On_Server_Disconnect: {
    limitMs: 4 * MINUTE,
    // Closed after a good connection, and then at each attempt.
    play: trial => {
      trial.accept();
      trial.clock.advance(CONNACK_MS + Math.floor(trial.random() * 20_000));
      trial.close();
      const delays = trial.delays(5, 0, () => trial.close());
      checkJitter(delays.map(delay => delay / 2));
    },
  },
  MQTT_Reconnect_Backoff_Retries_On_Unstable_Connection: {
    limitMs: 4 * MINUTE,
    play: trial => {
      const delays = trial.delays(5, 0, () => {
        trial.say(connack());
        trial.close();
      });
      checkBackoff(delays);
      checkJitter(delays);
    },
  },
  Reconnect_After_Good_Connection: {
    limitMs: 4 * MINUTE,
    // The back-off begins anew.
    play: trial => {
      noConnack(trial);
      trial.accept();
      trial.clock.advance(CONNACK_MS);
      const before = trial.clock.elapsed;
      trial.close();
      trial.accept();
      checkBackoff([trial.clock.elapsed - before]);
    },
  },
  MQTT_Publish: {
    limitMs: 2 * MINUTE,
    play: trial => {
      trial.accept();
      trial.client.publish(TOPIC, Uint8Array.of(1), 0);
      check(trial.wait("publish").topic === TOPIC, "another topic");
    },
  },
  MQTT_Publish_Retry_No_Puback: {
    limitMs: 4 * MINUTE,
    play: trial => {
      let confirmed = 0;
      trial.accept();
      trial.clock.advance(Math.floor(trial.random() * 30_000));
      trial.client.publish(TOPIC, Uint8Array.of(1), 1, false, () => confirmed++);
      const first = trial.wait("publish");
      const again = trial.wait("publish");
      check(again.dup && !first.dup && again.messageId === first.messageId, "not the same packet with DUP");
      trial.say(puback(again.messageId!));
      check(confirmed === 1, `confirmed ${confirmed} times`);
    },
  },
  MQTT_Subscribe: {
    limitMs: 2 * MINUTE,
    play: trial => {
      trial.client.subscribe([{ topic: FILTER, qos: 1 }]);
      trial.accept();
      const { subscriptions } = trial.wait("subscribe");
      check(subscriptions?.[0]?.topic === FILTER, "another filter");
    },
  },
  MQTT_Subscribe_Retry_No_Suback: {
    limitMs: 4 * MINUTE,
    play: trial => {
      let granted = 0;
      trial.accept();
      trial.clock.advance(Math.floor(trial.random() * 30_000));
      trial.client.subscribe([{ topic: FILTER, qos: 1 }], () => granted++);
      const first = trial.wait("subscribe");
      const again = trial.wait("subscribe");
      check(again.messageId === first.messageId, "another packet identifier");
      trial.say(suback(again.messageId!, 1));
      check(granted === 1, `granted ${granted} times`);
    },
  },
  MQTT_Client_Puback_QoS1: {
    limitMs: 2 * MINUTE,
    play: trial => {
      trial.subscribed();
      const id = 1 + Math.floor(trial.random() * 65_535);
      trial.say(publish("commands/a", "x", { qos: 1, id }));
      check(trial.wait("puback").messageId === id, "PUBACK for another packet");
    },
  },
  MQTT_No_Ack_PingResp: {
    limitMs: 10 * MINUTE,
    // The device closes the connection within one and a half keep-alives of its last packet.
    play: trial => {
      const { keepalive } = trial.accept();
      let pinged = 0;
      for (let n = 0; n < 100 && !trial.closedByDevice; n++) {
        trial.clock.jumpToNext();
        if (!pinged && trial.read().some(packet => packet.cmd === "pingreq")) pinged = trial.clock.elapsed;
      }
      check(pinged > 0 && pinged <= keepalive! * 1000, `PINGREQ after ${pinged} ms`);
      check(trial.clock.elapsed <= keepalive! * 1500, `closed after ${trial.clock.elapsed} ms`);
      trial.accept();
    },
  },
  MQTT_Persistent_Session_Happy_Case: {
    limitMs: 4 * MINUTE,
    options: { clean: false },
    // The server keeps the session: the device gets what waited, and does not subscribe a second time.
    play: trial => {
      let arrived = 0;
      trial.client.messageCallback = () => arrived++;
      check(trial.subscribed().clean === false, "CleanSession is 1");
      trial.clock.advance(Math.floor(trial.random() * 20_000));
      trial.close();
      trial.accept(true);
      trial.say(publish("commands/a", "waited", { qos: 1, id: 9 }));
      trial.clock.advance(5_000);
      const sent = trial.read().map(packet => packet.cmd);
      check(sent.join() === "puback" && arrived === 1, `sent ${sent.join()}, ${arrived} arrived`);
    },
  },
  MQTT_Persistent_Session_Session_Expiry: {
    limitMs: 4 * MINUTE,
    options: { clean: false },
    // The server has lost the session: the device subscribes again.
    play: trial => {
      trial.subscribed();
      trial.clock.advance(Math.floor(trial.random() * 20_000));
      trial.close();
      trial.accept(false);
      check(trial.wait("subscribe").subscriptions?.[0]?.topic === FILTER, "another filter");
    },
  },
};

export const CASE_NAMES: readonly string[] = Object.keys(CASES);

/** `play(name)` plays one case with each seed. Returns what is wrong first, or "". */
export function start(lib: Library): { play(name: string): string } {
  return {
    play(name) {
      const { limitMs, options = {}, play } = CASES[name]!;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const trial = new Trial(lib, seed, options);
        trial.client.connect();
        try {
          play(trial);
          check(trial.clock.elapsed <= limitMs, `took ${trial.clock.elapsed} ms, limit ${limitMs}`);
        } catch (error) {
          return `${name}, seed ${seed}: ${(error as Error).message}`;
        }
      }
      return "";
    },
  };
}
