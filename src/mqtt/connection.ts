// One connection to an MQTT server, made again whenever it is lost: the state machine (states.ts) and its one deadline,
// between the link, which carries packets, and the session, which survives the connection. Knows nothing of the platform,
// of topics or of payloads.
//   in:   transport -> link -> Connection -> Session -> MessageReceiver
//   out:  publish() -> Publisher -> encoder -> send buffer -> transport

import { ConfigurationException, ConnectionException } from "../errors.ts";
import type { Ports, Timer } from "../ports.ts";
import { Backoff } from "./backoff.ts";
import { Callbacks, type ClientCallbacks, type MessageReceiver } from "./callbacks.ts";
import { type Counters, countersOf } from "./counters.ts";
import * as failures from "./failures.ts";
import { selectNextHost } from "./hosts.ts";
import { KeepAlive } from "./keepalive.ts";
import { ackTimeoutMs, type ConnectionOptions, checkLimits, checkOptions, type MqttOptions } from "./options.ts";
import type { PublishCallback } from "./session/message.ts";
import { MessageStore } from "./session/message-store.ts";
import { Session } from "./session/session.ts";
import {
  ACCEPTED,
  AWAITING_CONNACK,
  CONNECT,
  CONNECTED,
  DISCONNECT,
  DISCONNECTING,
  type Event,
  FINISHED,
  IDLE,
  LOST,
  nextState,
  OPENED,
  OPENING,
  RECONNECT_WAIT,
  REFUSED,
  RETRY,
  STATE_NAMES,
  type State,
} from "./states.ts";
import type { Packet } from "./wire/decoder.ts";
import { Link, type LinkListener } from "./wire/link.ts";

/** Default time-outs for the transport and for CONNACK, milliseconds. */
const OPEN_MS = 30_000;
const CONNACK_MS = 10_000;
/** Longest wait for confirmations in disconnect(), milliseconds. */
const DISCONNECT_MS = 5000;
/** Size of the packet. If only a part of it left, the server would publish the will. */
const DISCONNECT_BYTES = 2;

export class Connection implements LinkListener {
  readonly ports: Ports;
  private readonly options!: ConnectionOptions;
  readonly callbacks: Callbacks;
  private readonly timer: Timer;
  readonly link: Link;
  readonly session: Session;
  private readonly keepAlive: KeepAlive;
  private readonly backoff = new Backoff();
  private state: State = IDLE;
  // connect() after failed attempts waits the whole back-off delay; another connect() does not shorten it.
  private connectWaits: boolean | undefined;
  // disconnect() was called before CONNACK with messages to send: after CONNACK it is called again.
  private disconnectAfterConnack: boolean | undefined;
  private disconnectCallbacks: (() => void)[] | undefined;
  // Callbacks are being told that the connection has ended. They may call connect() and disconnect().
  private endCallbacksRunning: boolean | undefined;
  // What the last transport will call when it is closed.
  private pendingOnClosed: (() => void) | undefined;
  // How often CONNACK 0 was received; absent before the first connect().
  private connections: number | undefined;

  /** @throws ConfigurationException naming the wrong option. Nothing is sent before connect(). */
  constructor(options: MqttOptions, ports: Ports, client: ClientCallbacks, receiver: MessageReceiver) {
    const limits = checkLimits(options.limits, ports.store !== undefined);
    // Hidden from whatever prints the client: it holds the password and the key for TLS.
    Object.defineProperty(this, "options", { value: checkOptions(options, limits.transmitBytes) });
    this.ports = ports;
    this.callbacks = new Callbacks(client, receiver);
    this.timer = ports.clock.timer(() => this.onTimer());
    this.link = new Link(this, limits.frameBytes, limits.transmitBytes);
    const store = ports.store && new MessageStore(ports.store, error => this.callbacks.error(error));
    this.session = new Session(this.link.encoder, this.callbacks, limits, store);
    const { clean, keepalive } = this.options;
    if (!clean) this.session.randomizeIds(ports.random());
    this.keepAlive = new KeepAlive(keepalive, ackTimeoutMs(options));
  }

  get clientId(): string {
    return this.options.clientId;
  }

  get stateName(): string {
    return STATE_NAMES[this.state]!;
  }

  /** True while the client connects, is connected or will reconnect, and disconnect() was not called. */
  get active(): boolean {
    return this.state !== IDLE && this.state !== DISCONNECTING && !this.disconnectAfterConnack;
  }

  get counters(): Counters {
    return countersOf(this.session.publisher, this.connections, this.callbacks.oversizeCount);
  }

