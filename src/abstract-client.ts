// AbstractClient: what MqttClient and DeviceClient have in common. Joins the steps of the way (transport, frame, packet,
// session), keeps one deadline, reconnects. No topics, no payload formats, no callbacks of the application but one.
//
// The two are subclasses, not owners of it: what is told to them are calls of methods, where an owner would need a
// closure for each, of ten slots on a device.

import { ConfigurationException, ConnectionException } from "./errors.ts";
import { checkLimits, checkOptions, checkRange, DEFAULT_LIMITS, type MqttOptions, TIMEOUT_MS } from "./mqtt-options.ts";
import type { Ports, Timer, Transport } from "./ports.ts";
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
import { FrameSplitter } from "./wire/frame.ts";
import { type Packet, PacketReader, PacketWriter } from "./wire/packet.ts";

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
const REFUSALS: readonly string[] = Object.freeze([
  "accepted",
  "unacceptable protocol version",
  "identifier rejected",
  "server unavailable",
  "bad user name or password",
  "not authorized",
]);

export abstract class AbstractClient {
  /**
   * What went wrong without ending the connection: a callback that threw (the client goes on as if it had returned), a
   * command that cannot be decoded, a refused subscription.
   */
  errorCallback: ((error: Error) => void) | undefined;

  /** @internal */
  protected readonly session: Session;
  /** @internal */
  protected readonly writer: PacketWriter;
  /** @internal */
  protected readonly ports: Ports;
  private readonly options: MqttOptions;
  private readonly timer: Timer;
  private readonly reader: PacketReader;
  private readonly splitter: FrameSplitter;
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
  private left: (() => void)[] | undefined;

  /** @throws ConfigurationException naming the wrong option. Nothing is sent before connect(). */
  constructor(options: MqttOptions, ports: Ports) {
    const limits = options.limits ? Object.assign({}, DEFAULT_LIMITS, options.limits) : DEFAULT_LIMITS;
    checkLimits(limits);
    checkOptions(options, limits.transmitBytes);
    this.options = options;
    this.ports = ports;
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

  /** @internal CONNACK 0 came. Callbacks of the application are called by way of `tell`. */
  protected abstract onConnected(sessionPresent: boolean): void;

  /** @internal A connection ended, or an attempt failed. `retryMs`: when the next begins; -1: never, until connect(). */
  protected abstract onDisconnected(reason: ConnectionException | undefined, retryMs: number): void;

  /** @internal The packet and its payload are valid until this returns. What it throws is told to errorCallback. */
  protected abstract onMessage(packet: Packet): void;

  /** @internal `size` is the whole packet's, in bytes. */
  protected abstract onOversize(topic: string, size: number): void;

  /** A device's is `d:<org>:<type>:<id>`; the only place that shows the id a Quickstart device was given. */
  get clientId(): string {
    return this.options.clientId;
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
    else if (this.farewell) this.timer.set(this.timeoutMs());
    this.farewell = false;
    if (before === IDLE) this.session.restored(); // last: errorCallback may publish, or disconnect
  }

  /**
   * Sends what was accepted, waits for confirmations up to 5 s, then sends DISCONNECT (the server drops the will) and
   * closes. While the connection is still being made, with something to send, the 5 s include making it. With a clean
   * session and no store, what could not be sent is dropped and its callbacks get an error; otherwise it waits for the
   * next connect(). `done` is called once, when the connection is gone. Called twice: both are told.
   */
  disconnect(done?: () => void): void {
    const before = this.state;
    if (done) this.left = (this.left || []).concat(done);
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

  /** @internal A message for which all checks are done; see MqttClient.publish. */
  protected send(
    topic: Uint8Array,
    payload: Uint8Array,
    qos: 0 | 1 | 2,
    retain: boolean,
    done: ((error?: Error) => void) | undefined,
  ): boolean {
    if (this.state === IDLE || this.state === LEAVING || this.farewell) {
      throw new ConnectionException("not connected: call connect() first, and again after a refusal", "not-connected");
    }
    return this.session.publish(topic, payload, qos, retain, done);
  }

  private timeoutMs(): number {
    return this.options.timeoutMs ?? TIMEOUT_MS;
  }

  private to(event: Event): void {
    this.state = next(this.state, event);
  }

  private open(): void {
    this.timer.set(this.timeoutMs());
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
    this.session.greeting();
    this.writer.attach(this.transport);
    this.writer.connect({
      clientId: options.clientId,
      clean: options.clean ?? true,
      keepalive: options.keepAlive ?? 60,
      ...(options.username === undefined ? {} : { username: options.username }),
      ...(options.password === undefined ? {} : { password: options.password }),
      ...(options.will === undefined ? {} : { will: options.will }),
    });
    if (!this.farewell) this.timer.set(this.timeoutMs());
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
    try {
      if (packet.oversize) {
        this.skipped++;
        this.onOversize(packet.topic!, packet.oversize);
      } else this.onMessage(packet);
    } catch (error) {
      this.report(error as Error);
    }
  }

  /** @internal Calls into the application: whatever it throws, packets and timers take their way. */
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
    if (this.state === CONNECTED) this.onConnected(sessionPresent);
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
    this.onDisconnected(reason, delay);
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
    this.onDisconnected(error, -1);
    this.tellLeft();
  }

  private tellLeft(): void {
    const left = this.left;
    this.left = undefined;
    for (let i = 0; left && i < left.length; i++) this.tell(left[i], undefined, undefined);
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
