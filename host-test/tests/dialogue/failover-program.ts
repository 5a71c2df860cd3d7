// Several hosts: which one each attempt is for, and what becomes of messages when the connection moves from one to another.
// Engine-free, so that the same cases run on Node and in XS.

import type { MqttClient } from "../../../src/mqtt/client.ts";
import type { MqttOptions } from "../../../src/mqtt/options.ts";
import type { Endpoint, Ports, TransportListener } from "../../../src/ports.ts";
import { text, utf8 } from "../../harness/testing/bytes.ts";
import { FakeClock } from "../../harness/testing/clock.ts";
import { connack, pingresp } from "../../harness/testing/frames.ts";
import { seeded } from "../../harness/testing/random.ts";
import { ServerSession } from "../../harness/testing/session.ts";
import { FakeNetwork, type FakeTransport } from "../../harness/testing/transport.ts";
import { LinkReader, player, same } from "./engine-free.ts";

export type FailoverLibrary = { MqttClient: new (options: MqttOptions, ports: Ports) => MqttClient };

/** What a host does with a connection. */
type Behaviour =
  | "accepts"
  | "refuses the transport"
  | "throws"
  | "never opens"
  | "never answers"
  | "closes"
  | "breaks the protocol"
  | number; // CONNACK with this code

/** One server, or a cluster: the hosts that share a session. */
class Server {
  readonly delivered: string[] = [];
  readonly session = new ServerSession({
    say: frame => this.link?.receives(frame),
    delivered: ({ payload }) => this.delivered.push(text(payload!)),
  });
  link: FakeTransport | undefined;
}

class Hosts extends FakeNetwork {
  behaviour: Record<string, Behaviour> = {};
  servers: Record<string, Server> = {};
  /** "host +ms since the attempt before". */
  readonly attempts: string[] = [];
  private lastMs = 0;

  override open(endpoint: Endpoint, listener: TransportListener): FakeTransport {
    this.attempts.push(`${endpoint.host} +${this.clock.elapsed - this.lastMs}`);
    this.lastMs = this.clock.elapsed;
    if (this.behaviour[endpoint.host] === "throws") throw new Error("no socket is free");
    return super.open(endpoint, listener);
  }
}

class Stage {
  readonly clock = new FakeClock(2 ** 32 - 5000);
  readonly net = new Hosts(this.clock);
  readonly client: MqttClient;
  /** What the application was told, a line each. */
  readonly told: string[] = [];
  private answered: FakeTransport | undefined;
  private readonly reader = new LinkReader();

  constructor({ MqttClient }: FailoverLibrary, host: string | string[], options: Partial<MqttOptions> = {}) {
    this.client = new MqttClient({ endpoint: { host, port: 1883 }, clientId: "c", ...options }, this.net);
    this.client.connectedCallback = present => this.told.push(`connected to ${this.host}${present ? ", present" : ""}`);
    this.client.disconnectedCallback = (reason, retryMs) => {
      this.told.push(`${reason?.code}, ${retryMs}: ${reason?.message}`);
    };
  }

  get host(): string {
    return this.net.link.endpoint.host;
  }

  /** The host does with the newest connection what it does. */
  answer(): this {
    const { link } = this.net;
    const behaviour = this.net.behaviour[this.host] ?? "accepts";
    if (link === this.answered || behaviour === "throws") return this;
    this.answered = link;
    if (behaviour === "refuses the transport") link.ends("ECONNREFUSED");
    else if (behaviour !== "never opens") {
      link.opens();
      if (behaviour === "closes") link.ends();
      else if (behaviour === "breaks the protocol") link.receives(pingresp());
      else if (typeof behaviour === "number") link.receives(connack(behaviour));
      else if (behaviour === "accepts") this.serve();
    }
    return this;
  }

  /** The server reads what the client has sent, and answers until nothing more is said. */
  serve(): this {
    const { link } = this.net;
    this.net.servers[this.host] ??= new Server();
    const server = this.net.servers[this.host]!;
    server.link = link;
    for (let packets = this.reader.read(link); link.alive && packets.length; packets = this.reader.read(link)) {
      for (const packet of packets) {
        if (packet.cmd === "connect") server.session.greet(packet.clean!);
        else server.session.takes(packet);
      }
    }
    return this;
  }

  /** The next deadline passes, and the host answers. */
  next(): this {
    this.clock.jumpToNext();
    return this.answer();
  }

  connect(): this {
    this.client.connect();
    return this.answer();
  }

  /** The connection breaks. */
  breaks(): this {
    for (const name in this.net.servers) this.net.servers[name]!.session.lost();
    this.net.link.ends("ECONNRESET");
    return this;
  }

  publish(payload: string, qos: 1 | 2): void {
    const done = (error?: Error) => this.told.push(error ? `failed ${payload}: ${error.message}` : `done ${payload}`);
    same(this.client.publish("t", utf8(payload), qos, false, done), true, "accepted");
  }