  /** See MqttClient.connect. */
  connect(): void {
    if (this.state === IDLE && !this.endCallbacksRunning) this.completeDisconnect();
    const before = this.state; // not earlier: these callbacks may call connect()
    if (before === RECONNECT_WAIT)
      return this.connectWaits ? undefined : this.timer.set(this.backoff.leastDelayMs(this.ports.clock.now()));
    this.transition(CONNECT);
    if (before === IDLE) {
      this.callbacks.connecting();
      if (this.connections === undefined) this.connections = 0;
      this.session.restore();
      if (this.backoff.failing) {
        this.connectWaits = true;
        this.scheduleRetry();
      } else this.open();
    } else if (before === DISCONNECTING) this.timer.set(this.keepAlive.checkMs);
    else if (this.disconnectAfterConnack && before < CONNECTED) this.startTimeout();
    if (this.disconnectAfterConnack) this.disconnectAfterConnack = false;
    // Last: callbacks may publish, or disconnect.
    if (before === IDLE) this.session.reportStoreErrors();
    else this.completeDisconnect(); // the disconnect() they belong to is cancelled
  }

  /** See MqttClient.disconnect. */
  disconnect(done?: () => void): void {
    const before = this.state;
    if (done) {
      if (!this.disconnectCallbacks) this.disconnectCallbacks = [];
      this.disconnectCallbacks.push(done);
    }
    if ((before === OPENING || before === AWAITING_CONNACK) && !this.session.publisher.empty) {
      if (!this.disconnectAfterConnack) this.timer.set(DISCONNECT_MS);
      this.disconnectAfterConnack = true;
      return;
    }
    this.transition(DISCONNECT);
    if (this.state === DISCONNECTING) {
      if (before === CONNECTED) this.timer.set(DISCONNECT_MS);
      // Called from a message callback: received() finishes after the message is acknowledged.
      if (!this.link.buffer.corked) this.finishIfIdle();
    } else if (before !== IDLE) {
      if (before === AWAITING_CONNACK) this.link.encoder.disconnect(); // otherwise the server may publish the will
      this.end();
    } else if (!this.endCallbacksRunning && !this.pendingOnClosed) this.completeDisconnect();
  }

  /** See MqttClient.publish. The message is checked. */
  publish(
    topic: Uint8Array,
    payload: Uint8Array,
    qos: 0 | 1 | 2,
    retain: boolean,
    done: PublishCallback | undefined,
  ): boolean {
    const state = this.state; // not the getter: each event passes here
    const active = state !== IDLE && state !== DISCONNECTING && !this.disconnectAfterConnack;
    const accepted = active && this.session.publisher.publish(topic, payload, qos, retain, done);
    if (!accepted) {
      if (this.connections === undefined)
        throw new ConnectionException("not connected: call connect() first", "not-connected");
      this.callbacks.rejected(active);
    } else if (this.callbacks.rejectionReported) this.callbacks.rejectionReported = false;
    return accepted;
  }

  private transition(event: Event): void {
    this.state = nextState(this.state, event);
  }

  private startTimeout(): void {
    this.timer.set(this.options.timeoutMs ?? (this.state === OPENING ? OPEN_MS : CONNACK_MS));
  }

  private scheduleRetry(): number {
    this.transition(LOST);
    const delay = this.backoff.delayMs(this.ports.clock.now(), this.ports.random(), this.options.reconnectDelayMs);
    this.timer.set(delay);
    return delay;
  }

  private open(): void {
    this.startTimeout();
    try {
      this.link.open(this.ports, this.options.endpoint);
    } catch (error) {
      if (error instanceof ConfigurationException) this.giveUp(error);
      else this.connectionFailed(failures.unreachable(this.options.endpoint, (error as Error).message));
    }
  }

  // From the link.

  opened(): void {
    this.transition(OPENED);
    this.session.connecting();
    this.link.encoder.connect(this.options); // its other fields are not in the packet
    if (!this.disconnectAfterConnack) this.startTimeout();
  }

  flushed(): void {
    this.session.pump();
    if (this.callbacks.drainNeeded && this.active && this.session.publisher.hasRoom) this.callbacks.drained();
    if (this.state === DISCONNECTING) this.finishIfIdle();
  }

  closed(reason: string | undefined): void {
    const { endpoint } = this.options;
    if (this.state === OPENING) return this.connectionFailed(failures.unreachable(endpoint, reason));
    const unprovoked = !reason && !this.link.buffer.pending && !this.session.awaitsAcknowledgement;
    this.connectionFailed(failures.closed(endpoint, reason, this.state === AWAITING_CONNACK), unprovoked);
  }

  packet(packet: Packet): void {
    if (this.state === AWAITING_CONNACK) return this.onConnack(packet);
    const fault = this.session.packet(packet);
    if (fault) this.protocolError(fault);
  }

  protocolError(reason: string): void {
    this.link.buffer.flush(); // acknowledgements of earlier packets
    this.connectionFailed(failures.protocolError(reason, this.options));
  }

  private onConnack(packet: Packet): void {
    if (packet.cmd !== "connack") return this.protocolError(`${packet.cmd} before CONNACK`); // [MQTT-3.2.0-1]
    const code = packet.returnCode!;
    if (code === 0) return this.accept(packet.sessionPresent!);
    const error = failures.refused(code, this.options);
    if (code === failures.SERVER_UNAVAILABLE) this.connectionFailed(error);
    else this.giveUp(error);
  }

