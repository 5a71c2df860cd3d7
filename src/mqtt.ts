// MqttClient: the MQTT 3.1.1 client under DeviceClient, for brokers with topics of any kind. Joins the steps of the way
// (transport, frame, packet, session), keeps one deadline, reconnects. No topics of the platform, no payload formats.

import { ConfigurationException, ConnectionException } from "./errors.ts";
import type { Endpoint, Ports, Timer, Transport } from "./ports.ts";
import { backoffMs, TAKEOVER_LOSSES } from "./session/backoff.ts";
import { KeepAlive } from "./session/keepalive.ts";
import { Kept } from "./session/kept.ts";
import { Session } from "./session/session.ts";
import {
  ACCEPTED,
  CONNECT,
  CONNECTED,
  DISCONNECT,
  type Event,
  GREETING,
  IDLE,
  LEAVING,
  LEFT,
  LOST,
  next,
  OPENED,
  OPENING,
  REFUSED,
  RETRY,
  STATE_NAMES,
  type State,
  WAITING,
} from "./session/states.ts";
import { textFault, topicFault } from "./topic.ts";
import { FrameSplitter } from "./wire/frame.ts";
import { encodeTopic, type Packet, PacketReader, PacketWriter, type Subscription } from "./wire/packet.ts";

/** What the client may hold, and for how long it waits. All are ceilings; none is allocated ahead but `transmitBytes`. */
export interface Limits {
  /** Largest packet taken in, header included, bytes; 128..268435460, default 8192. A larger message is skipped. */
  frameBytes?: number;
  /** Transmit buffer, bytes, 128..1048576, default 1024. Larger payloads are sent from the caller's bytes. */
  transmitBytes?: number;
  /** Unconfirmed QoS 1 and 2 messages, 1..64000, default 10 (the platform's own limit, protocol sheet 2.2). */
  inflight?: number;
  /** Messages waiting to be sent, 0..1000000, default 100. */
  queuedMessages?: number;
  /** Bytes of topics and payloads waiting or unconfirmed, 0..268435456, default 16384. */
  queuedBytes?: number;
  /** Remembered SUBSCRIBE requests, 1..1000, default 16. */
  subscriptions?: number;
  /**
   * When the outbox is full. false, the default: the new message is refused. true: the oldest waiting messages of QoS 0
   * are dropped to make room, if that is enough; their callbacks get an error `limit`.
   */
  dropOldest?: boolean;
}

export const DEFAULT_LIMITS: Readonly<Required<Limits>> = Object.freeze({
  frameBytes: 8192,
  transmitBytes: 1024,
  inflight: 10,
  queuedMessages: 100,
  queuedBytes: 16384,
  subscriptions: 16,
  dropOldest: false,
});

export interface Will {
  topic: string;
  payload: Uint8Array | string;
  qos: 0 | 1 | 2;
  retain: boolean;
}

export interface MqttOptions {
  endpoint: Endpoint;
  /** 1..65535 bytes of UTF-8; may be empty only with `clean` (MQTT 3.1.1, 3.1.3.1). */
  clientId: string;
  username?: string;
  /** Kept until the client is dropped, for reconnecting; never part of any text. */
  password?: string;
  /** CleanSession of CONNECT; default true. */
  clean?: boolean;
  /** Seconds, 0..65535; 0 switches it off; default 60. */
  keepAlive?: number;
  will?: Will;
  limits?: Limits;
  /** How long to wait for the transport, and then for CONNACK, milliseconds, 1..2147483647; default 30000. */
  timeoutMs?: number;
}

/** A message from the server. */
export interface MqttMessage {
  topic: string;
  /** Valid until the callback returns; copy what is to be kept. */
  payload: Uint8Array;
  qos: 0 | 1 | 2;
  retain: boolean;
  dup: boolean;
}

/** Counters since the client was made; for people and for tests. */
export interface Counters {
  /** Messages waiting to be sent, now. */
  queued: number;
  /** Messages of QoS 1 and 2 sent and not confirmed, now. */
  inflight: number;
  /** Accepted messages given up with an error: by disconnect(), a refusal, or `limits.dropOldest`. */
  dropped: number;
  /** PUBLISH and PUBREL packets sent again. */
  resent: number;
  /** Connections after the first. */
  reconnects: number;
  /** Messages that were larger than `frameBytes`. */
  skipped: number;
}

