// A client living through hours of the fake clock: events and commands at every QoS, link cuts, lost sessions, silent
// links. All in memory and of no engine's own, so that the same hours pass on Node and in XS.

import type { MqttClient } from "../../../src/mqtt/client.ts";
import type { MqttOptions } from "../../../src/mqtt/options.ts";
import type { Ports } from "../../../src/ports.ts";
import { joined, utf8 } from "../../harness/testing/bytes.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { PacketStream } from "../../harness/testing/packets.ts";
import { seeded } from "../../harness/testing/random.ts";
import { ServerSession } from "../../harness/testing/session.ts";
import { FakeNetwork, type FakeTransport } from "../../harness/testing/transport.ts";

const STEP_MS = 5000;
/** Of messages for the client. */
const TOPIC = "to/client";
/** Cuts and silences per step. */
const CUT = 1 / 120;

/** What has happened so far, and what there is now. */
export interface Life {
  accepted: number;
  confirmed: number;
  sent: number;
  arrived: number;
  reconnects: number;
  /** Waiting or unconfirmed. */
  unfinished: number;
  timersMade: number;
  timersSet: number;
  links: number;
}

export interface Soak {
  /** Lets so many hours pass, and then all come to rest: connected, confirmed, released. */
  live(hours: number): Life;
  readonly client: MqttClient;
  /** What belongs to the world around the client. */
  readonly world: readonly object[];
}

type Library = { MqttClient: new (options: MqttOptions, ports: Ports) => MqttClient };

export function start(lib: Library): Soak {
  const random = seeded(11);
  const clock = new FakeClock(2 ** 32 - 60_000); // the monotonic clock wraps in the first minute
  const net = new FakeNetwork(clock);
  const server = new Server();
  const life = { accepted: 0, confirmed: 0, sent: 0, arrived: 0 };
  const client = new lib.MqttClient(
    { endpoint: { host: "far.test", port: 1883 }, clientId: "soak", clean: false, limits: { transmitBytes: 256 } },
    net,
  );
  client.messageCallback = () => {
    life.arrived++;
  };
  client.subscribe([{ topic: TOPIC, qos: 2 }]);
  client.connect();
  let silent = false;

  const settle = () => {
    while (client.stateName === "opening") {
      server.meets(net.link);
      net.link.opens();
    }
    while (!silent && net.link.alive && server.answers()) {}
  };
  const cut = () => {
    if (random() < 0.5) server.reads(); // what it says to that is lost
    if (random() < 0.2) server.forgets();
    net.link.ends("cut");
  };
  const step = () => {
    const qos = Math.floor(random() * 3) as 0 | 1 | 2;
    const payload = utf8("x".repeat(Math.floor(random() * 300)));
    const confirmed = (error?: Error) => {
      if (!error) life.confirmed++;
    };
    if (client.publish("to/server", payload, qos, false, confirmed)) life.accepted++;
    if (random() < 0.2) {
      life.sent++;
      server.sends((1 + Math.floor(random() * 2)) as 1 | 2);
    }
    if (random() < CUT) cut();
    if (random() < CUT) silent = true; // until the client gives the link up
    clock.advance(STEP_MS);
    if (!net.link.alive) silent = false;
    settle();
  };

  return {
    client,
    world: [clock, net, server],
    live(hours) {
      for (let ms = 0; ms < hours * 3_600_000; ms += STEP_MS) step();
      silent = false;
      while (!client.connected || client.counters.queued + client.counters.inflight + server.owed > 0) {
        clock.advance(STEP_MS);
        settle();
      }
      net.links.splice(0, net.links.length - 1); // the world's own memory
      const { queued, inflight, reconnects } = client.counters;
      return {
        ...life,
        reconnects,
        unfinished: queued + inflight,
        timersMade: clock.timersMade,
        timersSet: clock.pending.length,
        links: net.links.filter(link => link.alive).length,
      };
    },
  };
}

/** A durable server that answers at once, in one piece. */
class Server {
  private link!: FakeTransport;
  private stream = new PacketStream();
  private frames: Uint8Array[] = [];
  private readonly session = new ServerSession({ say: frame => this.frames.push(frame), delivered() {} });

  /** Messages for the client that are not through. */
  get owed(): number {
    return this.session.owed;
  }

  meets(link: FakeTransport): void {
    this.session.lost();
    this.link = link;
    this.stream = new PacketStream();
    this.frames = [];
  }

  /** The session is lost; what was on its way to the client is a new message of the next one. */
  forgets(): void {
    const { owed } = this;
    this.session.lost();
    this.session.forget();
    for (let n = 0; n < owed; n++) this.session.send(TOPIC, "", 2);
  }

  sends(qos: 1 | 2): void {
    this.session.send(TOPIC, "", qos);
    this.says();
  }

  /** Takes what the client has written. */
  reads(): void {
    for (const chunk of this.link.writes.splice(0)) {
      for (const packet of this.stream.read(chunk)) {
        if (packet.cmd === "connect") this.session.greet(packet.clean!);
        else this.session.takes(packet);
      }
    }
  }

  /** False when there was nothing to answer. */
  answers(): boolean {
    this.reads();
    return this.says();
  }

  private says(): boolean {
    const frames = this.frames.splice(0);
    if (frames.length) this.link.receives(joined(frames));
    return frames.length > 0;
  }
}
