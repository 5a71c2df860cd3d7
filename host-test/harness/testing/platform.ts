// The platform of a test: it answers nothing by itself until told to, then it is as strict as the real one. It knows
// sessions, acknowledgements and topics (docs/protocol.md 1, 2, 3), and who is connected; it has no clock.

import type { Codec } from "../../../src/index.ts";
import { MAX_PAYLOAD } from "../platform/frames.ts";
import { parseClientId } from "../platform/identity.ts";
import { covers, topicSpace } from "../platform/topics.ts";
import { text } from "./bytes.ts";
import type { Dialogue } from "./dialogue.ts";
import { connack } from "./frames.ts";
import { Operator } from "./operator.ts";
import { PacketStream, parsePacket, type SentPacket } from "./packets.ts";
import { ServerSession } from "./session.ts";
import type { FakeTransport } from "./transport.ts";

/** A message the platform got from the device. */
export interface Received {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** Sent again: it may have arrived before. */
  readonly dup: boolean;
  /** Milliseconds since the device was switched on. */
  readonly atMs: number;
  /** Published by the platform itself, because the device left without a word. */
  readonly will: boolean;
}

/** An event of the device (docs/protocol.md 2). */
export interface ReceivedEvent<T = unknown> extends Received {
  readonly event: string;
  readonly format: string;
  /** JSON, text for `utf8`, bytes for `raw`; what a codec of `codecs` made of it. Bytes for other formats. */
  readonly data: T;
}

export interface SendOptions {
  /** Default `json`. */
  format?: string;
  /** Default 1, which is what `DeviceClient` subscribes with. */
  qos?: 0 | 1 | 2;
}

export interface Standing {
  /** From now on each connection is answered so, until told otherwise. Default: the one that waits. */
  always?: boolean;
}

/** Refused for a reason that stays (1, 2, 4, 5) or that may pass (3); docs/protocol.md 1.6. */
export type Refusal = 1 | 2 | 3 | 4 | 5;

/** What answers a connection that comes up. */
type Answer = (connection: Connection) => void;

/** What the platform needs of the test around it. */
export interface Surroundings {
  readonly dialogue: Dialogue;
  readonly codecs: Readonly<Record<string, Codec>>;
  now(): number;
  /** Does something to the device, then lets both sides talk until they are quiet. */
  act(what: () => void): void;
  /** When the device tries to connect next, for people. */
  nextAttempt(): string;
}

const REFUSALS: readonly unknown[] = [1, 2, 3, 4, 5];
const QOS: readonly unknown[] = [0, 1, 2];
const EVENT_TOPIC = /^iot-2\/evt\/([^/]+)\/fmt\/([^/]+)$/;
/** Connections at one point in time that are no accident. */
const MANY = 100;

class Connection {
  readonly link: FakeTransport;
  readonly stream = new PacketStream();
  readTo = 0;
  /** What it said first. */
  connect: SentPacket | undefined;
  /** CONNACK 0 was sent. */
  session: ServerSession | undefined;
  /** DISCONNECT came. */
  left = false;
  over = false;

  constructor(link: FakeTransport) {
    this.link = link;
  }
}

export class Platform extends Operator {
  /** Everything that came, oldest first. */
  readonly received: Received[] = [];
  /**
   * Rules that the device broke. Those of MQTT and of topics closed the connection, as on a real platform; those of device
   * management (docs/protocol.md 7) did not.
   */
  readonly violations: string[] = [];
  /** Every CONNECT, oldest first, with its credentials. */
  readonly connects: SentPacket[] = [];
  private readonly around: Surroundings;
  private connections: Connection[] = [];
  private readonly sessions = new Map<string, ServerSession>();
  private standing: Answer | undefined;
  private silent = false;
  /** What it would have said while it was silent. */
  private readonly held: (() => void)[] = [];
  private refused: RegExp | undefined;
  private burst = { atMs: 0, count: 0 };

  /** @internal */
  constructor(around: Surroundings) {
    super();
    this.around = around;
  }

  // --- what a test does ---

  /** A connection is open and CONNACK 0 was sent. */
  get connected(): boolean {
    return this.current !== undefined;
  }

  /** A connection was asked for and is not answered yet. */
  get waiting(): boolean {
    return this.connections.some(one => !one.over && !one.link.isUp);
  }

  /** Filters of the device that is connected, or was last. */
  get subscriptions(): readonly string[] {
    return this.lastSession?.subscriptions.map(({ topic }) => topic) ?? [];
  }

  /** Takes the connection and answers CONNECT with 0. Whether there is a session is as with a real server. */
  accept(options: Standing & { sessionPresent?: boolean } = {}): this {
    return this.answer(options, connection => this.welcome(connection, options.sessionPresent));
  }