  /** What the application was told since the last call. */
  heard(): string[] {
    return this.told.splice(0);
  }
}

type Play = (lib: FailoverLibrary) => void;

const ABC = ["a.test", "b.test", "c.test"];

/** An attempt on a.test fails in this way; the ms until it has failed, and what the application is told. */
const FAILURES: [Behaviour, number, string][] = [
  ["refuses the transport", 0, "unreachable, 1000: cannot reach a.test:1883: ECONNREFUSED"],
  ["throws", 0, "unreachable, 1000: cannot reach a.test:1883: no socket is free"],
  ["never opens", 30_000, "timeout, 1000: timed out connecting to a.test"],
  ["never answers", 10_000, "timeout, 1000: timed out waiting for CONNACK from a.test"],
  ["closes", 0, "closed, 1000: a.test:1883 closed the connection before CONNACK"],
  ["breaks the protocol", 0, "protocol, 1000: protocol error by a.test:1883: pingresp before CONNACK"],
  [3, 0, "refused, 1000: refused by a.test:1883 with CONNACK code 3: server unavailable"],
];

export const CASES: Record<string, Play> = {
  "hosts are tried in the order of the list and then from the first one, one back-off delay per attempt": lib => {
    const stage = new Stage(lib, ABC);
    for (const host of ABC) stage.net.behaviour[host] = "refuses the transport";
    stage.connect();
    for (let n = 0; n < 8; n++) stage.next();
    same(
      stage.net.attempts,
      [
        "a.test +0",
        "b.test +1000",
        "c.test +2000",
        "a.test +4000",
        "b.test +8000",
        "c.test +16000",
        "a.test +32000",
        "b.test +60000",
        "c.test +60000",
      ],
      "attempts",
    );
    const last = stage.heard().slice(-2);
    same(
      last,
      ["b", "c"].map(name => `unreachable, 60000: cannot reach ${name}.test:1883: ECONNREFUSED`),
      "told",
    );
  },

  "a text with commas is a list": lib => {
    const stage = new Stage(lib, "a.test, b.test,192.0.2.7");
    for (const host of ["a.test", "b.test", "192.0.2.7"]) stage.net.behaviour[host] = "refuses the transport";
    stage.connect().next().next().next();
    same(
      stage.net.attempts.map(line => line.split(" ")[0]),
      ["a.test", "b.test", "192.0.2.7", "a.test"],
      "hosts",
    );
  },

  "a lost connection is tried again first on the host that worked": lib => {
    const stage = new Stage(lib, ABC);
    stage.net.behaviour["a.test"] = "closes";
    stage.connect().next();
    stage.heard();
    for (let n = 0; n < 3; n++) {
      stage.clock.advance(10_000);
      stage.breaks().next();
      same(stage.host, "b.test", "host");
    }
    stage.net.behaviour["b.test"] = "refuses the transport";
    stage.clock.advance(10_000);
    stage.breaks().next().next();
    same(
      stage.heard().slice(-3),
      [
        "closed, 1000: b.test:1883 closed the connection: ECONNRESET",
        "unreachable, 2000: cannot reach b.test:1883: ECONNREFUSED",
        "connected to c.test",
      ],
      "told",
    );
    stage.clock.advance(10_000);
    stage.breaks().next();
    same(stage.host, "c.test", "host at last");
  },

  "connect() after disconnect() is for the host that worked": lib => {
    const stage = new Stage(lib, ABC);
    stage.net.behaviour["a.test"] = 3;
    stage.connect().next();
    stage.client.disconnect();
    stage.connect();
    same(stage.heard().slice(-3), ["connected to b.test", "undefined, -1: undefined", "connected to b.test"], "told");
  },

  "disconnect() during an attempt that fails: connect() is for the next host": lib => {
    const stage = new Stage(lib, ABC);
    stage.net.behaviour["a.test"] = "never answers";
    stage.connect();
    stage.publish("m", 1);
    stage.client.disconnect();
    stage.next(); // disconnect() waits 5 s for CONNACK
    same(stage.client.stateName, "idle", "state");
    stage.client.connect();
    stage.next();
    same(stage.host, "b.test", "host");
  },

  "a refusal for good ends the attempts; connect() is for the same host": lib => {
    const stage = new Stage(lib, ABC);
    stage.net.behaviour["a.test"] = 5;
    stage.connect();
    same(stage.heard(), ["refused, -1: refused by a.test:1883 with CONNACK code 5: not authorized"], "told");
    same(stage.clock.pending, [], "timers");
    stage.net.behaviour["a.test"] = "accepts";
    stage.connect().next();
    same(stage.heard(), ["connected to a.test"], "told after connect()");
  },

  "each transport gets one host, the same port and the same options for TLS, whose server name is not set": lib => {
    const tls = { ca: "CA" };
    const stage = new Stage(lib, ABC, { endpoint: { host: ABC, port: 8883, tls } });
    for (const host of ABC) stage.net.behaviour[host] = "refuses the transport";
    stage.connect().next().next();
    const endpoints = stage.net.links.map(link => link.endpoint);
    same(
      endpoints,
      ABC.map(host => ({ host, port: 8883, tls })),
      "endpoints",
    );
    same(
      endpoints.every(endpoint => endpoint.tls === tls),
      true,
      "the same object",
    );
    same(ABC.length, 3, "the list of the application");
  },

  "one host, alone or in a list, is tried again and again; a refusal does not name it": lib => {
    for (const host of ["a.test", ["a.test"]]) {
      const stage = new Stage(lib, host);
      stage.net.behaviour["a.test"] = 3;
      stage.connect().next().next();
      same(stage.net.attempts, ["a.test +0", "a.test +1000", "a.test +2000"], "attempts");
      same(stage.heard()[0], "refused, 1000: refused with CONNACK code 3: server unavailable", "told");
      const [first, second] = stage.net.links.map(link => link.endpoint);
      same(first === second, true, "the same endpoint, which takes no memory");
    }
  },

  "a clean session that moves to another server: what the first one confirmed is not sent again, the rest is": lib => {
    const stage = new Stage(lib, ["a.test", "b.test"]);
    stage.connect();
    for (const qos of [1, 2] as const) stage.publish(`a${qos}`, qos);
    stage.serve();
    for (const qos of [1, 2] as const) stage.publish(`b${qos}`, qos); // not read by a.test
    stage.net.behaviour["a.test"] = "refuses the transport";
    stage.breaks().next().next();
    same(stage.net.servers["a.test"]!.delivered, ["a1", "a2"], "on a.test");
    same(stage.net.servers["b.test"]!.delivered, ["b1", "b2"], "on b.test");
    same(
      stage.heard().filter(line => line.startsWith("done") || line.startsWith("failed")),
      ["done a1", "done a2", "done b1", "done b2"],
      "confirmed",
    );
  },

  "a durable session of a cluster, the connection cut anywhere: each message confirmed once, none lost, QoS 2 once":
    lib => {
      for (let seed = 1; seed <= 60; seed++) moves(lib, seed);
    },
};

