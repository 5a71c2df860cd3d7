// Outgoing messages, from publish() until they are sent (QoS 0) or confirmed (QoS 1 and 2). A message waits in the outbox
// when it cannot leave at once, is in flight until its last acknowledgement, and is sent again after a reconnect.
// publish-states.ts says what each acknowledgement leads to. Bounds: those of outbox.ts and inflight.ts.

import { ConnectionException } from "../../errors.ts";
import type { Callbacks } from "../callbacks.ts";
import { qos2AsQos1, undeliverable } from "../failures.ts";
import type { Encoder } from "../wire/encoder.ts";
import { Inflight, type InflightLimits } from "./inflight.ts";
import type { Message, PublishCallback } from "./message.ts";
import type { MessageStore } from "./message-store.ts";
import { LEAST_RECORD_BYTES, Outbox, type OutboxLimits, recordBytes } from "./outbox.ts";
import { type PacketIdHolder, PacketIds } from "./packet-ids.ts";
import {
  type AckEvent,
  type Action,
  AWAITING_PUBACK,
  AWAITING_PUBCOMP,
  AWAITING_PUBREC,
  COMPLETE,
  COMPLETE_AS_QOS_1,
  type ConnackEvent,
  IGNORE,
  NOT_IN_FLIGHT,
  outgoingAction,
  RESEND_DUP,
  SEND_PUBREL,
  SESSION_LOST,
  SESSION_PRESENT,
  statePublished,
} from "./publish-states.ts";
import { Redeliveries } from "./redeliveries.ts";

export class Publisher implements PacketIdHolder {
  /** PUBLISH and PUBREL packets sent again; undefined: none. */
  resentCount: number | undefined;
  /** Messages given up with an error; undefined: none. */
  droppedCount: number | undefined;
  /** A message waits for room or its turn. False, online and outside pump(): none is queued, streaming or to be resent. */
  waiting = false;
  /** Of PUBLISH, and of SUBSCRIBE and UNSUBSCRIBE, which subscriptions.ts sends: one sequence for all. */
  readonly ids = new PacketIds();
  readonly encoder: Encoder;
  private readonly callbacks: Callbacks;
  readonly outbox: Outbox;
  readonly inflight: Inflight;
  private readonly store?: MessageStore;
  // What else holds packet identifiers.
  private readonly otherIds: PacketIdHolder;
  /** Between CONNACK 0 and the end of the connection. */
  online = false;
  // The next message in flight that has to be sent again on this connection.
  private resendNext: Message | undefined;
  private sessionPresent!: boolean;
  // The message whose payload the send buffer is still reading.
  private streamingMessage: Message | undefined;
  // pump() or a completion callback is running. What the callback publishes waits until it has returned: completions
  // never nest, or a chain of publish() calls in completions would overflow the stack.
  private busy = false;
  private redeliveries: Redeliveries | undefined;
  private qos1Reported: boolean | undefined;
  // Callbacks of dropped messages are running: what they publish must not drop more.
  private dropping: boolean | undefined;

  constructor(
    encoder: Encoder,
    callbacks: Callbacks,
    limits: OutboxLimits & InflightLimits,
    otherIds: PacketIdHolder,
    store?: MessageStore,
  ) {
    this.encoder = encoder;
    this.callbacks = callbacks;
    this.outbox = new Outbox(limits);
    this.inflight = new Inflight(limits);
    this.otherIds = otherIds;
    if (store) this.store = store;
  }

  /**
   * Takes over what a store held. Up to the in-flight limit, messages count as sent: they are sent again, with DUP where
   * the server kept the session.
   */
  restore(messages: readonly Message[]): void {
    for (let i = 0; i < messages.length; i++) {
      const message = messages[i]!;
      if (message.state === NOT_IN_FLIGHT && this.inflight.full) {
        const { topic, payload, qos, retain, id } = message;
        this.outbox.push(topic, payload, qos, retain, id, undefined);
      } else {
        if (message.state === NOT_IN_FLIGHT) message.state = statePublished(message.qos);
        this.inflight.push(message);
      }
    }
    if (messages.length) this.ids.startAfter(messages[messages.length - 1]!.id);
  }

  /** Packet identifiers in use by messages and by subscriptions. */
  freeIdsAfter(last: number): number {
    const { inflight, outbox, otherIds } = this;
    return Math.min(inflight.freeIdsAfter(last), outbox.freeIdsAfter(last), otherIds.freeIdsAfter(last));
  }

  /** True if every accepted message is sent (QoS 0) or confirmed. */
  get empty(): boolean {
    return this.outbox.count === 0 && !this.streamingMessage && this.inflight.count === 0;
  }

  /** CONNACK 0: what is in flight has to be sent again. */
  connected(sessionPresent: boolean): void {
    this.online = true;
    this.waiting = true;
    const { first } = this.inflight;
    if (!first) return;
    this.resendNext = first;
    this.sessionPresent = sessionPresent;
    // Now, not when they are sent: this connection may end before, and the next one may find the session that began here.
    for (let one: Message | undefined = first; !sessionPresent && one; one = one.next) {
      if (this.store && one.state === AWAITING_PUBCOMP) this.store.clearPubrecReceived(one.id);
      one.state = statePublished(one.qos);
    }
  }

