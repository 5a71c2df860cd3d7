// Whole lives of a client among people of good will and links of none: MqttClient with many filters, a device, a
// Quickstart device; with a store the device restarts at any moment. The server is without fault (honest-server.ts), so
// nothing is left to guess, and what counts is what comes out at both ends. Runs on Node and in XS alike.

import type { DeviceClient } from "../../../src/device/client.ts";
import type { MqttClient } from "../../../src/mqtt/client.ts";
import type { Ports, Store } from "../../../src/ports.ts";
import { text, utf8 } from "../../harness/testing/bytes.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { FakeNetwork, type FakeTransport } from "../../harness/testing/transport.ts";
import type { ClientPacket } from "./client-stream.ts";
import { HonestServer, type Outgoing, REFUSED } from "./honest-server.ts";
import { Random } from "./random.ts";

export interface Library {
  MqttClient: new (options: object, ports: Ports) => MqttClient;
  DeviceClient: new (options: object, ports: Ports) => DeviceClient;
}

export interface Figures {
  runs: number;
  restarts: number;
  connections: number;
  /** Events taken, refused, given up with an error, and commands that arrived. */
  accepted: number;
  refused: number;
  dropped: number;
  arrived: number;
  failure?: { seed: number; text: string; log: string[] };
}

export interface Program {
  run(order: { seed: number; count: number }): Figures;
}

type Kind = "mqtt" | "device" | "quickstart";
type Qos = 0 | 1 | 2;

interface Event {
  qos: Qos;
  retain: boolean;
  topic: string;
  size: number;
  life: number;
  /** publish has returned true, or false. */
  taken: boolean | undefined;
  told: number;
  error: boolean;
  delivered: number;
  /** The server's session in which it was delivered last. */
  session: number;
}

interface Sent {
  qos: Qos;
  /** The server's session that had it, and the one in which it arrived last. */
  session: number;
  arrived: number;
}

const COMMANDS = "iot-2/cmd/+/fmt/+";
const FILTERS = ["f/0", "f/1", "f/2", "f/3", "f/4", REFUSED];
const STEPS = 220;
const ROUNDS = 400;
const ALL = 1e9;
const MISCHIEF = "mischief";
const DEVICE = { type: "thermo", id: "t-01", host: "far.test", tls: false };
const TOKEN = { org: "abc123", "auth-method": "token", "auth-token": "0123456789" };

export function start(lib: Library): Program {
  return {
    run: ({ seed, count }) => {
      const figures = { runs: 0, restarts: 0, connections: 0, accepted: 0, refused: 0, dropped: 0, arrived: 0 };
      for (let i = 0; i < count; i++) {
        const one = (seed + i) >>> 0;
        const failure = new World(lib, one).played(figures);
        figures.runs++;
        if (!failure) continue;
        const log: string[] = [];
        new World(lib, one, log).played({ ...figures });
        return { ...figures, failure: { seed: one, text: failure, log } };
      }
      return figures;
    },
  };
}

class World {
  private failure: string | undefined;
  private readonly lib: Library;
  private readonly random: Random;
  private readonly log: string[] | undefined;
  private readonly kind: Kind;
  private readonly options: { clean: boolean; limits: Record<string, number | boolean>; keepAlive: number };
  private readonly unruly: number;
  private readonly clock = new FakeClock();
  private readonly server: HonestServer;
  private readonly entries = new Map<string, Uint8Array>();
  private readonly stored: boolean;
  private storeFull = false;
  private net!: FakeNetwork;
  private client!: MqttClient | DeviceClient;
  private life = 0;
  /** The life in which the server's session began. */
  private sessionLife = 0;
  /** The server's session that the client was told of last; of one it never heard that it was new. */
  private heard = 0;
  private unheard = false;
  private readonly events: Event[] = [];
  private readonly sent: Sent[] = [];
  private lastFirst = -1;
  private lastArrived = -1;
  private wanted = new Map<string, number>();
  private depth = 0;
  /** errorCallback was told of a refused event, and none was accepted since. */
  private rejecting = false;
  /** How often it was told. */
  private rejections = 0;
  private calm = false;

