// MqttClient: MQTT 3.1.1 for any broker and any topics. Checks arguments and passes messages on; connection.ts does the
// rest. Nothing of the platform, no payload formats.

import { ConfigurationException } from "../errors.ts";
import type { Ports } from "../ports.ts";
import { encodeUtf8 } from "../utf8.ts";
import { BaseClient } from "./base-client.ts";
import type { MessageReceiver } from "./callbacks.ts";
import { checkQos, fieldBytes, type MqttOptions } from "./options.ts";
import type { PublishCallback } from "./session/message.ts";
import type { SubscribeCallback } from "./session/subscriptions.ts";
import { topicFault } from "./topic.ts";
import type { Packet } from "./wire/decoder.ts";
import type { Subscription } from "./wire/encoder.ts";

/** A message from the server. */
export interface MqttMessage {
  topic: string;
  /** Valid until the callback returns; copy what is needed longer. */
  payload: Uint8Array;
  qos: 0 | 1 | 2;
  retain: boolean;
  dup: boolean;
}

/** Largest remaining length (MQTT 3.1.1, 2.2.3) without the topic's length and a packet identifier. */
const MAX_PAYLOAD = 268435455 - 4;
/** SUBSCRIBE without its filters: fixed header and packet identifier. */
const SUBSCRIBE_OVERHEAD = 7;

export class MqttClient extends BaseClient {
  /** A message was received. It is acknowledged when the callback returns. */
  messageCallback: ((message: MqttMessage) => void) | undefined;
  /** A message was larger than `limits.frameBytes`; it is acknowledged and dropped. `size`: bytes of the whole packet. */
  oversizeCallback: ((topic: string, size: number) => void) | undefined;

  /**
   * @param options see {@link MqttOptions}; copied
   * @param ports the engine's sockets, clock and randomness; each engine's entry of the package has defaults
   * @throws ConfigurationException naming the wrong option; nothing is sent before connect()
   */
  constructor(options: MqttOptions, ports: Ports) {
    const delivery = new MessageDelivery();
    super(options, ports, delivery);
    delivery.client = this;
  }

  /**
   * Sends a message, or queues it while there is no connection.
   * @param payload must not change until `done` is called
   * @param done called once, and never inside another `done`: without an error when the message is in the transmit
   * buffer (QoS 0; it is lost if the connection ends before the transport takes it) or confirmed (QoS 1, 2), with an error
   * when it is dropped; only a message that `limits.dropOldest` or `limits.redeliveries` drops is
   * reported at once
   * @returns true when accepted; at QoS 1 and 2 with a store, the message survives a restart from now on. false when the
   * outbox or the store is full, after disconnect() and after a refusal: nothing is kept and `done` is not called
   * @throws ConnectionException `not-connected` before the first connect(); ConfigurationException for a topic, payload or
   * QoS that cannot be sent
   */
  publish(topic: string, payload: Uint8Array, qos: 0 | 1 | 2 = 0, retain = false, done?: PublishCallback): boolean {
    const { connection } = this;
    return connection.publish(
      checkedTopic(topic, payload, qos, connection.link.encoder.topicLimit),
      payload,
      qos,
      retain,
      done,
    );
  }

  /**
   * Subscribes now or at the next CONNACK, and again whenever the server has lost the session. A later request for a filter
   * replaces the earlier one.
   * @param done gets the granted QoS of each filter, 128 for a refused one [MQTT-3.9.3-2]. Filters that a later request
   * replaced before SUBSCRIBE was sent are not among them. Refusals that arrive later, and all refusals without `done`, go
   * to errorCallback
   * @returns false when `limits.subscriptions` requests are remembered and this one replaces none of them as a
   * whole
   * @throws ConfigurationException for a filter or QoS that cannot be sent
   */
  subscribe(subscriptions: readonly Subscription[], done?: SubscribeCallback): boolean {
    checkArray(subscriptions);
    const topics: string[] = [];
    const remembered: Subscription[] = []; // a copy, because they are sent again
    for (let i = 0; i < subscriptions.length; i++) {
      const { topic, qos } = subscriptions[i]!;
      checkQos(qos);
      topics.push(topic);
      remembered.push({ topic, qos });
    }
    checkFilters(topics, this.connection.link.buffer.size);
    return this.connection.session.subscribe(remembered, done);
  }

  /**
   * Forgets filters and tells the server.
   * @param done called when the server has confirmed, or with an error when a later request replaces this one
   * @returns and @throws as {@link subscribe}
   */
  unsubscribe(topics: readonly string[], done?: (error: Error | undefined) => void): boolean {
    checkArray(topics);
    checkFilters(topics, this.connection.link.buffer.size);
    return this.connection.session.unsubscribe(topics, done);
  }
}

/** Hands messages to the callbacks of the client. */
class MessageDelivery implements MessageReceiver {
  client!: MqttClient;

  receive({ topic, payload, qos, retain, dup, oversize }: Packet): void {
    if (oversize) this.client.oversizeCallback?.(topic!, oversize);
    else this.client.messageCallback?.({ topic: topic!, payload: payload!, qos, retain, dup });
  }
}

/** The topic as bytes. */
function checkedTopic(text: string, payload: Uint8Array, qos: number, limit: number): Uint8Array {
  checkQos(qos);
  const fault = topicFault(text, false);
  if (fault) throw new ConfigurationException(`topic ${fault}`);
  const topic = encodeUtf8(text);
  if (topic.length > limit) throw new ConfigurationException(`topic of ${topic.length} bytes, limit ${limit}`, "limit");
  if (!(payload instanceof Uint8Array)) throw new ConfigurationException("payload is not a Uint8Array");
  if (payload.length > MAX_PAYLOAD - topic.length) {
    throw new ConfigurationException(`payload of ${payload.length} bytes`, "limit");
  }
  return topic;
}

function checkArray(filters: unknown): void {
  if (!Array.isArray(filters)) throw new ConfigurationException(`filters must be an array, not ${filters}`);
}

function checkFilters(topics: readonly string[], transmitBytes: number): void {
  let bytes = SUBSCRIBE_OVERHEAD;
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
