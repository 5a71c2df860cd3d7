// MQTT 3.1.1 between CONNACK and the end of the connection, and what outlives it: the outbox, messages in flight,
// packet ids of incoming QoS 2, subscriptions; with a store (kept.ts) the first three outlive the device. No sockets, no
// clock, no topics of the platform, no payload formats.
//
// Packets go out through a PacketSink, which may have no room: then they wait here and `pump` sends them in this order:
// acknowledgements, PINGREQ, SUBSCRIBE and UNSUBSCRIBE, messages sent before the link broke, the outbox.
//
// Memory: the outbox holds at most `queuedMessages` messages and, unless it was empty before, `queuedBytes` of topics
// and payloads, those in flight included; acknowledgements that wait are limited to ACKS_LIMIT, ids of incoming QoS 2 to
// RECEIVED_LIMIT, subscriptions to `subscriptions`. A store holds what is in flight and the QoS 1 and 2 of the outbox: the
// same limits.

import { ConnectionException } from "../errors.ts";
import type { AckType, Packet, Subscription } from "../wire/packet.ts";
import {
  ANSWER,
  COMPLETE,
  DELIVER,
  FINISH,
  FRESH,
  type Happening,
  HELD,
  INCOMING,
  OUTGOING,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  QUEUED,
  REFUSE,
  RELEASE,
  RELEASED,
  RENEWED,
  REPEAT,
  RESTART,
  RESUMED,
} from "./flows.ts";
import { Inflight, type Message } from "./inflight.ts";
import type { Kept } from "./kept.ts";

/** Where packets go. Each returns false, and nothing was written, when there is no room now. */
export interface PacketSink {
  publish(topic: Uint8Array, payload: Uint8Array, qos: 0 | 1 | 2, retain: boolean, dup: boolean, id: number): boolean;
  ack(type: AckType, id: number): boolean;
  subscribe(id: number, subscriptions: readonly Subscription[]): boolean;
  unsubscribe(id: number, topics: readonly string[]): boolean;
  ping(): boolean;
  /** True while a payload handed over by `publish` is still being read. */
  readonly streaming: boolean;
}

export interface SessionListener {
  /** A message came in. It is acknowledged when this returns. */
  message(packet: Packet): void;
  /** The server broke the standard; the owner ends the connection. */
  violation(reason: string): void;
  /** Calls a callback of the application, which may throw, publish, or end the connection. */
  tell<A, B>(callback: ((first: A, second: B) => void) | undefined, first: A, second: B): void;
}

export interface SessionLimits {
  /** Most unconfirmed messages of QoS 1 and 2 on the way, 1..65535. */
  inflight: number;
  /** Most messages in the outbox. */
  queuedMessages: number;
  /** Most bytes of topics and payloads in the outbox and in flight. */
  queuedBytes: number;
  /** Most SUBSCRIBE and UNSUBSCRIBE requests, remembered ones included. */
  subscriptions: number;
  /** When the outbox is full: false: refuse the message; true: drop the oldest of QoS 0, if that makes room. */
  dropOldest: boolean;
}

/** A SUBSCRIBE that is remembered for the next session, or an UNSUBSCRIBE until it is confirmed. */
interface Request {
  subscriptions: readonly Subscription[];
  unsubscribe: boolean;
  /** 0: still to be sent on this connection. */
  id: number;
  /** What the packet had that `id` belongs to. */
  sent: readonly Subscription[];
  /** The server has confirmed it in the session it holds. */
  granted: boolean;
  done: ((error: Error | undefined, granted: readonly number[]) => void) | undefined;
}

/** Acknowledgements that wait for room; a server waits for them after 20 (Mosquitto) or 10 (the platform) messages. */
const ACKS_LIMIT = 64;
/** MQTT 3.1.1 lets a server have any number of messages unreleased; some are set to 100, and Mosquitto may exceed it. */
const RECEIVED_LIMIT = 128;

const NO_GRANTS: readonly number[] = Object.freeze([]);

function sizeOf(message: Message): number {
  return message.topic.length + message.payload.length;
}

// Whether a request for these filters leaves nothing of `other`.
function replaces(topics: readonly string[], other: Request): boolean {
  return !other.unsubscribe && other.subscriptions.every(one => topics.indexOf(one.topic) >= 0);
}