/** How long disconnect() waits for confirmations, milliseconds. */
const LEAVE_MS = 5000;
const TIMEOUT_MS = 30_000;
/** Largest remaining length (MQTT 3.1.1, 2.2.3) without the topic's length and a packet id. */
const MOST_PAYLOAD = 268435455 - 4;
/** CONNECT's fixed header, protocol name and level, flags, keep-alive. */
const CONNECT_OVERHEAD = 15;

const REFUSALS: readonly string[] = Object.freeze([
  "accepted",
  "unacceptable protocol version",
  "identifier rejected",
  "server unavailable",
  "bad user name or password",
  "not authorized",
]);

export class MqttClient {
  /** CONNACK 0 came; `sessionPresent` as the server says. */
  connectedCallback: ((sessionPresent: boolean) => void) | undefined;
  /** A connection ended, or an attempt failed. `retryMs`: when the next attempt begins; -1: never, until connect(). */
  disconnectedCallback: ((reason: ConnectionException | undefined, retryMs: number) => void) | undefined;
  messageCallback: ((message: MqttMessage) => void) | undefined;
  /** A message was larger than `frameBytes`; it is acknowledged and gone. `size` is the whole packet's, in bytes. */
  oversizeCallback: ((topic: string, size: number) => void) | undefined;
  /** What one of the application's callbacks threw. The client goes on as if it had returned. */
  errorCallback: ((error: Error) => void) | undefined;

  private readonly options: MqttOptions;
  private readonly ports: Ports;
  private readonly timeoutMs: number;
  private readonly transmitBytes: number;
  private readonly timer: Timer;
  private readonly reader: PacketReader;
  private readonly writer: PacketWriter;
  private readonly splitter: FrameSplitter;
  private readonly session: Session;
  private readonly keepAlive: KeepAlive;
  private state: State = IDLE;
  private transport: Transport | undefined;
  // Attempts since the last connection that lasted, and how many good ones were lost soon after CONNACK.
  private attempt = 0;
  private earlyLosses = 0;
  private settled = false;
  // disconnect() was called before CONNACK, with something to send: as soon as that is done.
  private farewell = false;
  private reconnects = -1;
  private skipped = 0;
  private left: (() => void)[] = [];

  /** @throws ConfigurationException naming the wrong option. Nothing is sent before connect(). */
  constructor(options: MqttOptions, ports: Ports) {
    const limits: Required<Limits> = Object.assign({}, DEFAULT_LIMITS, options.limits);
    checkLimits(limits);
    checkOptions(options, limits.transmitBytes);
    this.options = options;
    this.ports = ports;
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.transmitBytes = limits.transmitBytes;
    this.timer = ports.clock.timer(() => this.due());
    this.reader = new PacketReader();
    this.writer = new PacketWriter(limits.transmitBytes);
    this.splitter = new FrameSplitter(this, limits.frameBytes);
    const store = ports.store;
    // Each message in it has a packet id, and some are left for the subscriptions.
    if (store)
      checkRange("limits.inflight + queuedMessages with a store", limits.inflight + limits.queuedMessages, 1, 64000);
    this.session = new Session(this.writer, this, limits, store && new Kept(store, error => this.report(error)));
    if (options.clean === false) this.session.spreadIds(ports.random());
    this.keepAlive = new KeepAlive(options.keepAlive ?? 60);
  }

  /** True from CONNACK 0 until the connection ends or disconnect() is called. */
  get connected(): boolean {
    return this.state === CONNECTED;
  }

  /** "idle", "opening", "greeting", "connected", "leaving" or "waiting"; see session/states.ts. */
  get stateName(): string {
    return STATE_NAMES[this.state]!;
  }

  /** False until connect(), and again after disconnect() or a refusal for good. */
  get active(): boolean {
    return this.state !== IDLE && this.state !== LEAVING && !this.farewell;
  }

  get counters(): Counters {
    return {
      queued: this.session.queuedCount,
      inflight: this.session.inflightCount,
      dropped: this.session.droppedCount,
      resent: this.session.resentCount,
      reconnects: Math.max(this.reconnects, 0),
      skipped: this.skipped,
    };
  }

  /** The longest topic in bytes that the transmit buffer can carry. */
  get topicLimit(): number {
    return this.writer.topicLimit;
  }