for (const [behaviour, ms, told] of FAILURES) {
  const how = typeof behaviour === "number" ? `answers with CONNACK ${behaviour}` : behaviour;
  CASES[`a host that ${how}: the next attempt is for the next host`] = lib => {
    const stage = new Stage(lib, ABC);
    // A transport to look at, for the behaviour that makes none.
    stage.net.behaviour["a.test"] = behaviour;
    stage.client.connect();
    if (behaviour !== "throws") stage.answer();
    if (ms) same(stage.clock.jumpToNext(), ms, "time-out");
    same(stage.heard(), [told], "told");
    stage.next();
    same(stage.heard(), ["connected to b.test"], "told then");
  };
}

// Two hosts of one cluster: the session is that of both. Cuts lose bytes of either direction.
function moves(lib: FailoverLibrary, seed: number): void {
  const random = seeded(seed);
  const stage = new Stage(lib, ["a.test", "b.test"], { clean: false });
  const cluster = new Server();
  stage.net.servers = { "a.test": cluster, "b.test": cluster };
  const accepted: string[] = [];
  stage.connect();
  for (let n = 0; n < 30; n++) {
    const qos = random() < 0.5 ? 1 : 2;
    accepted.push(`${qos}:${n}`);
    stage.publish(`${qos}:${n}`, qos);
    const { link } = stage.net;
    if (random() < 0.3) {
      if (random() < 0.5) cluster.session.lose = 1; // an acknowledgement does not arrive
      if (random() < 0.5) stage.serve();
      // The host is down for the next attempt, or is back at once.
      const down = random() < 0.5 ? link.endpoint.host : "";
      if (down) stage.net.behaviour[down] = "refuses the transport";
      stage.breaks();
      cluster.session.lose = 0;
      for (let attempt = 0; attempt < 5 && !stage.client.connected; attempt++) stage.next();
      if (down) {
        same(stage.host === down, false, `seed ${seed}: the host that is down`);
        stage.net.behaviour[down] = "accepts";
      }
    }
    if (random() < 0.7) stage.serve();
  }
  stage.serve();
  const done = stage
    .heard()
    .filter(line => line.startsWith("done"))
    .map(line => line.slice(5));
  same(done.sort(), accepted.slice().sort(), `seed ${seed}: confirmed`);
  const missing = accepted.filter(payload => cluster.delivered.indexOf(payload) < 0);
  same(missing, [], `seed ${seed}: lost`);
  const twice = cluster.delivered.filter(
    (payload, i) => payload.startsWith("2") && cluster.delivered.indexOf(payload) !== i,
  );
  same(twice, [], `seed ${seed}: doubled`);
}

export const start = (lib: FailoverLibrary) => player(CASES, lib);