  /** The connection ended. Messages stay. */
  disconnected(): void {
    this.online = false;
    if (this.resendNext) this.resendNext = undefined;
    const message = this.streamingMessage;
    const partly = message?.qos === 0 && this.encoder.buffer.streaming;
    // A message that is complete stays: the next pump() or clear() tells the application.
    if (message && (partly || message.state !== NOT_IN_FLIGHT)) this.streamingMessage = undefined;
    // A QoS 0 message of which only a part was sent goes out first on the next connection.
    if (partly) this.outbox.putBack(message);
  }

  /** Drops every message with `error`. Called after {@link disconnected}. */
  clear(error: Error): void {
    const dropped: (PublishCallback | undefined)[] = [];
    while (this.inflight.first) dropped.push(this.inflight.shift().done);
    while (this.outbox.count) dropped.push(this.outbox.shift().done);
    // Callbacks last: what they publish must not be dropped with the rest.
    this.completeStreamed();
    this.reportDropped(dropped, error);
  }

  /** Sends or queues a message. False, and nothing is kept, when the outbox or the store is full. */
  publish(
    topic: Uint8Array,
    payload: Uint8Array,
    qos: 0 | 1 | 2,
    retain: boolean,
    done: PublishCallback | undefined,
  ): boolean {
    const { encoder, outbox, inflight } = this;
    const overtakes = (this.waiting || this.busy) && (outbox.count > 0 || this.streamingMessage || this.resendNext);
    const direct = this.online && !overtakes;
    // Fast path: a QoS 0 message that leaves at once needs no Message.
    if (direct && qos === 0 && !(done && this.busy) && encoder.publish(topic, payload, 0, retain, false, 0)) {
      if (this.encoder.buffer.streaming) {
        this.trackStreaming({ topic, payload, qos, retain, id: 0, state: NOT_IN_FLIGHT, done, next: undefined });
      } else if (done) this.complete(done);
      return true;
    }
    const sendNow = direct && qos > 0 && !inflight.full;
    // Fast path: a message that leaves at once never becomes a record of the outbox.
    if (sendNow && !this.store && outbox.allowsInflight(inflight.bytes, topic.length + payload.length)) {
      if (this.send({ topic, payload, qos, retain, id: 0, state: NOT_IN_FLIGHT, done, next: undefined })) return true;
    }
    // queuedMessages does not apply to a message that is sent now, or as soon as the running callback returns.
    const size = recordBytes(topic, payload, qos);
    const fits = outbox.fits(size, inflight.bytes, sendNow || (direct && this.busy));
    if (!fits && (this.dropping || !outbox.canMakeRoom(size, inflight.bytes))) return false;
    const { store } = this;
    const id = store && qos > 0 ? this.ids.next(this) : 0; // a stored message keeps its identifier
    if (id && !store!.add(id, topic, payload, qos, retain)) return false;
    const dropped = fits ? undefined : outbox.makeRoom(size, inflight.bytes);
    if (!sendNow || !this.send({ topic, payload, qos, retain, id, state: NOT_IN_FLIGHT, done, next: undefined })) {
      outbox.push(topic, payload, qos, retain, id, done);
      this.waiting = true;
    }
    if (dropped) this.reportDropped(dropped, new ConnectionException("dropped: the outbox was full", "limit"));
    return true;
  }

  private reportDropped(dropped: readonly (PublishCallback | undefined)[], error: Error): void {
    const outer = this.dropping;
    this.dropping = true;
    this.droppedCount = (this.droppedCount ?? 0) + dropped.length;
    for (let i = 0; i < dropped.length; i++) this.callbacks.invoke(dropped[i], error, undefined);
    this.dropping = outer;
  }

  /** The oldest message that waits for an acknowledgement on this connection. */
  get oldestUnacknowledged(): Message | undefined {
    return this.resendNext || this.streamingMessage ? undefined : this.inflight.first;
  }

  /** The server closed the connection; see redeliveries.ts. */
  serverClosed(): void {
    const { first } = this.inflight;
    // A server that has sent PUBREC has the message.
    if (!first || first.state === AWAITING_PUBCOMP) {
      if (this.redeliveries) this.redeliveries = undefined;
      return;
    }
    if (!this.redeliveries) this.redeliveries = new Redeliveries(this.inflight.limits.redeliveries);
    const verdict = this.redeliveries.serverClosed(first.id);
    if (verdict === "none") return;
    const error = undeliverable(first.topic, first.id, this.redeliveries.closings);
    if (verdict === "drop") {
      this.inflight.remove(first);
      if (this.store) this.store.remove(first);
      this.reportDropped([first.done], error);
    }
    this.callbacks.error(error);
  }

  /** True if a message would be taken: it can be sent now, or the outbox has room. */
  get hasRoom(): boolean {
    const { outbox, inflight } = this;
    const sendable = !outbox.count && !inflight.full && !this.streamingMessage;
    return outbox.fits(LEAST_RECORD_BYTES, inflight.bytes, sendable);
  }