  constructor(lib: Library, seed: number, log?: string[]) {
    const random = new Random(seed);
    this.lib = lib;
    this.random = random;
    this.log = log;
    this.kind = random.pick(["mqtt", "mqtt", "device", "quickstart"] as const);
    const quickstart = this.kind === "quickstart";
    this.stored = !quickstart && random.once(2);
    this.unruly = random.pick([0, 0, 5, 20]);
    this.options = {
      clean: quickstart || random.once(3),
      keepAlive: random.pick([0, 60]),
      limits: {
        transmitBytes: random.pick([160, 300, 1024]),
        inflight: random.pick([1, 2, 10]),
        queuedMessages: random.pick([0, 3, 20]),
        queuedBytes: random.pick([60, 1000, 7600]),
        subscriptions: random.pick([1, 2, 4, 16]),
        dropOldest: random.once(2),
      },
    };
    this.server = new HonestServer(
      {
        published: (packet, known) => this.published(packet, known),
        confirmed: message => this.confirmed(message),
        code: () => (this.calm || random.below(12) ? 0 : random.pick([3, 5])),
        fail: text => this.fail(text),
        note: text => this.note(text),
      },
      this.options.clean,
    );
    this.note(() => `${this.kind}, ${this.stored ? "stored, " : ""}${JSON.stringify(this.options)}`);
  }

  /** What went wrong. */
  played(figures: Figures): string | undefined {
    this.guarded(() => this.begin());
    for (let step = 0; step < STEPS && !this.failure; step++) this.guarded(() => this.step());
    if (!this.failure) this.guarded(() => this.comeToRest());
    figures.restarts += this.life - 1;
    figures.connections += this.server.session;
    for (const event of this.events) {
      if (event.taken) figures.accepted++;
      else figures.refused++;
      if (event.error) figures.dropped++;
    }
    figures.arrived += this.sent.filter(one => one.arrived > 0).length;
    return this.failure;
  }

  private fail(text: string): void {
    this.failure ??= text;
  }

  private note(text: () => string): void {
    if (this.log) this.log.push(text());
  }