  /**
   * Connects, and reconnects until disconnect() or a refusal that will not change (CONNACK 1, 2, 4, 5). Returns at once.
   * Called again: while waiting for the next attempt it begins at once, while leaving it takes disconnect() back,
   * otherwise nothing happens.
   */
  connect(): void {
    const before = this.state;
    this.to(CONNECT);
    if (this.state === OPENING && before !== OPENING) {
      if (before === IDLE) {
        this.attempt = 0;
        this.earlyLosses = 0;
        this.session.restore();
      }
      this.open();
    } else if (before === LEAVING) this.tickFrom();
    else if (this.farewell) this.timer.set(this.timeoutMs);
    this.farewell = false;
  }

  /**
   * Sends what was accepted, waits for confirmations up to 5 s, then sends DISCONNECT (the server drops the will) and
   * closes. While the connection is still being made, with something to send, the 5 s include making it. With a clean session and no store, what could not be sent is dropped and its callbacks get an error; otherwise
   * it waits for the next connect(). `done` is called once, when the connection is gone. Called twice: both are told.
   */
  disconnect(done?: () => void): void {
    const before = this.state;
    if (done) this.left.push(done);
    if ((before === OPENING || before === GREETING) && !this.session.idle) {
      if (!this.farewell) this.timer.set(LEAVE_MS);
      this.farewell = true;
      return;
    }
    this.to(DISCONNECT);
    if (this.state === LEAVING) {
      if (before === CONNECTED) this.timer.set(LEAVE_MS);
      // Called from messageCallback: the message is still to be acknowledged; `received` sees to the rest.
      if (!this.writer.holding) this.leaveIfIdle();
    } else if (before !== IDLE) {
      if (before === GREETING) this.writer.disconnect(); // else the server may publish the will
      this.ended();
    } else this.tellLeft();
  }

  /**
   * Sends a message, or queues it while there is no connection. A payload that does not fit the transmit buffer, and any
   * payload of QoS 1 or 2, is read until `done` is called, and must not change before.
   * @param topic text; or, as DeviceClient does, what encodeTopic made of checked text
   * @param done called once: at QoS 0 when handed to the transport, else when confirmed; with an error when dropped
   * @returns false when the outbox is full, or the store cannot keep the message (errorCallback is told why); nothing is
   * kept and `done` is not called. true at QoS 1 or 2 with a store: the message survives a restart from now on
   * @throws ConnectionException `not-connected` before connect() and after disconnect(); ConfigurationException for a
   * topic, payload or QoS that cannot be sent
   */
  publish(
    topic: string | Uint8Array,
    payload: Uint8Array,
    qos: 0 | 1 | 2 = 0,
    retain = false,
    done?: (error?: Error) => void,
  ): boolean {
    if (this.state === IDLE || this.state === LEAVING || this.farewell) {
      throw new ConnectionException("not connected: call connect() first", "not-connected");
    }
    const bytes = topic instanceof Uint8Array ? topic : this.checked(topic, payload, qos);
    return this.session.publish(bytes, payload, qos, retain, done);
  }

  /**
   * Subscribes now or at the next CONNACK, and again whenever the server has lost the session. `done` gets the granted
   * QoS of each filter, 128 for a refused one [MQTT-3.9.3-2]. A filter named before is subscribed anew and remembered
   * once.
   * @returns false when `limits.subscriptions` requests are remembered already
   */
  subscribe(
    subscriptions: readonly Subscription[],
    done?: (error: Error | undefined, granted: readonly number[]) => void,
  ): boolean {
    for (let i = 0; i < subscriptions.length; i++) checkQos(subscriptions[i]!.qos);
    this.checkFilters(subscriptions.map(one => one.topic));
    return this.session.subscribe(subscriptions, done);
  }

  /** Forgets filters and tells the server. `done` is called when it has confirmed. */
  unsubscribe(topics: readonly string[], done?: (error: Error | undefined) => void): boolean {
    this.checkFilters(topics);
    return this.session.unsubscribe(topics, done);
  }

