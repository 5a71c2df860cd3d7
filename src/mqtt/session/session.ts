// MQTT 3.1.1 between CONNACK and the end of a connection, and what outlives the connection: outgoing messages
// (publisher.ts), received packet identifiers (received.ts), subscriptions (subscriptions.ts). With a store
// (message-store.ts) the first two outlive a restart. No sockets, no clock, no topics of the platform, no payload formats.
//
// When the encoder has no room, packets wait and pump() sends them in this order: acknowledgements and PINGREQ, SUBSCRIBE
// and UNSUBSCRIBE, messages of the last connection, the outbox. Each part owns its bound.

import type { Callbacks } from "../callbacks.ts";
import type { Packet } from "../wire/decoder.ts";
import type { AckType, Encoder, Subscription } from "../wire/encoder.ts";
import { AckDeadline } from "./ack-deadline.ts";
import { WaitingAcknowledgements } from "./acknowledgements.ts";
import type { InflightLimits } from "./inflight.ts";
import type { MessageStore } from "./message-store.ts";
import type { OutboxLimits } from "./outbox.ts";
import {
  type AckEvent,
  NOT_IN_FLIGHT,
  PROTOCOL_ERROR,
  PUBACK,
  PUBCOMP,
  PUBREC,
  PUBREL_FOR_UNKNOWN,
  SEND_PUBREL,
  SESSION_PRESENT,
} from "./publish-states.ts";
import { Publisher } from "./publisher.ts";
import { ReceivedIds } from "./received.ts";
import { type SubscribeCallback, Subscriptions } from "./subscriptions.ts";

export interface SessionLimits extends OutboxLimits, InflightLimits {
  /** Most SUBSCRIBE and UNSUBSCRIBE requests, remembered ones included. */
  subscriptions: number;
}

export class Session {
  private readonly callbacks: Callbacks;
  private readonly store?: MessageStore;
  readonly publisher: Publisher;
  // Absent until an identifier is known.
  private received: ReceivedIds | undefined;
  private readonly subscriptions: Subscriptions;
  // Absent while neither an acknowledgement nor PINGREQ waits for room.
  private acknowledgements: WaitingAcknowledgements | undefined;
  private ackDeadline: AckDeadline | undefined;
  // CONNECT packets since the last CONNACK 0.
  private connectAttempts = 0;

  /** @param store holds messages over a restart; {@link restore} reads them */
  constructor(encoder: Encoder, callbacks: Callbacks, limits: SessionLimits, store?: MessageStore) {
    this.callbacks = callbacks;
    if (store) this.store = store;
    this.subscriptions = new Subscriptions(limits.subscriptions, callbacks);
    this.publisher = new Publisher(encoder, callbacks, limits, this.subscriptions, store);
  }

  /**
   * A server that keeps sessions may remember packet identifiers from before a restart of this device, and take a new
   * message for a retransmission. A random start makes that unlikely.
   * @param random uniform in [0, 1)
   */
  randomizeIds(random: number): void {
    this.publisher.ids.startAfter(Math.floor(random * 65535));
  }

  /** Takes over what the store holds, once. Its errors are reported by {@link reportStoreErrors}. */
  restore(): void {
    if (!this.store) return;
    const receivedIds: number[] = [];
    this.publisher.restore(this.store.load(receivedIds));
    if (receivedIds.length) this.receivedIds().restore(receivedIds);
  }

  /** Call it when errorCallback may publish, that is after {@link restore}. */
  reportStoreErrors(): void {
    if (this.store) this.store.reportErrors();
  }

  /** CONNECT is sent. */
  connecting(): void {
    this.connectAttempts++;
  }

  /**
   * CONNACK 0. Session present: messages in flight are sent again with DUP [MQTT-4.4.0-1]. Session absent: the client
   * subscribes again and publishes messages in flight as first attempts, because the server has lost them.
   *
   * If the CONNECT before got no answer, the server may have made the session then, and this CONNACK cannot tell. So the
   * client subscribes again although the session is present. Everything else goes on as with the old session. If that
   * session was a new one, a message of QoS 2 that awaits PUBCOMP is lost, because it must not be published again
   * [MQTT-4.3.3-1], and a new one with a packet identifier that is still known here is not delivered.
   */
  connected(sessionPresent: boolean): void {
    if (this.received) this.received.connected(sessionPresent);
    this.subscriptions.connected(sessionPresent && this.connectAttempts < 2);
    this.publisher.connected(sessionPresent);
    this.connectAttempts = 0;
    this.pump();
  }

  /** The connection ended: forgets what belongs to the connection, keeps messages. */
  disconnected(): void {
    if (this.ackDeadline) this.ackDeadline = undefined; // what is unacknowledged is sent again on the next connection
    if (this.acknowledgements) this.acknowledgements = undefined; // the server sends unacknowledged packets again
    this.publisher.disconnected();
  }

  /**
   * Remembers a SUBSCRIBE and sends it now or at the next CONNACK. False when there are too many and
   * it replaces none of them as a whole.
   */
  subscribe(subscriptions: readonly Subscription[], done: SubscribeCallback | undefined): boolean {
    return this.request(subscriptions, false, done);
  }

