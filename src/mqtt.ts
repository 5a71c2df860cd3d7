// MqttClient: for brokers with topics of any kind. Checks what it is given and passes on what comes; the rest is in
// abstract-client.ts. No topics of the platform, no payload formats.

import { AbstractClient } from "./abstract-client.ts";
import { ConfigurationException, type ConnectionException } from "./errors.ts";
import { checkQos, fieldBytes } from "./mqtt-options.ts";
import { topicFault } from "./topic.ts";
import { encodeTopic, type Packet, type Subscription } from "./wire/packet.ts";

/** A message from the server. */
export interface MqttMessage {
  topic: string;
  /** Valid until the callback returns; copy what is to be kept. */
  payload: Uint8Array;
  qos: 0 | 1 | 2;
  retain: boolean;
  dup: boolean;
}

/** Largest remaining length (MQTT 3.1.1, 2.2.3) without the topic's length and a packet id. */
const MOST_PAYLOAD = 268435455 - 4;

export class MqttClient extends AbstractClient {
  /** CONNACK 0 came; `sessionPresent` as the server says. */
  connectedCallback: ((sessionPresent: boolean) => void) | undefined;
  /** A connection ended, or an attempt failed. `retryMs`: when the next attempt begins; -1: never, until connect(). */
  disconnectedCallback: ((reason: ConnectionException | undefined, retryMs: number) => void) | undefined;
  messageCallback: ((message: MqttMessage) => void) | undefined;
  /** A message was larger than `frameBytes`; it is acknowledged and gone. `size` is the whole packet's, in bytes. */
  oversizeCallback: ((topic: string, size: number) => void) | undefined;

  /**
   * Sends a message, or queues it while there is no connection. A payload that does not fit the transmit buffer, and any
   * payload of QoS 1 or 2, is read until `done` is called, and must not change before.
   * @param done called once: at QoS 0 when handed to the transport, else when confirmed; with an error when dropped
   * @returns false when the outbox is full, or the store cannot keep the message (errorCallback is told why); nothing is
   * kept and `done` is not called. true at QoS 1 or 2 with a store: the message survives a restart from now on
   * @throws ConnectionException `not-connected` before connect() and after disconnect(); ConfigurationException for a
   * topic, payload or QoS that cannot be sent
   */
  publish(
    topic: string,
    payload: Uint8Array,
    qos: 0 | 1 | 2 = 0,
    retain = false,
    done?: (error?: Error) => void,
  ): boolean {
    return this.send(this.checked(topic, payload, qos), payload, qos, retain, done);
  }

  /**
   * Subscribes now or at the next CONNACK, and again whenever the server has lost the session. `done` gets the granted
   * QoS of each filter, 128 for a refused one [MQTT-3.9.3-2]; of those refused later, or without `done`, errorCallback
   * hears. A filter named before is subscribed anew and remembered once.
   * @returns false when `limits.subscriptions` requests are remembered already, and this one takes the place of none
   */
  subscribe(
    subscriptions: readonly Subscription[],
    done?: (error: Error | undefined, granted: readonly number[]) => void,
  ): boolean {
    for (let i = 0; i < subscriptions.length; i++) checkQos(subscriptions[i]!.qos);
    this.checkFilters(subscriptions.map(one => one.topic));
    // Copies: they are sent again, and SUBACK has to have as many codes.
    const remembered = subscriptions.map(({ topic, qos }) => ({ topic, qos }));
    return this.session.subscribe(remembered, done);
  }

  /** Forgets filters and tells the server. `done` is called when it has confirmed. @returns as `subscribe` */
  unsubscribe(topics: readonly string[], done?: (error: Error | undefined) => void): boolean {
    this.checkFilters(topics);
    return this.session.unsubscribe(topics, done);
  }

  /** @internal */
  protected override onConnected(sessionPresent: boolean): void {
    this.tell(this.connectedCallback, sessionPresent, undefined);
  }

  /** @internal */
  protected override onDisconnected(reason: ConnectionException | undefined, retryMs: number): void {
    this.tell(this.disconnectedCallback, reason, retryMs);
  }

  /** @internal */
  protected override onMessage(packet: Packet): void {
    this.messageCallback?.(packet as MqttMessage);
  }

  /** @internal */
  protected override onOversize(topic: string, size: number): void {
    this.oversizeCallback?.(topic, size);
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
    const transmitBytes = this.writer.buffer.length;
    let bytes = 7;
    for (let i = 0; i < topics.length; i++) {
      const fault = topicFault(topics[i], true);
      if (fault) throw new ConfigurationException(`filter ${fault}`);
      bytes += fieldBytes("filter", topics[i]) + 1;
    }
    if (!topics.length || bytes > transmitBytes) {
      throw new ConfigurationException(
        `${topics.length} filters of ${bytes} bytes, limits.transmitBytes is ${transmitBytes}`,
        "limit",
      );
    }
  }
}