  private checked(text: string, payload: Uint8Array, qos: number): Uint8Array {
    checkQos(qos);
    const fault = topicFault(text, false);
    if (fault) throw new ConfigurationException(`topic ${fault}`);
    const topic = encodeTopic(text);
    if (topic.length > this.writer.topicLimit) {
      throw new ConfigurationException(`topic of ${topic.length} bytes, limit ${this.writer.topicLimit}`, "limit");
    }
    if (!(payload instanceof Uint8Array)) throw new ConfigurationException("payload is not a Uint8Array");
    if (payload.length > MOST_PAYLOAD - topic.length) {
      throw new ConfigurationException(`payload of ${payload.length} bytes`, "limit");
    }
    return topic;
  }

  private checkFilters(topics: readonly string[]): void {
    let bytes = 7;
    for (let i = 0; i < topics.length; i++) {
      const fault = topicFault(topics[i], true);
      if (fault) throw new ConfigurationException(`filter ${fault}`);
      bytes += fieldBytes("filter", topics[i]) + 1;
    }
    if (!topics.length || bytes > this.transmitBytes) {
      throw new ConfigurationException(
        `${topics.length} filters of ${bytes} bytes, limits.transmitBytes is ${this.transmitBytes}`,
        "limit",
      );
    }
  }

  private to(event: Event): void {
    this.state = next(this.state, event);
  }

  private open(): void {
    this.timer.set(this.timeoutMs);
    try {
      this.transport = this.ports.open(this.options.endpoint, this);
    } catch (error) {
      if (error instanceof ConfigurationException) this.refuse(error);
      else this.lose(new ConnectionException((error as Error).message, "unreachable"));
    }
  }

