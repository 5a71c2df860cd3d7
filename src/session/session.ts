// MQTT 3.1.1 between CONNACK and the end of the connection, and what outlives it: the outbox, messages in flight,
// packet ids of incoming QoS 2, subscriptions. No sockets, no clock, no topics of the platform, no payload formats.
//
// Packets go out through a PacketSink, which may have no room: then they wait here and `pump` sends them in this order:
// acknowledgements, PINGREQ, SUBSCRIBE and UNSUBSCRIBE, messages sent before the link broke, the outbox.
//
// Memory: the outbox holds at most `queuedMessages` messages and, unless it was empty before, `queuedBytes` of topics
// and payloads, those in flight included; acknowledgements that wait are limited to ACKS_LIMIT, ids of incoming QoS 2 to
// RECEIVED_LIMIT, subscriptions to `subscriptions`.

import { ConnectionException } from "../errors.ts";
import type { AckType, Packet, Subscription } from "../wire/packet.ts";
import { Inflight, type Message, QUEUED, RELEASED, SENT } from "./inflight.ts";

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
}

/** A SUBSCRIBE that is remembered for the next session, or an UNSUBSCRIBE until it is confirmed. */
interface Request {
  subscriptions: readonly Subscription[];
  unsubscribe: boolean;
  /** 0: still to be sent on this connection. */
  id: number;
  /** How many filters the packet had that `id` belongs to. */
  sent: number;
  /** The server has confirmed it in the session it holds. */
  granted: boolean;
  done: ((error: Error | undefined, granted: readonly number[]) => void) | undefined;
}

/** A server keeps 20 (Mosquitto) or 10 (the platform) messages in flight; more than this never come. */
const ACKS_LIMIT = 64;
const RECEIVED_LIMIT = 64;

const NO_GRANTS: readonly number[] = Object.freeze([]);