  /** Answers CONNECT with this code, and closes. */
  refuse(code: Refusal, options: Standing = {}): this {
    if (!REFUSALS.includes(code)) throw new RangeError(`a connection is refused with 1, 2, 3, 4 or 5, not ${code}`);
    return this.answer(options, connection => {
      this.open(connection);
      if (!connection.connect) return;
      this.say(connection, connack(code));
      connection.link.ends();
    });
  }

  /** The connection does not come up. */
  unreachable(reason = "ECONNREFUSED", options: Standing = {}): this {
    return this.answer(options, ({ link }) => link.ends(reason));
  }

  /** The connection comes up, and nobody answers CONNECT. */
  ignore(options: Standing = {}): this {
    return this.answer(options, ({ link }) => link.opens());
  }

  /** No connection is answered by itself any more. */
  askEachTime(): this {
    this.standing = undefined;
    return this;
  }

  /**
   * Sends a command. While the device is away it waits for it, if the device has a durable session.
   * @throws ExpectationError when a real platform could not deliver it: no subscription fits, or there is no session
   */
  sendCommand(command: string, data: unknown = {}, options: SendOptions = {}): this {
    const { format = "json", qos = 1 } = options;
    const topic = `iot-2/cmd/${command}/fmt/${format}`;
    return this.send(topic, this.encode(format, data), qos);
  }