  /** @internal From the transport. */
  opened(): void {
    const options = this.options;
    this.to(OPENED);
    // Not before: a callback may call connect() while the last connection's chunk is still being split.
    this.splitter.reset();
    this.writer.attach(this.transport);
    this.writer.connect({
      clientId: options.clientId,
      clean: options.clean ?? true,
      keepalive: options.keepAlive ?? 60,
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: options.password }),
      ...(options.will === undefined ? {} : { will: options.will }),
    });
    if (!this.farewell) this.timer.set(this.timeoutMs);
  }

  /** @internal From the transport. */
  received(bytes: Uint8Array): void {
    this.keepAlive.heard();
    this.writer.hold();
    this.splitter.push(bytes);
    this.writer.release();
    this.session.pump(); // what was released may have been the end of a payload that others waited for
    if (this.state === LEAVING) this.leaveIfIdle();
  }

  /** @internal From the transport. */
  writableAgain(): void {
    this.writer.flush();
    this.session.pump();
    if (this.state === LEAVING) this.leaveIfIdle();
  }

  /** @internal From the transport. */
  closed(reason: string | undefined): void {
    const { host, port } = this.options.endpoint;
    const where = `${host}:${port}`;
    if (this.state === OPENING) {
      this.lose(new ConnectionException(`cannot reach ${where}${reason ? `: ${reason}` : ""}`, "unreachable"));
    } else {
      const when = this.state === GREETING ? " before CONNACK" : "";
      this.lose(
        new ConnectionException(`${where} closed the connection${when}${reason ? `: ${reason}` : ""}`, "closed"),
      );
    }
  }

  /** @internal From the splitter. */
  frame(bytes: Uint8Array): void {
    const packet = this.reader.read(bytes);
    if (typeof packet === "string") return this.violation(packet);
    if (this.state === GREETING) return this.connack(packet);
    this.session.packet(packet);
  }

  /** @internal From the splitter. */
  tooLarge(head: Uint8Array, size: number): void {
    if (this.state === GREETING) return this.violation("publish before CONNACK");
    const packet = this.reader.read(shortened(head));
    if (typeof packet === "string") return this.violation(packet);
    packet.oversize = size;
    this.session.packet(packet);
  }

  /** @internal From the splitter and the session. */
  violation(reason: string): void {
    this.writer.flush(); // acknowledgements of what came before
    this.lose(new ConnectionException(`protocol error: ${reason}`, "protocol"));
  }

  /** @internal From the session. */
  message(packet: Packet): void {
    if (packet.oversize) {
      this.skipped++;
      this.tell(this.oversizeCallback, packet.topic!, packet.oversize);
    } else this.tell(this.messageCallback, packet as MqttMessage, undefined);
  }

  /** @internal Every call into the application: whatever it throws, packets and timers take their way. */
  tell<A, B>(callback: ((first: A, second: B) => void) | undefined, first: A, second: B): void {
    if (!callback) return;
    try {
      callback(first, second);
    } catch (error) {
      this.report(error as Error);
    }
  }

  private report(error: Error): void {
    try {
      this.errorCallback?.(error);
    } catch {
      // There is nobody left to tell.
    }
  }

  private connack(packet: Packet): void {
    if (packet.cmd !== "connack") return this.violation(`${packet.cmd} before CONNACK`); // [MQTT-3.2.0-1]
    const code = packet.returnCode!;
    if (code === 0) return this.accept(packet.sessionPresent!);
    const meaning = REFUSALS[code] ?? "reserved code";
    const error = new ConnectionException(`refused with CONNACK code ${code}: ${meaning}`, "refused", code);
    if (code === 3) this.lose(error);
    else this.refuse(error);
  }

  private accept(sessionPresent: boolean): void {
    this.to(ACCEPTED);
    this.settled = false;
    this.reconnects++;
    this.keepAlive.reset();
    this.tickFrom();
    this.session.accepted(sessionPresent && this.options.clean === false);
    if (this.state === CONNECTED) this.tell(this.connectedCallback, sessionPresent, undefined);
    if (this.farewell) {
      this.farewell = false;
      this.disconnect();
    }
  }

  private tickFrom(): void {
    this.timer.set(this.keepAlive.tickMs);
  }

  // The one deadline.
  private due(): void {
    if (this.state === WAITING) {
      this.to(RETRY);
      this.open();
    } else if (this.state === CONNECTED) this.tick();
    else if (this.state === LEAVING) this.leave();
    else {
      const what = this.state === OPENING ? "connecting to" : "waiting for CONNACK from";
      this.lose(new ConnectionException(`timed out ${what} ${this.options.endpoint.host}`, "timeout"));
    }
  }

  private tick(): void {
    // A connection that lasted a whole tick is a good one.
    this.settled = true;
    this.attempt = 0;
    this.earlyLosses = 0;
    const act = this.keepAlive.tick(this.writer.sent, this.writer.pending);
    if (act === "dead") {
      return this.lose(new ConnectionException(`no sign of life from ${this.options.endpoint.host}`, "timeout"));
    }
    this.tickFrom();
    if (act === "ping") this.session.ping(); // last: there may be room for more, and a callback may call disconnect()
  }

  private drop(): void {
    const transport = this.transport;
    this.transport = undefined;
    this.splitter.stop();
    this.timer.clear();
    this.session.lost(); // it asks the writer how far the last payload came
    this.writer.attach(undefined);
    transport?.close();
  }

  // For a cause that may pass.
  private lose(error: ConnectionException): void {
    const before = this.state;
    if (this.farewell && before === GREETING) this.writer.disconnect(); // else the server may publish the will
    this.to(this.farewell ? DISCONNECT : LOST);
    this.drop();
    if (this.state !== WAITING) return this.ended();
    let reason = error;
    const early = before === CONNECTED && !this.settled && error.code === "closed";
    if (early && ++this.earlyLosses >= TAKEOVER_LOSSES) {
      this.attempt = 7; // the slowest rate
      reason = new ConnectionException(
        `lost ${this.earlyLosses} times soon after connecting; another client may be using client id ` +
          `${this.options.clientId} (${error.message})`,
        "takeover",
      );
    }
    const delay = backoffMs(this.attempt++, this.ports.random());
    this.timer.set(delay);
    this.tell(this.disconnectedCallback, reason, delay);
  }

  // For a cause that will not pass by itself.
  private refuse(error: ConnectionException): void {
    this.to(REFUSED);
    this.drop();
    this.ended(error);
  }

  private leaveIfIdle(): void {
    if (this.session.idle && !this.writer.pending) this.leave();
  }

  private leave(): void {
    this.to(LEFT);
    this.writer.disconnect();
    this.ended();
  }

  // No connection, and none to come until connect().
  private ended(error?: ConnectionException): void {
    this.farewell = false;
    this.drop();
    if (!this.ports.store && (error || (this.options.clean ?? true))) {
      this.session.clear(error ?? new ConnectionException("dropped by disconnect()", "not-connected"));
    }
    this.tell(this.disconnectedCallback, error, -1);
    this.tellLeft();
  }

  private tellLeft(): void {
    const left = this.left;
    this.left = [];
    for (let i = 0; i < left.length; i++) this.tell(left[i]!, undefined, undefined);
  }
}