function sizeOf(message: Message): number {
  return message.topic.length + message.payload.length;
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
  private resends = 0;
  // Something waits for room, or for its turn: `pump` has work to do.
  private waits = false;

  constructor(sink: PacketSink, listener: SessionListener, limits: SessionLimits) {
    this.sink = sink;
    this.listener = listener;
    this.limits = limits;
    this.inflight = new Inflight(limits.inflight);
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

  /** Nothing accepted is still to be sent or confirmed. */
  get idle(): boolean {
    return !this.head && !this.streamed && this.inflight.count === 0;
  }

  /**
   * CONNACK 0. Without a session on the server, subscriptions are made again and messages in flight are published anew
   * (as first attempts, DUP 0: this server session has not seen them); with one, they are sent again with DUP
   * [MQTT-4.4.0-1].
   */
  accepted(sessionPresent: boolean): void {
    this.live = true;
    this.waits = true;
    this.resending = true;
    this.resendAt = 0;
    this.resendDup = sessionPresent;
    if (!sessionPresent) this.received = [];
    for (let i = 0; i < this.requests.length; i++) {
      const request = this.requests[i]!;
      if (!sessionPresent) request.granted = false;
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
    this.streamed = undefined;
    // A QoS 0 message cut in the middle was not sent; it goes first next time.
    if (streamed && streamed.qos === 0) this.enqueue(streamed, true);
  }

  /** Drops every message with `error`, and all that belongs to the server's session. Subscriptions are kept. */
  clear(error: Error): void {
    const dropped: Message[] = [];
    while (this.inflight.count) {
      dropped.push(this.inflight.at(0)!);
      this.inflight.removeAt(0);
    }
    for (let message = this.head; message; message = message.next) dropped.push(message);
    this.head = undefined;
    this.tail = undefined;
    this.queued = 0;
    this.heldBytes = 0;
    this.received = [];
    for (let i = 0; i < dropped.length; i++) this.listener.tell(dropped[i]!.done, error, undefined);
  }

  /** Sends or queues a message. False, and nothing is kept, when the outbox is full. */
  publish(
    topic: Uint8Array,
    payload: Uint8Array,
    qos: 0 | 1 | 2,
    retain: boolean,
    done: ((error?: Error) => void) | undefined,
  ): boolean {
    const ready = this.live && !this.head && !this.streamed && !this.resending;
    const message: Message = { topic, payload, qos, retain, id: 0, step: QUEUED, done, next: undefined };
    if (ready && qos === 0 && this.send(message)) return true;
    if (this.heldBytes > 0 && this.heldBytes + sizeOf(message) > this.limits.queuedBytes) return false;
    if (ready && qos > 0 && !this.inflight.full && this.send(message)) return true;
    if (this.queued >= this.limits.queuedMessages) return false;
    this.enqueue(message, false);
    return true;
  }

  /** Remembers a SUBSCRIBE and sends it now or at the next CONNACK. False when there are too many. */
  subscribe(
    subscriptions: readonly Subscription[],
    done: ((error: Error | undefined, granted: readonly number[]) => void) | undefined,
  ): boolean {
    return this.request({ subscriptions, unsubscribe: false, id: 0, sent: 0, granted: false, done });
  }

  /** Forgets the filters and tells the server, now or at the next CONNACK. False when there are too many requests. */
  unsubscribe(topics: readonly string[], done: ((error: Error | undefined) => void) | undefined): boolean {
    const subscriptions = topics.map(topic => ({ topic, qos: 0 as const }));
    return this.request({ subscriptions, unsubscribe: true, id: 0, sent: 0, granted: false, done });
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
        return this.confirmed(packet.messageId!, 1);
      case "pubrec":
        return this.recorded(packet.messageId!);
      case "pubcomp":
        return this.confirmed(packet.messageId!, 2);
      case "pubrel":
        return this.released(packet.messageId!);
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
      const id = this.inflight.nextId(this.requests);
      const sent = request.unsubscribe
        ? this.sink.unsubscribe(
            id,
            request.subscriptions.map(subscription => subscription.topic),
          )
        : this.sink.subscribe(id, request.subscriptions);
      if (!sent) return false;
      request.id = id;
      request.sent = request.subscriptions.length;
    }
    return true;
  }

  private pumpResends(): boolean {
    while (this.resending && this.resendAt < this.inflight.count) {
      const message = this.inflight.at(this.resendAt)!;
      // The server lost its session, PUBREC and all: begin again, for a message may come twice but must not be lost.
      if (!this.resendDup) message.step = SENT;
      const sent = message.step === RELEASED ? this.sink.ack("pubrel", message.id) : this.put(message, this.resendDup);
      if (!sent) return false;
      this.resends++;
      this.resendAt++;
      if (this.streamed) return false;
    }
    this.resending = false;
    return true;
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

  // First PUBLISH of a message. It is registered before it is written: its acknowledgement cannot come too early.
  private send(message: Message): boolean {
    if (message.qos > 0) {
      message.id = this.inflight.nextId(this.requests);
      message.step = SENT;
      this.inflight.add(message);
      this.heldBytes += sizeOf(message);
    }
    if (!this.put(message, false)) {
      if (message.qos > 0) this.takeBack(message);
      return false;
    }
    if (message.qos === 0 && !this.streamed) this.settle(message);
    return true;
  }

  // There was no room for its first PUBLISH; it is the last one in flight.
  private takeBack(message: Message): void {
    this.release(message, this.inflight.count - 1);
    message.id = 0;
    message.step = QUEUED;
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

  private put(message: Message, dup: boolean): boolean {
    if (!this.sink.publish(message.topic, message.payload, message.qos, message.retain, dup, message.id)) return false;
    if (this.sink.streaming) {
      this.streamed = message;
      this.waits = true;
    }
    return true;
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
    if (packet.qos === 2) {
      const known = this.received.indexOf(packet.messageId!) >= 0;
      if (!known && this.received.length >= RECEIVED_LIMIT) {
        return this.listener.violation(`more than ${RECEIVED_LIMIT} unreleased QoS 2 messages`);
      }
      if (!known) {
        this.received.push(packet.messageId!);
        this.listener.message(packet);
      }
      return this.acknowledge("pubrec", packet.messageId!);
    }
    this.listener.message(packet);
    if (packet.qos === 1) this.acknowledge("puback", packet.messageId!);
  }

  // PUBREL of an id not known any more is answered all the same: its PUBCOMP was lost with the last connection.
  private released(id: number): void {
    const at = this.received.indexOf(id);
    if (at >= 0) this.received.splice(at, 1);
    this.acknowledge("pubcomp", id);
  }

  private acknowledge(type: AckType, id: number): void {
    // The callback may have ended the connection: the server will send the message again.
    if (!this.live || (!this.acks.length && this.sink.ack(type, id))) return;
    if (this.acks.length >= ACKS_LIMIT) return this.listener.violation("acknowledgements jammed");
    this.acks.push({ type, id });
    this.waits = true;
  }

  // PUBACK or PUBCOMP. One for an id not in flight is a repetition, and means nothing.
  private confirmed(id: number, qos: 1 | 2): void {
    const place = this.inflight.find(id);
    if (place < 0) return;
    const message = this.inflight.at(place)!;
    if (message.qos !== qos || (qos === 2 && message.step !== RELEASED)) {
      return this.listener.violation(`${qos === 1 ? "PUBACK" : "PUBCOMP"} out of turn for packet id ${id}`);
    }
    this.release(message, place);
    this.settle(message);
    if (this.head) this.pump();
  }

  // PUBREC. For an id not in flight the PUBCOMP came before a repetition: PUBREL lets the server finish.
  private recorded(id: number): void {
    const message = this.inflight.at(this.inflight.find(id));
    if (message && message.qos !== 2) return this.listener.violation(`PUBREC for QoS 1 packet id ${id}`);
    if (message) message.step = RELEASED;
    this.acknowledge("pubrel", id);
  }

  private request(request: Request): boolean {
    if (this.requests.length >= this.limits.subscriptions) return false;
    const forgotten = this.forget(request.subscriptions.map(one => one.topic));
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
    if (!request.unsubscribe && granted.length !== request.sent) {
      return this.listener.violation(`SUBACK with ${granted.length} codes for ${request.sent} filters`);
    }
    request.granted = true;
    request.id = 0;
    if (request.unsubscribe) this.requests.splice(this.requests.indexOf(request), 1);
    const done = request.done;
    request.done = undefined;
    this.listener.tell(done, undefined, granted);
  }
}