  /** Sends a message on any topic, for programs with an MqttClient; otherwise as `sendCommand`. */
  send(topic: string, payload: string | Uint8Array, qos: 0 | 1 | 2 = 0): this {
    if (/[+#]/.test(topic)) throw new TypeError(`${topic} is a filter; a message has a topic without + and #`);
    if (!QOS.includes(qos)) throw new RangeError(`QoS is 0, 1 or 2, not ${qos}`);
    const session = this.current?.session ?? this.lastSession;
    if (!session || (!this.current && !session.present)) {
      throw this.failure(`${topic} cannot be delivered: the device is not connected and has no durable session`);
    }
    const granted = session.subscriptions.filter(one => covers(one.topic, topic)).map(one => one.qos);
    if (!granted.length) {
      const list = this.subscriptions.join(", ") || "nothing";
      throw this.failure(`${topic} cannot be delivered: the device has subscribed to ${list}`);
    }
    if (topic.startsWith("iotdm-1/")) {
      this.sentByHand(this.lastClientId!, topic, typeof payload === "string" ? payload : text(payload));
    }
    return this.act(() => session.send(topic, payload, Math.min(qos, Math.max(...granted)) as 0 | 1 | 2));
  }

  /** The next acknowledgements of events (PUBACK; of QoS 2 PUBREC or PUBCOMP) do not reach the device. */
  dropAcknowledgement(count = 1): this {
    this.must().session!.lose += count;
    return this;
  }

  /** Subscriptions that match are answered with 128, from now on. */
  refuseSubscriptions(filter: RegExp = /.*/): this {
    this.refused = filter;
    return this;
  }

  /** Another client connects with the same client id: this connection is closed (docs/protocol.md 1.6). */
  takeOver(): this {
    const connection = this.must();
    this.around.dialogue.note("platform", `another client takes ${connection.connect!.clientId}`);
    return this.act(() => connection.link.ends());
  }

  /** The platform ends the connection, in order. */
  closeConnection(): this {
    const connection = this.must();
    return this.act(() => connection.link.ends());
  }

  /** Reads nothing and says nothing, from now on; the connection stays open, as a half-open one does. */
  fallSilent(): this {
    this.silent = true;
    this.around.dialogue.note("platform", "falls silent");
    return this;
  }

  /** Goes on, with what came meanwhile. */
  wake(): this {
    this.silent = false;
    this.around.dialogue.note("platform", "wakes");
    return this.act(() => {
      for (const say of this.held.splice(0)) say();
    });
  }

  /** The platform loses all sessions, as after a restart without its disk; open connections it ends. */
  restart(): this {
    return this.act(() => {
      this.around.dialogue.note("platform", "restarts and has forgotten all sessions");
      for (const connection of this.connections) if (connection.link.isUp) connection.link.ends();
      this.sessions.clear();
    });
  }

  // --- what the test's hub calls ---

  /** @internal A connection is asked for. */
  asked(link: FakeTransport): void {
    const { endpoint } = link;
    this.around.dialogue.note("device", `opens ${endpoint.host}:${endpoint.port}${endpoint.tls ? " (TLS)" : ""}`);
    this.connections.push(new Connection(link));
    const atMs = this.around.now();
    this.burst = { atMs, count: this.burst.atMs === atMs ? this.burst.count + 1 : 1 };
  }

  /** @internal Reads what was written since; true when something happened. */
  step(): boolean {
    if (this.burst.count > MANY) {
      this.standing = undefined;
      this.burst.count = 0;
      throw this.failure(`the device opened more than ${MANY} connections without any pause between them`);
    }
    let busy = false;
    // A copy: what asks for the next connection has its turn in the next step.
    for (const connection of [...this.connections]) {
      if (connection.over) continue;
      if (this.standing && !connection.link.isUp && connection.link.alive) {
        this.standing(connection);
        busy = true;
      }
      busy = this.read(connection) || busy;
      if (!connection.link.alive) {
        this.ended(connection);
        busy = true;
      }
    }
    if (busy) this.connections = this.connections.filter(one => !one.over);
    return busy;
  }

  /** @internal The device was switched off: nothing is told to it, and the platform sees its connections break. */
  cutOff(): void {
    for (const connection of this.connections) {
      connection.link.close();
      this.read(connection);
      this.ended(connection);
    }
    this.connections = [];
  }

  /** @internal */
  event(message: Received): ReceivedEvent | undefined {
    const names = EVENT_TOPIC.exec(message.topic);
    if (!names) return undefined;
    const format = names[2]!;
    return { ...message, event: names[1]!, format, data: this.decode(format, message) };
  }

  // --- connections ---

  private get current(): Connection | undefined {
    return this.connections.findLast(one => one.session && !one.over && one.link.alive);
  }

  private get lastSession(): ServerSession | undefined {
    const clientId = this.lastClientId;
    return clientId === undefined ? undefined : this.sessions.get(clientId);
  }

  // --- device management ---

  protected override get lastClientId(): string | undefined {
    return this.connects[this.connects.length - 1]?.clientId;
  }

  protected override elapsed(): number {
    return this.around.now();
  }

  protected override undeliverable(clientId: string | undefined): string | undefined {
    const session = clientId === undefined ? undefined : this.sessions.get(clientId);
    const connected = this.connections.some(one => one.session === session && !one.over && one.link.alive);
    if (!session || (!connected && !session.present)) return "the device is not connected and has no durable session";
    if (session.subscriptions.some(({ topic }) => topic.startsWith("iotdm-1/"))) return undefined;
    return `the device has subscribed to ${this.subscriptions.join(", ") || "nothing"}, not to iotdm-1/#`;
  }

  protected override deliverTo(clientId: string, topic: string, payload: string): void {
    const session = this.sessions.get(clientId);
    const granted = session?.subscriptions.filter(one => covers(one.topic, topic)).map(({ qos }) => qos) ?? [];
    if (granted.length > 0) session!.send(topic, payload, Math.min(1, ...granted) as 0 | 1);
  }

  protected override brokeRule(text: string): void {
    this.violations.push(text);
    this.around.dialogue.note("platform", `the device broke a rule: ${text}`);
  }

  protected override operate(what: () => void): void {
    this.around.act(what);
  }

  private must(): Connection {
    const connection = this.current;
    if (!connection) throw this.failure("the device is not connected");
    return connection;
  }

  private act(what: () => void): this {
    this.around.act(what);
    return this;
  }

  private answer({ always }: Standing, answer: Answer): this {
    if (always) {
      this.standing = answer;
      return this.act(() => {});
    }
    const connection = this.connections.find(one => !one.over && !one.link.isUp);
    if (!connection) throw this.failure(`no connection waits for an answer; ${this.around.nextAttempt()}`);
    return this.act(() => answer(connection));
  }

  /** The link comes up; what the device says at once is read. */
  private open(connection: Connection): void {
    connection.link.opens();
    this.read(connection);
    if (!connection.connect && connection.link.alive) {
      throw this.failure("the device did not send CONNECT when the connection was up");
    }
  }

  private welcome(connection: Connection, sessionPresent: boolean | undefined): void {
    this.open(connection);
    const { connect } = connection;
    if (!connect) return;
    if (sessionPresent && connect.clean) {
      throw this.failure("accept({ sessionPresent: true }) for a device that asked for a clean session [MQTT-3.2.2-1]");
    }
    const id = connect.clientId!;
    for (const other of this.connections) {
      if (other !== connection && other.session && other.connect!.clientId === id) other.link.ends();
    }
    const session = this.sessions.get(id) ?? this.newSession(id);
    if (sessionPresent === false) session.forget();
    if (sessionPresent) session.present = true;
    connection.session = session;
    this.newConnection(id);
    session.greet(connect.clean!);
  }

  private newSession(id: string): ServerSession {
    const session = new ServerSession({
      say: frame => {
        const connection = this.connections.find(one => one.session === session && one.link.alive);
        if (connection) this.say(connection, frame);
      },
      delivered: packet => this.deliver(id, packet as SentPacket, false),
    });
    session.refuse = filter => this.refused?.test(filter) ?? false;
    this.sessions.set(id, session);
    return session;
  }

  private read(connection: Connection): boolean {
    if (this.silent) return false;
    const { link } = connection;
    let busy = false;
    while (connection.readTo < link.writes.length) {
      busy = true;
      const bytes = link.writes[connection.readTo++]!;
      try {
        for (const packet of connection.stream.read(bytes)) this.takes(connection, packet);
      } catch (error) {
        this.violated(connection, (error as Error).message);
      }
    }
    link.settle();
    return busy;
  }

  private takes(connection: Connection, packet: SentPacket): void {
    this.around.dialogue.packet("sent", packet);
    if (connection.left) throw new Error(`${packet.cmd.toUpperCase()} after DISCONNECT [MQTT-3.14.4-2]`);
    if (packet.cmd === "connect") {
      if (connection.connect) throw new Error("CONNECT for the second time [MQTT-3.1.0-2]");
      connection.connect = packet;
      this.connects.push(packet);
      return;
    }
    if (!connection.connect) throw new Error(`${packet.cmd.toUpperCase()} before CONNECT [MQTT-3.1.0-1]`);
    if (packet.cmd === "disconnect") connection.left = true;
    this.checkTopics(connection.connect.clientId!, packet);
    connection.session?.takes(packet);
    this.sendAnswers();
    if (connection.left) connection.link.ends();
  }

  /** A device may use a few topics only, and is thrown out for any other (docs/protocol.md 2.1). */
  private checkTopics(clientId: string, packet: SentPacket): void {
    const identity = clientId.startsWith("d:") ? parseClientId(clientId) : undefined;
    if (typeof identity !== "object") return;
    const space = topicSpace(identity);
    if (packet.cmd === "publish" && space.publish(packet.topic!) === undefined) {
      throw new Error(`a device may not publish to ${packet.topic}`);
    }
    if (packet.cmd === "publish" && packet.payload!.length > MAX_PAYLOAD) {
      throw new Error(`a payload of ${packet.payload!.length} bytes; the platform takes ${MAX_PAYLOAD}`);
    }
    for (const { topic } of packet.subscriptions ?? []) {
      if (space.subscribe(topic) === undefined) throw new Error(`a device may not subscribe to ${topic}`);
    }
  }

  private violated(connection: Connection, what: string): void {
    this.violations.push(what);
    this.around.dialogue.note("platform", `throws the device out: ${what}`);
    connection.link.ends();
  }

  private say(connection: Connection, frame: Uint8Array): void {
    if (!connection.link.alive) return;
    if (this.silent) {
      this.held.push(() => this.say(connection, frame));
      return;
    }
    this.around.dialogue.packet("received", parsePacket(frame));
    connection.link.receives(frame);
  }

  private ended(connection: Connection): void {
    if (connection.over) return;
    connection.over = true;
    connection.session?.lost();
    if (!connection.link.isLost) this.around.dialogue.note("device", "closes the connection");
    const will = connection.session && !connection.left ? connection.connect?.will : undefined;
    if (will) this.deliver(connection.connect!.clientId!, { ...will, dup: false } as SentPacket, true);
  }

  // --- messages ---

  private deliver(clientId: string, packet: SentPacket, will: boolean): void {
    const { qos, retain, dup } = packet;
    const atMs = this.around.now();
    this.received.push({ topic: packet.topic!, payload: packet.payload!, qos, retain, dup, atMs, will });
    if (will) this.around.dialogue.note("platform", `publishes the will on ${packet.topic}`);
    if (packet.topic!.startsWith("iotdevice-1/") && typeof parseClientId(clientId) === "object") {
      this.manages(clientId, packet.topic!, text(packet.payload!), dup);
    }
  }

  private encode(format: string, data: unknown): string | Uint8Array {
    const codec = this.around.codecs[format];
    if (codec) return codec.encode(data, new Date(this.around.now()));
    if (format === "json" || format === "json-iotf") {
      const json = JSON.stringify(format === "json" ? data : { d: data });
      if (json === undefined) throw new TypeError(`the data of a command are JSON, not a ${typeof data}`);
      return json;
    }
    if (typeof data === "string" || data instanceof Uint8Array) return data;
    throw new TypeError(`a command of format ${format} is text or bytes here; give testDevice its codec in "codecs"`);
  }

  private decode(format: string, { topic, payload }: Received): unknown {
    const codec = this.around.codecs[format];
    if (codec) return codec.decode({ topic, payload }).data;
    if (format === "utf8") return text(payload);
    if (format !== "json" && format !== "json-iotf") return payload;
    try {
      const value = JSON.parse(text(payload));
      return format === "json" ? value : value.d;
    } catch {
      throw this.failure(`what came on ${topic} is not JSON: ${text(payload)}`);
    }
  }

  protected override failure(message: string): Error {
    return this.around.dialogue.failure(message);
  }
}
