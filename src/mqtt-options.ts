// What MqttClient can be told, with every default, and the checks of it. Nothing else.

import { ConfigurationException } from "./errors.ts";
import type { Endpoint } from "./ports.ts";
import { textFault, topicFault } from "./topic.ts";
import { encodeTopic } from "./wire/packet.ts";

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

/** For the connection, then for CONNACK. */
export const TIMEOUT_MS = 30_000;
/** CONNECT's fixed header, protocol name and level, flags, keep-alive. */
const CONNECT_OVERHEAD = 15;

const RANGES: readonly (readonly [Exclude<keyof Limits, "dropOldest">, number, number])[] = Object.freeze([
  Object.freeze(["frameBytes", 128, 268435460] as const),
  Object.freeze(["transmitBytes", 128, 1048576] as const),
  Object.freeze(["inflight", 1, 64000] as const), // packet ids are left for the subscriptions
  Object.freeze(["queuedMessages", 0, 1000000] as const),
  Object.freeze(["queuedBytes", 0, 268435456] as const),
  Object.freeze(["subscriptions", 1, 1000] as const),
]);

export function checkLimits(limits: Required<Limits>): void {
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

export function checkRange(name: string, value: number, least: number, most: number): void {
  if (typeof value !== "number" || value % 1 !== 0 || value < least || value > most) {
    throw new ConfigurationException(`${name} must be a whole number ${least}..${most}, not ${value}`);
  }
}

export function checkQos(qos: number): void {
  if (qos !== 0 && qos !== 1 && qos !== 2) throw new ConfigurationException(`qos must be 0, 1 or 2, not ${qos}`);
}

// Everything mqtt-packet would refuse, or would send though the server must refuse it.
export function checkOptions(options: MqttOptions, transmitBytes: number): void {
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
export function fieldBytes(name: string, value: unknown): number {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) {
    throw new ConfigurationException(`${name} is neither a string nor a Uint8Array`);
  }
  const length = typeof value === "string" ? encodeTopic(value).length : value.length;
  if (length > 65535) throw new ConfigurationException(`${name} of ${length} bytes, limit 65535`, "limit");
  return length + 2;
}