  /** Sends what waits while there is room. */
  pump(): void {
    if (!this.online || this.busy) return;
    this.busy = true;
    // Cleared before, not after: a callback may add something.
    this.waiting = false;
    if (!this.pumpAll()) this.waiting = true;
    this.busy = false;
  }

  private pumpAll(): boolean {
    if (this.encoder.buffer.streaming) return false;
    this.completeStreamed();
    return this.online && this.pumpResends() && this.pumpOutbox();
  }

  // The payload of the streaming message has left: tells the application, unless an acknowledgement is still to come.
  private completeStreamed(): void {
    const message = this.streamingMessage;
    if (!message) return;
    this.streamingMessage = undefined;
    if (message.state === NOT_IN_FLIGHT && message.done) this.complete(message.done);
  }

  private pumpResends(): boolean {
    while (this.resendNext) {
      if (!this.resend(this.resendNext, this.sessionPresent ? SESSION_PRESENT : SESSION_LOST)) return false;
      this.resendNext = this.resendNext.next;
      if (this.streamingMessage) return false;
    }
    return true;
  }

  /** Sends PUBLISH or PUBREL again. False when there is no room. */
  resend(message: Message, event: ConnackEvent): boolean {
    const { topic, payload, qos, retain, id, state } = message;
    const action = outgoingAction(state, event);
    const sent =
      action === SEND_PUBREL
        ? this.encoder.ack("pubrel", id)
        : this.encoder.publish(topic, payload, qos, retain, action === RESEND_DUP, id);
    if (!sent) return false;
    this.resentCount = (this.resentCount ?? 0) + 1;
    if (this.encoder.buffer.streaming) this.trackStreaming(message);
    return true;
  }

  private pumpOutbox(): boolean {
    const { outbox } = this;
    // A callback may publish, or end the connection: look again each time.
    while (outbox.count && this.online && !this.streamingMessage) {
      if (outbox.firstQos > 0 && this.inflight.full) return false;
      const message = outbox.shift();
      if (!this.send(message)) {
        outbox.putBack(message);
        return false;
      }
    }
    return outbox.count === 0 && !this.streamingMessage;
  }

  // First PUBLISH of a message. No acknowledgement arrives before this returns: transports do not call back from write().
  private send(message: Message): boolean {
    const { topic, payload, qos, retain } = message;
    const id = message.id || (qos > 0 ? this.ids.next(this) : 0);
    if (!this.encoder.publish(topic, payload, qos, retain, false, id)) return false;
    if (qos > 0) {
      message.id = id;
      message.state = qos === 1 ? AWAITING_PUBACK : AWAITING_PUBREC; // as statePublished(), without a call
      this.inflight.push(message);
    }
    if (this.encoder.buffer.streaming) this.trackStreaming(message);
    else if (qos === 0 && message.done) this.complete(message.done);
    return true;
  }

  // Tells the application that a message is sent (QoS 0) or confirmed.
  private complete(done: PublishCallback): void {
    const outer = this.busy;
    this.busy = true;
    this.callbacks.invoke(done, undefined, undefined);
    this.busy = outer;
    if (this.waiting) this.pump();
  }

  private trackStreaming(message: Message): void {
    this.streamingMessage = message;
    this.waiting = true;
  }

  /**
   * PUBACK, PUBREC or PUBCOMP for message `id`. Returns the action; the caller does its part of SEND_PUBREL,
   * PUBREL_FOR_UNKNOWN and PROTOCOL_ERROR.
   */
  acknowledged(id: number, event: AckEvent): Action {
    const message = this.inflight.get(id);
    const action = outgoingAction(message ? message.state : NOT_IN_FLIGHT, event);
    if (action === COMPLETE_AS_QOS_1 && !this.qos1Reported) {
      this.qos1Reported = true;
      this.callbacks.error(qos2AsQos1());
    }
    if (action === COMPLETE || action === COMPLETE_AS_QOS_1) this.confirm(message!);
    else if (action === SEND_PUBREL && !this.recordPubrec(message!)) return IGNORE;
    return action;
  }

  private confirm(message: Message): void {
    const waiting = this.waiting; // else nothing is resent and nothing streams
    if (waiting && message === this.resendNext) this.resendNext = message.next;
    this.inflight.remove(message);
    if (this.store) this.store.remove(message);
    // Its payload is being sent again, from the caller's bytes: completeStreamed() tells the application.
    if (waiting && message === this.streamingMessage && this.encoder.buffer.streaming) message.state = NOT_IN_FLIGHT;
    else if (message.done) this.complete(message.done);
    if (this.outbox.count) this.pump();
  }

  // Stored before PUBREL is sent, because PUBREL makes the server forget the packet identifier; a PUBLISH sent after that
  // would count as a new message. False if the store cannot keep that. Then PUBLISH is sent again after the acknowledgement timeout,
  // and the server repeats PUBREC.
  private recordPubrec(message: Message): boolean {
    const stored = message.state === AWAITING_PUBCOMP || !this.store || this.store.setPubrecReceived(message.id);
    if (stored) message.state = AWAITING_PUBCOMP;
    return stored;
  }
}