  private guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.fail(`threw ${error}`);
    }
    const { queued, inflight } = this.client.counters;
    const { limits } = this.options;
    if (queued > Number(limits.queuedMessages) + 1 || inflight > Number(limits.inflight)) {
      this.fail(`${queued} queued, ${inflight} in flight`);
    }
  }

  // --- the client and its application ------------------------------------------------------------------------------

  // A life begins. What the one before had under way is left behind.
  private begin(): void {
    const { random, options } = this;
    this.life++;
    this.note(() => `life ${this.life}`);
    this.clock.clearAll();
    this.net = new FakeNetwork(this.clock);
    this.net.chance = random.word() / 2 ** 32;
    if (this.stored) this.net.store = this.store();
    if (this.kind === "mqtt") this.beginMqtt();
    else {
      const { clean, keepAlive, limits } = options;
      const device = { ...DEVICE, limits, "clean-session": clean, "keep-alive": keepAlive };
      const client = new this.lib.DeviceClient(this.kind === "device" ? { ...device, ...TOKEN } : device, this.net);
      client.commandCallback = ({ data }) => this.arrived((data as { n: number }).n);
      this.client = client;
    }
    this.client.connectedCallback = () => this.connected();
    this.client.disconnectedCallback = reason => this.ended(reason);
    this.client.errorCallback = error => this.toldError(error);
    this.connect();
  }

  private beginMqtt(): void {
    const endpoint = { host: "far.test", port: 1883 };
    const client = new this.lib.MqttClient({ endpoint, clientId: "w", ...this.options }, this.net);
    client.messageCallback = ({ payload }) => this.arrived(JSON.parse(text(payload)).n);
    this.client = client;
    for (const [topic, qos] of Array.from(this.wanted)) {
      if (!client.subscribe([{ topic, qos: qos as Qos }])) this.wanted.delete(topic);
    }
  }

  private connect(): void {
    if (this.client.stateName === "idle") this.rejecting = false;
    this.client.connect();
  }

  private store(): Store {
    const { entries } = this;
    return {
      keys: () => Array.from(entries.keys()),
      get: key => entries.get(key)?.slice(),
      set: (key, value) => {
        if (this.storeFull && key.charAt(0) === "m") throw new Error("full");
        entries.set(key, value.slice());
      },
      remove: key => void entries.delete(key),
    };
  }

  // In every callback.
  private mischief(): void {
    const { random } = this;
    if (this.calm || !this.unruly || this.depth > 2 || !random.once(this.unruly)) return;
    this.depth++;
    try {
      const kind = random.below(10);
      if (kind < 5) this.publish();
      else if (kind < 6) this.client.disconnect();
      else if (kind < 7) this.connect();
      else if (kind < 9) this.filter();
      else throw new Error(MISCHIEF);
    } finally {
      this.depth--;
    }
  }

  private connected(): void {
    const { server } = this;
    if (server.present && server.session !== this.heard) this.unheard = true;
    this.heard = server.session;
    this.mischief();
  }

  private ended(reason: Error | undefined): void {
    this.note(() => `disconnected: ${reason}`);
    if ((reason as { code?: string } | undefined)?.code === "protocol") this.fail(`${reason}`);
    this.mischief();
  }

  private toldError(error: Error): void {
    const { message } = error;
    if (message.startsWith("message not accepted")) {
      if (this.rejecting) this.fail("told again of a refusal");
      this.rejecting = true;
      this.rejections++;
      return this.mischief();
    }
    const suspected = /^the server may refuse message \d+ on .*: it closed 3 connections before confirming it$/;
    const right =
      suspected.test(message) ||
      message === MISCHIEF ||
      (this.storeFull && message === "store: full") ||
      message === `${REFUSED} was refused`;
    if (!right) this.fail(`told of ${error}`);
  }

  private publish(): void {
    const { random, kind } = this;
    const n = this.events.length;
    const qos = (kind === "quickstart" ? 0 : random.below(3)) as Qos;
    const size = random.pick([0, 10, random.below(60), random.below(60), random.below(400)]);
    const retain = kind === "mqtt" && random.once(4);
    const topic = kind === "mqtt" ? `to/${random.below(3)}` : `iot-2/evt/e${random.below(6)}/fmt/json`;
    const event: Event = { qos, retain, topic, size, life: this.life, ...NEW };
    this.events.push(event);
    const data = { n, x: "x".repeat(size) };
    const done = (error?: Error) => this.done(n, error);
    const { active } = this.client;
    const { rejecting, rejections } = this;
    try {
      const { client } = this;
      if (kind === "mqtt") {
        event.taken = (client as MqttClient).publish(topic, utf8(JSON.stringify(data)), qos, retain, done);
      } else {
        event.taken = (client as DeviceClient).publishEvent(topic.split("/")[2]!, "json", data, qos, done);
      }
    } catch (error) {
      event.taken = false;
      this.fail(`publish threw ${error}`);
    }
    if (event.taken && !active) this.fail(`event ${n} was accepted while the client is not active`);
    if (event.taken) this.rejecting = false;
    else if (!rejecting && this.rejections === rejections)
      this.fail(`event ${n} was refused, and errorCallback heard nothing`);
    this.note(() => `publish ${n}, QoS ${qos}, ${size} bytes: ${event.taken}`);
    if (!event.taken && event.told + event.delivered) this.fail(`event ${n} was refused, and then told or delivered`);
  }

  private done(n: number, error: Error | undefined): void {
    const event = this.events[n]!;
    this.note(() => `done ${n} ${error ?? ""}`);
    if (event.told++ || event.taken === false) this.fail(`told of event ${n} again, or of one refused`);
    if (error) this.droppedEvent(n, event, (error as { code?: string }).code);
    else if (event.qos && !event.delivered) this.fail(`event ${n} was confirmed, and is nowhere`);
    this.mischief();
  }

  private droppedEvent(n: number, event: Event, code: string | undefined): void {
    event.error = true;
    if (this.stored && event.qos) this.fail(`event ${n} was dropped, though there is a store`);
    if (code === "limit" && (!this.options.limits.dropOldest || event.qos || event.delivered)) {
      this.fail(`event ${n} was dropped to make room`);
    }
  }

  // Subscribes or gives up a few filters.
  private filter(): void {
    if (this.kind !== "mqtt") return;
    const { random } = this;
    const client = this.client as MqttClient;
    const from = random.below(FILTERS.length);
    const topics = FILTERS.slice(from, from + 1 + random.below(3));
    const qos = random.pick([0, 1, 2, 2] as const);
    const gives = random.once(3);
    // Noted before: a callback may name the same filter again.
    const before = this.wanted;
    this.wanted = new Map(before);
    for (const topic of topics) {
      if (gives) this.wanted.delete(topic);
      else this.wanted.set(topic, qos);
    }
    let answers = 0;
    const answered = (error: Error | undefined, granted?: readonly number[]) => {
      if (answers++) this.fail(`${topics} answered again`);
      // Fewer where another request took some of them over before this one was sent.
      if (!gives && !error && !(granted!.length > 0 && granted!.length <= topics.length))
        this.fail(`${topics} granted ${granted}`);
      this.mischief();
    };
    const taken = gives
      ? client.unsubscribe(topics, answered)
      : client.subscribe(
          topics.map(topic => ({ topic, qos })),
          answered,
        );
    this.note(() => `${gives ? "gives up" : "subscribes"} ${topics}: ${taken}`);
    if (!taken) this.wanted = before;
  }

  // --- both ends ---------------------------------------------------------------------------------------------------

  private published(packet: ClientPacket, known: boolean): void {
    const { n, x } = JSON.parse(text(packet.payload)) as { n: number; x: string };
    const event = this.events[n];
    this.note(() => `server has ${n}${packet.dup ? " again" : ""}${known ? ", known" : ""}`);
    if (!event || event.topic !== packet.topic || event.retain !== packet.retain || event.qos !== packet.qos) {
      return this.fail(`event ${n} is not as it was published`);
    }
    if (x !== "x".repeat(event.size)) this.fail(`event ${n} has other data`);
    const here = event.session === this.server.session;
    if (known && !(here && event.qos === 2)) this.fail(`event ${n} has the packet id of another`);
    if (known) return;
    if (here && event.qos === 2) this.fail(`event ${n} was delivered twice in one session`);
    if (here && !packet.dup) this.fail(`event ${n} came again without DUP`);
    if (event.delivered && !event.qos) this.fail(`event ${n} was sent twice`);
    if (!event.taken && event.taken !== undefined) this.fail(`event ${n} was refused, and sent`);
    if (event.error && event.delivered === 0 && event.qos === 0) this.fail(`event ${n} was dropped, and sent`);
    if (!event.delivered && n < this.lastFirst) this.fail(`event ${n} came after ${this.lastFirst}`);
    if (!event.delivered) this.lastFirst = n;
    event.delivered++;
    event.session = this.server.session;
  }

  private serverSends(): void {
    const { random, server } = this;
    const one = server.subscriptions.length ? random.pick(server.subscriptions) : undefined;
    if (!one) return;
    const qos = Math.min(one.qos, random.pick([0, 1, 2, 2])) as Qos;
    if (!qos && !server.greeted) return;
    const topic = one.topic === COMMANDS ? "iot-2/cmd/set/fmt/json" : one.topic;
    this.sent.push({ qos, session: server.session, arrived: 0 });
    server.sends(this.sent.length - 1, topic, qos);
  }

  private arrived(n: number): void {
    const one = this.sent[n];
    this.note(() => `message ${n} arrived`);
    if (!one) return this.fail(`message ${n} was not sent`);
    if (one.arrived && one.qos !== 1) this.fail(`message ${n} of QoS ${one.qos} arrived again`);
    if (!one.arrived && n < this.lastArrived) this.fail(`message ${n} arrived after ${this.lastArrived}`);
    if (!one.arrived) this.lastArrived = n;
    one.arrived++;
    this.mischief();
  }

  private confirmed(message: Outgoing): void {
    if (!this.sent[message.n]!.arrived) this.fail(`message ${message.n} was confirmed, and did not arrive`);
  }

  // --- the way between ---------------------------------------------------------------------------------------------

  private get link(): FakeTransport | undefined {
    const { links } = this.net;
    return links[links.length - 1];
  }

  private step(): void {
    const { random, server } = this;
    if (!this.link?.isUp && random.once(3)) this.open();
    const kind = random.below(100);
    if (kind < 28) this.publish();
    else if (kind < 38) this.serverSends();
    else if (kind < 56) this.read(random.pick([3, 40, 300, ALL]));
    else if (kind < 76) server.arrives(random.pick([1, 5, 40, ALL]));
    else if (kind < 84) this.drain();
    else if (kind < 88) this.filter();
    else if (kind < 91) this.clock.advance(random.pick([100, 5000, 40_000]));
    else if (kind < 93) this.cut();
    else if (kind < 94) this.application();
    else if (kind < 95 && this.stored) this.restart();
    else this.open();
  }

  private open(): void {
    const { random } = this;
    if (this.client.stateName === "reconnect-wait") this.clock.jumpToNext();
    if (!this.client.active && this.client.stateName === "idle") this.connect();
    const link = this.link;
    if (!link?.alive || link.isUp) return;
    link.room = this.calm ? ALL : random.pick([ALL, ALL, 20 + random.below(400)]);
    this.server.takes(link);
    link.opens();
  }

  private read(count: number): void {
    const { server } = this;
    const { session } = server;
    server.reads(count);
    if (server.session !== session) this.sessionLife = this.life;
  }

  private drain(): void {
    const { link } = this;
    if (link?.isUp && link.room < ALL) link.drains(this.random.pick([1, 50, 500, 2 * ALL]));
  }

  private cut(): void {
    const { random, server, link } = this;
    this.note(() => "cut");
    if (random.once(2)) this.read(random.below(200)); // what it says to that is lost
    if (random.once(4)) server.forgets();
    if (link?.isUp) link.ends("cut");
  }

  private application(): void {
    const kind = this.random.below(4);
    if (kind < 2) this.client.disconnect();
    else if (kind < 3) this.connect();
    else this.storeFull = !this.storeFull;
  }

  private restart(): void {
    if (this.random.once(2)) this.read(this.random.below(200));
    this.server.takes(undefined);
    this.begin();
  }

  // All goes well from now on.
  private comeToRest(): void {
    this.calm = true;
    this.storeFull = false;
    const { server } = this;
    // At first twice: what waits for room in the client's buffer cannot be seen from here.
    for (let round = 0; round < ROUNDS && !this.failure && !(round > 1 && this.rests); round++) {
      this.open();
      const { link } = this;
      if (link?.isUp && link.room < ALL) link.drains(2 * ALL);
      this.read(ALL);
      server.arrives(ALL);
      if (this.client.stateName === "disconnecting" && server.quiet) this.clock.jumpToNext();
    }
    if (!this.rests) {
      const { queued, inflight } = this.client.counters;
      return this.fail(`no rest: ${this.client.stateName}, ${queued} queued, ${inflight} in flight`);
    }
    this.allIsThrough();
    // Ids of a session of which nobody has said that it is gone are kept for it.
    const left = Array.from(this.entries.keys()).filter(key => !this.unheard || key.charAt(0) !== "i");
    if (left.length) this.fail(`left in the store: ${left}`);
    this.subscribed();
  }

  private get rests(): boolean {
    const { queued, inflight } = this.client.counters;
    const { server } = this;
    return this.client.connected && queued + inflight + server.outgoing.length === 0 && server.quiet && server.greeted;
  }

  private allIsThrough(): void {
    for (const [n, event] of this.events.entries()) {
      if (!event.taken || event.error) continue;
      if (event.qos && !event.delivered) this.fail(`event ${n} was accepted, and is lost`);
      if (event.life === this.life && !event.told) this.fail(`nobody was told of event ${n}`);
    }
    for (const [n, one] of this.sent.entries()) {
      if (one.qos && !one.arrived && one.session === this.server.session) this.fail(`message ${n} is lost`);
    }
  }

  private subscribed(): void {
    const has = this.server.subscriptions.map(({ topic, qos }) => `${topic} ${qos}`).sort();
    const wants = Array.from(this.wanted, ([topic, qos]) => `${topic} ${qos}`).filter(one => !one.startsWith(REFUSED));
    if (this.kind === "device") wants.push(`${COMMANDS} 1`);
    // A life before may have subscribed what this one does not know of.
    const kept = this.sessionLife === this.life ? has : has.filter(one => wants.indexOf(one) >= 0);
    if (kept.join() !== wants.sort().join()) this.fail(`subscribed ${kept.join()}, not ${wants.join()}`);
  }
}

const NEW = { taken: undefined, told: 0, error: false, delivered: 0, session: 0 };