  /** Forgets the filters and tells the server, now or at the next CONNACK. False as for {@link subscribe}. */
  unsubscribe(topics: readonly string[], done: SubscribeCallback | undefined): boolean {
    const subscriptions: Subscription[] = [];
    for (let i = 0; i < topics.length; i++) subscriptions.push({ topic: topics[i]!, qos: 0 });
    return this.request(subscriptions, true, done);
  }

  private request(subscriptions: readonly Subscription[], unsubscribe: boolean, done?: SubscribeCallback): boolean {
    const replaced = this.subscriptions.add(subscriptions, unsubscribe, done);
    if (!replaced) return false;
    this.pump();
    this.subscriptions.reportReplaced(replaced);
    return true;
  }

  /** Sends PINGREQ as soon as there is room. */
  ping(): void {
    this.waitingAcknowledgements().addPing();
    this.pump();
  }

  /** True while the server owes an acknowledgement. */
  get awaitsAcknowledgement(): boolean {
    return this.publisher.inflight.count > 0 || this.subscriptions.oldestUnacknowledged !== undefined;
  }

  /**
   * Call it once per acknowledgement timeout. The oldest packet that has waited since the last call is sent again, once;
   * requests come before messages. False if it has waited for another call after that: the connection is of no use.
   */
  checkAcknowledgements(): boolean {
    const request = this.subscriptions.oldestUnacknowledged;
    const message = request ? undefined : this.publisher.oldestUnacknowledged;
    if (!this.ackDeadline) this.ackDeadline = new AckDeadline();
    const oldest = request ?? message;
    const verdict = this.ackDeadline.check(oldest ? oldest.id : 0, message ? message.state : NOT_IN_FLIGHT);
    if (verdict === "resend") {
      if (request) this.subscriptions.resend(request, this.publisher);
      // The server still has the session: as after CONNACK.
      else this.publisher.resend(message!, SESSION_PRESENT);
    }
    return verdict !== "dead";
  }

  /** Sends what waits. Called when there may be room again, or something was added. */
  pump(): void {
    if (!this.publisher.online) return;
    if (this.acknowledgements && !this.pumpAcknowledgements()) return;
    if (this.subscriptions.waiting && !this.subscriptions.pump(this.publisher)) return;
    if (this.publisher.waiting) this.publisher.pump();
  }

  /** A packet from the server, other than CONNACK. Returns what is wrong with it, else "". */
  packet(packet: Packet): string {
    switch (packet.cmd) {
      case "publish":
        return this.onPublish(packet);
      case "puback":
        return this.onAcknowledgement(packet, PUBACK);
      case "pubrec":
        return this.onAcknowledgement(packet, PUBREC);
      case "pubcomp":
        return this.onAcknowledgement(packet, PUBCOMP);
      case "pubrel":
        // Otherwise the server sends PUBREL again on the next connection.
        return !this.received || this.received.release(packet.messageId!)
          ? this.acknowledge("pubcomp", packet.messageId!)
          : "";
      case "suback":
      case "unsuback":
        return this.subscriptions.onAcknowledgement(packet);
      case "pingresp":
        return "";
      default:
        return `unexpected ${packet.cmd}`;
    }
  }

  private onPublish(packet: Packet): string {
    if (packet.qos === 2) return this.onQos2(packet);
    this.callbacks.message(packet);
    return packet.qos === 1 ? this.acknowledge("puback", packet.messageId!) : "";
  }

  private onQos2(packet: Packet): string {
    const id = packet.messageId!;
    // A known message is acknowledged again and not delivered again [MQTT-4.3.3-2].
    const received = this.receivedIds();
    if (received.receive(id)) {
      this.callbacks.message(packet);
      // Not before: after a crash in the callback the message is delivered again instead of lost.
      received.delivered(id);
    }
    return this.acknowledge("pubrec", id);
  }

  // PUBACK, PUBREC or PUBCOMP.
  private onAcknowledgement(packet: Packet, event: AckEvent): string {
    const id = packet.messageId!;
    const action = this.publisher.acknowledged(id, event);
    if (action === SEND_PUBREL || action === PUBREL_FOR_UNKNOWN) return this.acknowledge("pubrel", id);
    return action === PROTOCOL_ERROR ? `unexpected ${packet.cmd} for packet identifier ${id}` : "";
  }

  private acknowledge(type: AckType, id: number): string {
    // If a callback ended the connection, the server sends the message again.
    if (!this.publisher.online) return "";
    if (!this.acknowledgements || this.pumpAcknowledgements()) {
      if (this.publisher.encoder.ack(type, id)) return "";
    }
    return this.waitingAcknowledgements().add(type, id);
  }

  // True if nothing waits any more.
  private pumpAcknowledgements(): boolean {
    if (this.acknowledgements!.pump(this.publisher.encoder)) this.acknowledgements = undefined;
    return !this.acknowledgements;
  }

  // Made on demand, as receivedIds().
  private waitingAcknowledgements(): WaitingAcknowledgements {
    if (!this.acknowledgements) this.acknowledgements = new WaitingAcknowledgements();
    return this.acknowledgements;
  }

  private receivedIds(): ReceivedIds {
    if (!this.received) this.received = new ReceivedIds(this.store);
    return this.received;
  }
}