// The head of a PUBLISH too large to keep, made a whole packet with an empty payload: mqtt-packet can read that.
function shortened(head: Uint8Array): Uint8Array {
  let body = 1;
  while (head[body]! & 128) body++;
  body++;
  const length = head.length - body;
  const frame = new Uint8Array(length < 128 ? length + 2 : length < 16384 ? length + 3 : length + 4);
  let at = 0;
  frame[at++] = head[0]!;
  for (let rest = length; ; rest >>= 7) {
    frame[at++] = rest < 128 ? rest : (rest & 127) | 128;
    if (rest < 128) break;
  }
  frame.set(head.subarray(body), at);
  return frame;
}

const RANGES: readonly (readonly [Exclude<keyof Limits, "dropOldest">, number, number])[] = Object.freeze([
  Object.freeze(["frameBytes", 128, 268435460] as const),
  Object.freeze(["transmitBytes", 128, 1048576] as const),
  Object.freeze(["inflight", 1, 64000] as const), // packet ids are left for the subscriptions
  Object.freeze(["queuedMessages", 0, 1000000] as const),
  Object.freeze(["queuedBytes", 0, 268435456] as const),
  Object.freeze(["subscriptions", 1, 1000] as const),
]);

function checkLimits(limits: Required<Limits>): void {
  for (let i = 0; i < RANGES.length; i++) {
    const name = RANGES[i]![0];
    checkRange(`limits.${name}`, limits[name], RANGES[i]![1], RANGES[i]![2]);
  }
  if (typeof limits.dropOldest !== "boolean")
    throw new ConfigurationException("limits.dropOldest must be true or false");
  for (const name in limits) {
    if (!(name in DEFAULT_LIMITS)) throw new ConfigurationException(`Unknown option: limits.${name}`);
  }
}

function checkRange(name: string, value: number, least: number, most: number): void {
  if (typeof value !== "number" || value % 1 !== 0 || value < least || value > most) {
    throw new ConfigurationException(`${name} must be a whole number ${least}..${most}, not ${value}`);
  }
}

function checkQos(qos: number): void {
  if (qos !== 0 && qos !== 1 && qos !== 2) throw new ConfigurationException(`qos must be 0, 1 or 2, not ${qos}`);
}

// Everything mqtt-packet would refuse, or would send though the server must refuse it.
function checkOptions(options: MqttOptions, transmitBytes: number): void {
  checkRange("keepAlive", options.keepAlive ?? 60, 0, 65535);
  checkRange("timeoutMs", options.timeoutMs ?? TIMEOUT_MS, 1, 2147483647);
  if (!options.clientId && options.clean === false) throw new ConfigurationException("clientId is empty"); // [MQTT-3.1.3-7]
  if (options.password !== undefined && options.username === undefined) {
    throw new ConfigurationException("password without username"); // [MQTT-3.1.2-22]
  }
  let bytes = CONNECT_OVERHEAD + textBytes("clientId", options.clientId);
  if (options.username !== undefined) bytes += textBytes("username", options.username);
  if (options.password !== undefined) bytes += fieldBytes("password", options.password);
  const will = options.will;
  if (will) {
    const fault = topicFault(will.topic, false);
    if (fault) throw new ConfigurationException(`will.topic ${fault}`);
    checkQos(will.qos);
    bytes += fieldBytes("will.topic", will.topic) + fieldBytes("will.payload", will.payload);
  }
  if (bytes > transmitBytes) {
    throw new ConfigurationException(
      `CONNECT may have ${bytes} bytes, limits.transmitBytes is ${transmitBytes}`,
      "limit",
    );
  }
}

function textBytes(name: string, value: unknown): number {
  const fault = typeof value === "string" ? textFault(value) : "is not a string";
  if (fault) throw new ConfigurationException(`${name} ${fault}`);
  return fieldBytes(name, value);
}

/** What a string or bytes take in a packet. The text of an error never has the value: it may be a password. */
function fieldBytes(name: string, value: unknown): number {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) {
    throw new ConfigurationException(`${name} is neither a string nor a Uint8Array`);
  }
  const length = typeof value === "string" ? encodeTopic(value).length : value.length;
  if (length > 65535) throw new ConfigurationException(`${name} of ${length} bytes, limit 65535`, "limit");
  return length + 2;
}