// Through `tell` it reaches whoever hears what callbacks throw.
function raise(error: Error): void {
  throw error;
}

export class Session {
  private readonly sink: PacketSink;
  private readonly listener: SessionListener;
  private readonly limits: SessionLimits;
  private readonly inflight: Inflight;
  // Between CONNACK 0 and the end of the connection.
  private live = false;
  // The outbox, oldest first.
  private head: Message | undefined;
  private tail: Message | undefined;
  private queued = 0;
  private heldBytes = 0;
  // While resending, messages in flight from resendAt on still have to be sent again on this connection, with or without
  // DUP.
  private resending = false;
  private resendAt = 0;
  private resendDup = false;
  // The message whose payload the sink is still reading.
  private streamed: Message | undefined;
  private acks: { type: AckType; id: number }[] = [];
  private pingDue = false;
  private requests: Request[] = [];
  // Incoming QoS 2 messages delivered but not released yet [MQTT-4.3.3-2].
  private received: number[] = [];
  // So many at its front are of earlier connections, and the server has not come back to them on this one.
  private old = 0;
  private readonly kept: Kept | undefined;
  private resends = 0;
  private drops = 0;
  // Callbacks of dropped messages are being called: what they publish must not drop more.
  private dropping = false;
  // CONNECT packets since the last CONNACK 0.
  private attempts = 0;
  // Something waits for room, or for its turn: `pump` has work to do.
  private waits = false;

  /** @param kept where messages survive a restart; {@link restore} brings them back */
  constructor(sink: PacketSink, listener: SessionListener, limits: SessionLimits, kept?: Kept) {
    this.sink = sink;
    this.listener = listener;
    this.limits = limits;
    this.inflight = new Inflight(limits.inflight);
    this.kept = kept;
  }

  /**
   * A server that keeps sessions may still know packet ids of this client's last life, and take a new message for a
   * repetition. Begin somewhere else.
   * @param random uniform in [0, 1)
   */
  spreadIds(random: number): void {
    this.inflight.beginIds(Math.floor(random * 65535));
  }