  private accept(present: boolean): void {
    const sessionPresent = present && !this.options.clean; // [MQTT-3.2.2-1]
    this.transition(ACCEPTED);
    this.backoff.accepted(this.ports.clock.now());
    this.connections!++;
    this.keepAlive.reset(this.link);
    this.timer.set(this.keepAlive.checkMs);
    this.session.connected(sessionPresent);
    if (this.state === CONNECTED) {
      this.callbacks.invoke(this.callbacks.client.connectedCallback, sessionPresent, undefined);
    }
    if (this.disconnectAfterConnack) {
      this.disconnectAfterConnack = false;
      this.disconnect();
    }
  }

  private onTimer(): void {
    if (this.state === RECONNECT_WAIT) {
      if (this.connectWaits) this.connectWaits = undefined;
      this.transition(RETRY);
      this.open();
    } else if (this.state === CONNECTED) this.checkLink();
    else if (this.state === DISCONNECTING) this.finish();
    else if (this.state === IDLE) this.completeDisconnect();
    else {
      const doing = this.state === OPENING ? "connecting to" : "waiting for CONNACK from";
      this.connectionFailed(failures.timeout(doing, this.options.endpoint));
    }
  }

  private checkLink(): void {
    // What waits in the buffer may be the very packet that is not acknowledged.
    if (this.keepAlive.ackCheckDue && !this.link.buffer.pending && !this.session.checkAcknowledgements()) {
      return this.connectionFailed(failures.timeout("waiting for an acknowledgement from", this.options.endpoint));
    }
    const action = this.keepAlive.check(this.link);
    if (action === "dead")
      return this.connectionFailed(failures.timeout("waiting for an answer from", this.options.endpoint));
    this.timer.set(this.keepAlive.checkMs);
    if (action === "ping") this.session.ping(); // last: a callback may call disconnect()
  }

  private closeLink(closed?: () => void): void {
    this.timer.clear();
    this.session.disconnected(); // first: it asks the send buffer whether the last payload was sent whole
    this.link.close(closed);
  }

  // The connection was lost or not made, for a cause that may pass.
  private connectionFailed(error: ConnectionException, unprovoked = false): void {
    const before = this.state;
    if (before < CONNECTED) selectNextHost(this.options);
    if (this.disconnectAfterConnack && before === AWAITING_CONNACK) this.link.encoder.disconnect(); // as in disconnect()
    this.transition(this.disconnectAfterConnack ? DISCONNECT : LOST);
    const losses = this.backoff.failed(this.ports.clock.now(), before >= CONNECTED, unprovoked);
    if (this.state === IDLE) return this.end();
    this.closeLink();
    const reason = losses ? failures.takeover(losses, this.clientId, error) : error;
    this.callbacks.invoke(this.callbacks.client.disconnectedCallback, reason, this.scheduleRetry());
    // Last: its callbacks may call disconnect().
    if (before === CONNECTED && error.code === "closed") this.session.publisher.serverClosed();
  }

  // The connection was not made, for a cause that will not pass by itself.
  private giveUp(error: ConnectionException): void {
    this.transition(REFUSED);
    this.backoff.failed(this.ports.clock.now(), false, false);
    this.end(error);
  }

  private finishIfIdle(): void {
    if (this.session.publisher.empty && this.link.buffer.room >= DISCONNECT_BYTES) this.finish();
  }

  private finish(): void {
    this.transition(FINISHED);
    this.backoff.finished();
    this.link.encoder.disconnect();
    this.end();
  }

  // There is no connection, and none will be made until connect().
  private end(error?: ConnectionException): void {
    if (this.disconnectAfterConnack) this.disconnectAfterConnack = false;
    const { callbacks } = this;
    let closed = false;
    const onClosed = () => {
      closed = true;
      if (this.pendingOnClosed === onClosed) this.completeDisconnect();
    };
    this.endCallbacksRunning = true;
    this.closeLink(onClosed);
    if (!this.ports.store && (error || this.options.clean)) {
      this.session.publisher.clear(error ?? new ConnectionException("dropped by disconnect()", "not-connected"));
    }
    callbacks.receiver.stopped?.(error);
    callbacks.invoke(callbacks.client.disconnectedCallback, error, -1);
    if (!this.endCallbacksRunning) return; // a callback has called connect() and disconnect()
    if (closed || this.state !== IDLE) return this.completeDisconnect();
    this.endCallbacksRunning = false;
    this.pendingOnClosed = onClosed;
    this.timer.set(DISCONNECT_MS); // a transport may never say that it is closed
  }

  private completeDisconnect(): void {
    if (this.state === IDLE) this.timer.clear();
    if (this.endCallbacksRunning) this.endCallbacksRunning = false;
    if (this.pendingOnClosed) this.pendingOnClosed = undefined;
    const callbacks = this.disconnectCallbacks || [];
    if (callbacks.length) this.disconnectCallbacks = undefined;
    for (let i = 0; i < callbacks.length; i++) this.callbacks.invoke(callbacks[i], undefined, undefined);
  }
}
