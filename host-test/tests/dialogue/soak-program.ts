// A client living through hours of the fake clock: events and commands at every QoS, link cuts, lost sessions, silent
// links. All in memory and of no engine's own, so that the same hours pass on Node and in XS.

import type { MqttClient } from "../../../src/mqtt/client.ts";
import type { MqttOptions } from "../../../src/mqtt/options.ts";
import type { Ports } from "../../../src/ports.ts";
import { joined } from "../../harness/testing/bytes.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { seeded } from "../../harness/testing/random.ts";
import { FakeNetwork, type FakeTransport } from "../../harness/testing/transport.ts";
import { type ClientPacket, ClientStream } from "../fuzz/client-stream.ts";

const STEP_MS = 5000;
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
  const text = new TextEncoder();
  client.messageCallback = () => {
    life.arrived++;
  };
  client.subscribe([{ topic: "to/client", qos: 2 }]);
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
    const payload = text.encode("x".repeat(Math.floor(random() * 300)));
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

/** A durable server that answers at once. */
class Server {
  private link!: FakeTransport;
  private stream = new ClientStream();
  private session = false;
  private recorded: number[] = [];
  private outgoing: { id: number; qos: 1 | 2; released: boolean }[] = [];
  private lastId = 0;
  private greeted = false;

  /** Messages for the client that are not through. */
  get owed(): number {
    return this.outgoing.length;
  }

  meets(link: FakeTransport): void {
    this.link = link;
    this.stream = new ClientStream();
    this.greeted = false;
  }

  /** The session is lost, what was on its way to the client with it. */
  forgets(): void {
    this.session = false;
    this.recorded = [];
  }

  sends(qos: 1 | 2): void {
    this.lastId = (this.lastId % 65535) + 1;
    const message = { id: this.lastId, qos, released: false };
    this.outgoing.push(message);
    if (this.greeted) this.link.receives(published(message, false));
  }

  /** Takes what the client has written, and returns the answers. */
  reads(): Uint8Array[] {
    const answers: Uint8Array[] = [];
    for (const chunk of this.link.writes.splice(0)) {
      for (const packet of this.stream.push(chunk)) answers.push(...this.answer(packet));
    }
    return answers;
  }

  /** False when there was nothing to answer. */
  answers(): boolean {
    const answers = this.reads();
    if (answers.length) this.link.receives(joined(answers));
    return answers.length > 0;
  }

  private answer({ type, id, qos }: ClientPacket): Uint8Array[] {
    switch (type) {
      case 1:
        return this.greet();
      case 3:
        if (qos === 2 && this.recorded.indexOf(id) < 0) this.recorded.push(id);
        return qos ? [short(qos === 1 ? 0x40 : 0x50, id)] : [];
      case 6:
        this.recorded = this.recorded.filter(one => one !== id);
        return [short(0x70, id)];
      case 5:
        for (const message of this.outgoing) if (message.id === id) message.released = true;
        return [short(0x62, id)];
      case 4:
      case 7:
        this.outgoing = this.outgoing.filter(one => one.id !== id);
        return [];
      case 8:
        return [Uint8Array.of(0x90, 3, id >> 8, id & 255, 2)];
      case 12:
        return [Uint8Array.of(0xd0, 0)];
      default:
        throw new Error(`packet type ${type} from the client`);
    }
  }

  // What is not released is published again; where the session is lost, the client sees it for the first time.
  private greet(): Uint8Array[] {
    const present = this.session;
    this.session = true;
    this.greeted = true;
    const again = this.outgoing.map(message => {
      if (!present) message.released = false;
      return message.released ? short(0x62, message.id) : published(message, present);
    });
    return [Uint8Array.of(0x20, 2, present ? 1 : 0, 0), ...again];
  }
}

function short(type: number, id: number): Uint8Array {
  return Uint8Array.of(type, 2, id >> 8, id & 255);
}

function published({ id, qos }: { id: number; qos: 1 | 2 }, dup: boolean): Uint8Array {
  const topic = new TextEncoder().encode("to/client");
  const head = Uint8Array.of(0x30 | (dup ? 8 : 0) | (qos << 1), topic.length + 4, 0, topic.length);
  return joined([head, new Uint8Array(topic), Uint8Array.of(id >> 8, id & 255)]);
}