  /**
   * Takes over what the store has from another life, once. As many messages as may be in flight are taken for sent: they
   * are sent again, with DUP where the server kept the session. What was wrong with the store is told by {@link restored}.
   */
  restore(): void {
    const messages = this.kept ? this.kept.load(this.received) : [];
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!;
      if (message.step === QUEUED && this.inflight.full) this.enqueue(message, false);
      else {
        if (message.step === QUEUED) message.step = message.qos;
        this.inflight.add(message);
        this.heldBytes += sizeOf(message);
      }
    }
    if (messages.length) this.inflight.beginIds(messages[messages.length - 1]!.id);
  }

  /** Behind {@link restore}, when the application may do as it likes. */
  restored(): void {
    if (this.kept) this.kept.tellFaults();
  }

  /** Messages in the outbox. */
  get queuedCount(): number {
    return this.queued;
  }

  /** Messages of QoS 1 and 2 sent and not confirmed. */
  get inflightCount(): number {
    return this.inflight.count;
  }

  /** PUBLISH and PUBREL packets sent again so far. */
  get resentCount(): number {
    return this.resends;
  }

  /** Messages given up with an error so far. */
  get droppedCount(): number {
    return this.drops;
  }

  /** Nothing accepted is still to be sent or confirmed. */
  get idle(): boolean {
    return !this.head && !this.streamed && this.inflight.count === 0;
  }

  /** CONNECT is sent. */
  greeting(): void {
    this.attempts++;
  }

  /**
   * CONNACK 0. Without a session on the server, subscriptions are made again and messages in flight are published anew
   * (as first attempts, DUP 0: this server session has not seen them); with one, they are sent again with DUP
   * [MQTT-4.4.0-1]. If a CONNECT before this one had no answer, the answer may have been that the session is new, which no
   * CONNACK says again: subscriptions are made again in any case.
   */
  accepted(sessionPresent: boolean): void {
    this.live = true;
    this.waits = true;
    this.resending = true;
    this.resendAt = 0;
    this.resendDup = sessionPresent;
    if (!sessionPresent) this.forgetReceived();
    this.old = this.received.length;
    const subscribed = sessionPresent && this.attempts < 2;
    this.attempts = 0;
    for (let i = 0; i < this.requests.length; i++) {
      const request = this.requests[i]!;
      if (!subscribed) request.granted = false;
      if (!request.granted) request.id = 0;
    }
    this.pump();
  }

  /** The connection ended. What only lives in a connection is forgotten; messages stay. */
  lost(): void {
    this.live = false;
    this.acks = [];
    this.pingDue = false;
    const streamed = this.streamed;
    // At QoS 0, one whose last byte has left is only not told yet: that is done by the next pump, or by clear.
    if (!streamed || (streamed.qos === 0 && !this.sink.streaming)) return;
    this.streamed = undefined;
    // A QoS 0 message cut in the middle was not sent; it goes first next time.
    if (streamed.qos === 0) this.enqueue(streamed, true);
  }

  /** Drops every message with `error`. Subscriptions are kept, and so are ids of incoming QoS 2: the server may have. */
  clear(error: Error): void {
    const dropped: Message[] = [];
    const streamed = this.streamed;
    this.streamed = undefined;
    while (this.inflight.count) {
      dropped.push(this.inflight.at(0)!);
      this.inflight.removeAt(0);
    }
    for (let message = this.head; message; message = message.next) dropped.push(message);
    this.head = undefined;
    this.tail = undefined;
    this.queued = 0;
    this.heldBytes = 0;
    // Callbacks last: what they publish is not to be dropped with the rest.
    if (streamed && streamed.qos === 0) this.settle(streamed);
    this.tellDropped(dropped, error);
  }

  /** Sends or queues a message. False, and nothing is kept, when the outbox or the store is full. */
  publish(
    topic: Uint8Array,
    payload: Uint8Array,
    qos: 0 | 1 | 2,
    retain: boolean,
    done: ((error?: Error) => void) | undefined,
  ): boolean {
    const ready = this.live && !this.head && !this.streamed && !this.resending;
    // The usual case at QoS 0 makes nothing that would have to be kept.
    if (ready && qos === 0 && this.sink.publish(topic, payload, 0, retain, false, 0)) {
      if (this.sink.streaming) this.follow({ topic, payload, qos, retain, id: 0, step: QUEUED, done, next: undefined });
      else if (done) this.listener.tell(done, undefined, undefined);
      return true;
    }
    const message: Message = { topic, payload, qos, retain, id: 0, step: QUEUED, done, next: undefined };
    const now = ready && qos > 0 && !this.inflight.full;
    if (!now || this.kept) return this.accept(message, now);
    const bytes = this.heldBytes;
    const fits = bytes === 0 || bytes + topic.length + payload.length <= this.limits.queuedBytes;
    return (fits && this.send(message)) || this.accept(message, false);
  }

  // What was not sent at once: into the store first, if it must and there is one.
  private accept(message: Message, now: boolean): boolean {
    let dropped: Message[] = [];
    if (this.overflows(message, now ? -1 : this.queued, this.heldBytes)) {
      if (!this.limits.dropOldest || this.dropping) return false;
      dropped = this.makeRoom(message);
      if (!dropped.length) return false;
    }
    const accepted = !this.kept || message.qos === 0 || this.keep(message);
    if (accepted && !(now && this.send(message))) this.enqueue(message, false);
    this.tellDropped(dropped, new ConnectionException("dropped: the outbox was full", "limit"));
    return accepted;
  }

  private overflows(message: Message, queued: number, bytes: number): boolean {
    return queued >= this.limits.queuedMessages || (bytes > 0 && bytes + sizeOf(message) > this.limits.queuedBytes);
  }

  // Into the store, before anyone hears of it.
  private keep(message: Message): boolean {
    message.id = this.inflight.nextId(this.requests, this.head);
    return this.kept!.add(message);
  }

  // Takes the oldest messages of QoS 0 out of the outbox until `message` fits; none, if it never does.
  private makeRoom(message: Message): Message[] {
    const dropped: Message[] = [];
    let bytes = this.heldBytes;
    for (let old = this.head; old; old = old.next) {
      if (!this.overflows(message, this.queued - dropped.length, bytes)) break;
      if (old.qos > 0) continue;
      dropped.push(old);
      bytes -= sizeOf(old);
    }
    if (this.overflows(message, this.queued - dropped.length, bytes)) return [];
    this.heldBytes = bytes;
    this.queued -= dropped.length;
    this.tail = undefined;
    for (let old = this.head; old; old = old.next) {
      if (dropped.indexOf(old) < 0) this.tail = old;
      else if (this.tail) this.tail.next = old.next;
      else this.head = old.next;
    }
    return dropped;
  }

  private tellDropped(messages: readonly Message[], error: Error): void {
    const outer = this.dropping;
    this.dropping = true;
    this.drops += messages.length;
    for (let i = 0; i < messages.length; i++) this.listener.tell(messages[i]!.done, error, undefined);
    this.dropping = outer;
  }

  /**
   * Remembers a SUBSCRIBE and sends it now or at the next CONNACK. False when there are too many, and it takes the place
   * of none.
   */
  subscribe(
    subscriptions: readonly Subscription[],
    done: ((error: Error | undefined, granted: readonly number[]) => void) | undefined,
  ): boolean {
    return this.request({ subscriptions, unsubscribe: false, id: 0, sent: subscriptions, granted: false, done });
  }

  /** Forgets the filters and tells the server, now or at the next CONNACK. False as above. */
  unsubscribe(topics: readonly string[], done: ((error: Error | undefined) => void) | undefined): boolean {
    const subscriptions = topics.map(topic => ({ topic, qos: 0 as const }));
    return this.request({ subscriptions, unsubscribe: true, id: 0, sent: subscriptions, granted: false, done });
  }

  /** A PINGREQ, as soon as there is room. */
  ping(): void {
    this.pingDue = true;
    this.waits = true;
    this.pump();
  }

  /** There may be room again, or something was added: sends what waits. */
  pump(): void {
    if (!this.waits || !this.live) return;
    // Cleared before, not after: a callback may add something.
    this.waits = false;
    if (!this.pumpAll()) this.waits = true;
  }

  /** A packet from the server, CONNACK excepted. */
  packet(packet: Packet): void {
    switch (packet.cmd) {
      case "publish":
        return this.incoming(packet);
      case "puback":
        return this.acknowledged(packet, PUBACK);
      case "pubrec":
        return this.acknowledged(packet, PUBREC);
      case "pubcomp":
        return this.acknowledged(packet, PUBCOMP);
      case "pubrel":
        return this.exactlyOnce(packet, PUBREL);
      case "suback":
      case "unsuback":
        return this.answered(packet);
      case "pingresp":
        return;
      default:
        this.listener.violation(`unexpected ${packet.cmd}`);
    }
  }

  // True when nothing is left.
  private pumpAll(): boolean {
    if (!this.pumpControl() || !this.pumpRequests()) return false;
    if (this.streamed) {
      if (this.sink.streaming) return false;
      this.streamedOut();
    }
    return this.live && this.pumpResends() && this.pumpOutbox();
  }

  private pumpControl(): boolean {
    while (this.acks.length) {
      const ack = this.acks[0]!;
      if (!this.sink.ack(ack.type, ack.id)) return false;
      this.acks.shift();
    }
    if (this.pingDue) {
      if (!this.sink.ping()) return false;
      this.pingDue = false;
    }
    return true;
  }

  private pumpRequests(): boolean {
    for (let i = 0; i < this.requests.length; i++) {
      const request = this.requests[i]!;
      if (request.id || request.granted) continue;
      const id = this.inflight.nextId(this.requests, this.head);
      const sent = request.unsubscribe
        ? this.sink.unsubscribe(
            id,
            request.subscriptions.map(subscription => subscription.topic),
          )
        : this.sink.subscribe(id, request.subscriptions);
      if (!sent) return false;
      request.id = id;
      request.sent = request.subscriptions;
    }
    return true;
  }

  private pumpResends(): boolean {
    while (this.resending && this.resendAt < this.inflight.count) {
      const message = this.inflight.at(this.resendAt)!;
      const act = OUTGOING[message.step]![this.resendDup ? RESUMED : RENEWED]!;
      if (act === RESTART) this.beginAgain(message);
      const sent = act === RELEASE ? this.sink.ack("pubrel", message.id) : this.sendAgain(message, act === REPEAT);
      if (!sent) return false;
      this.resends++;
      this.resendAt++;
      if (this.streamed) return false;
    }
    this.resending = false;
    return true;
  }

  private beginAgain(message: Message): void {
    if (this.kept && message.step === RELEASED) this.kept.released(message.id, false);
    message.step = message.qos;
  }

  private pumpOutbox(): boolean {
    // A callback may publish, or end the connection: look again each time.
    for (let message = this.head; message && this.live && !this.streamed; message = this.head) {
      if (message.qos > 0 && this.inflight.full) return false;
      this.dequeue(message);
      if (!this.send(message)) {
        this.enqueue(message, true);
        return false;
      }
    }
    return !this.head && !this.streamed;
  }

  // First PUBLISH of a message. No acknowledgement can come before this returns: transports do not call from `write`.
  private send(message: Message): boolean {
    const { topic, payload, qos, retain } = message;
    const id = message.id || (qos > 0 ? this.inflight.nextId(this.requests, this.head) : 0);
    if (!this.sink.publish(topic, payload, qos, retain, false, id)) return false;
    if (qos > 0) {
      message.id = id;
      message.step = qos;
      this.inflight.add(message);
      this.heldBytes += topic.length + payload.length;
    }
    if (this.sink.streaming) this.follow(message);
    else if (qos === 0) this.settle(message);
    return true;
  }

  // No longer in flight.
  private release(message: Message, place: number): void {
    this.inflight.removeAt(place);
    if (this.resending && place < this.resendAt) this.resendAt--;
    this.heldBytes -= sizeOf(message);
  }

  private settle(message: Message): void {
    if (message.done) this.listener.tell(message.done, undefined, undefined);
  }

  private sendAgain(message: Message, dup: boolean): boolean {
    const { topic, payload, qos, retain, id } = message;
    if (!this.sink.publish(topic, payload, qos, retain, dup, id)) return false;
    if (this.sink.streaming) this.follow(message);
    return true;
  }

  private follow(message: Message): void {
    this.streamed = message;
    this.waits = true;
  }

  // The sink has read the last byte of a payload.
  private streamedOut(): void {
    const message = this.streamed!;
    this.streamed = undefined;
    if (message.qos === 0) this.settle(message);
  }

  private dequeue(message: Message): void {
    this.queued--;
    this.heldBytes -= sizeOf(message);
    this.head = message.next;
    if (!this.head) this.tail = undefined;
    message.next = undefined;
  }

  private enqueue(message: Message, first: boolean): void {
    this.waits = true;
    this.queued++;
    this.heldBytes += sizeOf(message);
    if (first) {
      message.next = this.head;
      this.head = message;
      if (!this.tail) this.tail = message;
    } else {
      if (this.tail) this.tail.next = message;
      else this.head = message;
      this.tail = message;
    }
  }

  private incoming(packet: Packet): void {
    if (packet.qos === 2) return this.exactlyOnce(packet, PUBLISH);
    this.listener.message(packet);
    if (packet.qos === 1) this.acknowledge("puback", packet.messageId!);
  }

  private exactlyOnce(packet: Packet, happening: 0 | 1): void {
    const id = packet.messageId!;
    const held = this.forgotten(id);
    const act = INCOMING[held ? HELD : FRESH]![happening]!;
    if (act === COMPLETE) {
      if (held && this.kept) this.kept.received(id, false);
      return this.acknowledge("pubcomp", id);
    }
    if (!held && this.received.length >= RECEIVED_LIMIT && !this.forgetOld()) {
      return this.listener.violation(`more than ${RECEIVED_LIMIT} unreleased QoS 2 messages`);
    }
    this.received.push(id);
    if (act === DELIVER) {
      this.listener.message(packet);
      // Not before: a crash in the middle of the callback must not lose the message. It comes again instead.
      if (this.kept) this.kept.received(id, true);
    }
    this.acknowledge("pubrec", id);
  }

  // The server's session is gone: ids it uses are new ones.
  private forgetReceived(): void {
    for (let i = 0; this.kept && i < this.received.length; i++) this.kept.received(this.received[i]!, false);
    this.received = [];
  }

  // Takes an id out of the list; false when it is not there.
  private forgotten(id: number): boolean {
    const at = this.received.indexOf(id);
    if (at < 0) return false;
    if (at < this.old) this.old--;
    this.received.splice(at, 1);
    return true;
  }

  // A server sends what is unreleased again when a connection begins, in order [MQTT-4.4.0-1] [MQTT-4.6.0-1]. What it has
  // not come back to, though so many others came behind it, it has dropped (expired, or lost in a crash): PUBREL will
  // never come, and a list full of such ids would end every connection.
  private forgetOld(): boolean {
    if (this.old === 0) return false;
    this.old--;
    const id = this.received.shift()!;
    if (this.kept) this.kept.received(id, false);
    return true;
  }

  private acknowledge(type: AckType, id: number): void {
    // The callback may have ended the connection: the server will send the message again.
    if (!this.live || (!this.acks.length && this.sink.ack(type, id))) return;
    if (this.acks.length >= ACKS_LIMIT) return this.listener.violation("acknowledgements jammed");
    this.acks.push({ type, id });
    this.waits = true;
  }

  // PUBACK, PUBREC or PUBCOMP.
  private acknowledged(packet: Packet, happening: Happening): void {
    const id = packet.messageId!;
    const place = this.inflight.find(id);
    const message = this.inflight.at(place);
    const act = OUTGOING[message ? message.step : QUEUED]![happening]!;
    if (act === FINISH) {
      this.release(message!, place);
      if (this.kept) this.kept.drop(message!);
      this.settle(message!);
      if (this.head) this.pump();
      return;
    }
    if (act === RELEASE) this.record(message!);
    else if (act === REFUSE)
      return this.listener.violation(`${packet.cmd.toUpperCase()} out of turn for packet id ${id}`);
    else if (act !== ANSWER) return;
    this.acknowledge("pubrel", id);
  }

  // In the store before PUBREL leaves: it makes the server forget the packet id, and then a PUBLISH would be a new one.
  private record(message: Message): void {
    if (this.kept && message.step !== RELEASED) this.kept.released(message.id, true);
    message.step = RELEASED;
  }

  private request(request: Request): boolean {
    const topics = request.subscriptions.map(one => one.topic);
    const full = this.requests.length >= this.limits.subscriptions;
    if (full && !this.requests.some(one => replaces(topics, one))) return false;
    const forgotten = this.forget(topics);
    this.requests.push(request);
    this.waits = true;
    this.pump();
    for (let i = 0; i < forgotten.length; i++) {
      const error = new ConnectionException("another request for the same filters came before the answer", "subscribe");
      this.listener.tell(forgotten[i]!.done, error, NO_GRANTS);
    }
    return true;
  }

  // A filter is remembered by the request that named it last. Returns the requests of which nothing is left.
  private forget(topics: readonly string[]): Request[] {
    const requests = this.requests;
    const forgotten: Request[] = [];
    this.requests = [];
    for (let i = 0; i < requests.length; i++) {
      const request = requests[i]!;
      if (!request.unsubscribe) {
        request.subscriptions = request.subscriptions.filter(one => topics.indexOf(one.topic) < 0);
      }
      (request.subscriptions.length ? this.requests : forgotten).push(request);
    }
    return forgotten;
  }

  // SUBACK or UNSUBACK.
  private answered(packet: Packet): void {
    const request = this.requests.find(one => one.id === packet.messageId && !one.granted);
    if (!request) return;
    const granted = packet.cmd === "suback" ? packet.granted! : NO_GRANTS;
    if (request.unsubscribe !== (packet.cmd === "unsuback")) return this.listener.violation(`unexpected ${packet.cmd}`);
    if (!request.unsubscribe && granted.length !== request.sent.length) {
      return this.listener.violation(`SUBACK with ${granted.length} codes for ${request.sent.length} filters`);
    }
    request.granted = true;
    request.id = 0;
    if (request.unsubscribe) this.requests.splice(this.requests.indexOf(request), 1);
    const done = request.done;
    request.done = undefined;
    if (done) return this.listener.tell(done, undefined, granted);
    // Nobody waits for the answer, as when the server had lost its session: a refusal must not go unheard.
    for (let i = granted.indexOf(128); i >= 0; i = granted.indexOf(128, i + 1)) {
      const error = new ConnectionException(`${request.sent[i]!.topic} was refused`, "subscribe");
      this.listener.tell(raise, error, undefined);
    }
  }
}
