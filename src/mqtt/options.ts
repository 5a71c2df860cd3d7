// Options of MqttClient: their meaning and their checks.

import { ConfigurationException } from "../errors.ts";
import type { TlsOptions } from "../ports.ts";
import { encodeUtf8 } from "../utf8.ts";
import { checkRange, checkSeconds } from "./checks.ts";
import { checkHosts, type HostSelection } from "./hosts.ts";
import { textFault, topicFault } from "./topic.ts";
import type { ConnectPacket } from "./wire/encoder.ts";

/** Bounds of what the client holds. Only `transmitBytes` is allocated ahead. */
export interface Limits {
  /** Largest packet received, header included, bytes; 128..268435460, default 8192. A larger message is skipped. */
  frameBytes?: number;
  /** Transmit buffer, bytes; 128..1048576, default 1024. Larger payloads are sent from the caller's bytes. */
  transmitBytes?: number;
  /** Messages of QoS 1 and 2 sent and not confirmed; 1..64000, default 10, which is the limit of WIoTP. */
  inflight?: number;
  /** Messages that wait to be sent; 0..1000000, default 100. */
  queuedMessages?: number;
  /**
   * Bytes of messages that wait (topic, payload, and 6 at QoS 0, 8 at QoS 1 and 2) or are not confirmed (topic, payload);
   * 0..268435456, default 7600. The buffer for messages that wait has this size; it is allocated when the first message
   * waits.
   */
  queuedBytes?: number;
  /** SUBSCRIBE requests, which are remembered, and unacknowledged UNSUBSCRIBE requests; 1..1000, default 16. */
  subscriptions?: number;
  /**
   * What happens when the outbox is full. false, the default: the new message is refused. true: the oldest waiting
   * messages of QoS 0 are dropped if that makes enough room; their callbacks get an error with code `limit`.
   */
  dropOldest?: boolean;
  /**
   * Closings of the connection by the server or the network, in a row, that a message of QoS 1 or 2 survives while it is the
   * oldest unconfirmed one; 0..1000, default 0: any number. At the next one it is dropped with an error `undeliverable`.
   */
  redeliveries?: number;
  /** JSON values (objects, arrays, texts, numbers) in one command; 1..1000000, default 1000. A command with more is refused. */
  values?: number;
}

export const DEFAULT_LIMITS: Readonly<Required<Limits>> = Object.freeze({
  frameBytes: 8192,
  transmitBytes: 1024,
  inflight: 10,
  queuedMessages: 100,
  queuedBytes: 7600,
  subscriptions: 16,
  dropOldest: false,
  redeliveries: 0,
  values: 1000,
});

/** A message that the server publishes when the connection breaks without DISCONNECT (MQTT 3.1.1, 3.1.2.5). */
export interface Will {
  topic: string;
  payload: Uint8Array | string;
  qos: 0 | 1 | 2;
  retain: boolean;
}

/** Where to connect: as {@link Endpoint}, but with one host or several. */
export interface ServerEndpoint {
  /**
   * DNS name or IP address, without scheme and without port; or 1..16 of them, as a list or as one text with commas. When an
   * attempt fails, also by CONNACK 3, the next attempt is for the next host; the first one follows the last one. A connection
   * that is lost is tried again on the same host first.
   */
  host: string | readonly string[];
  /** 1..65535, the same for all hosts. */
  port: number;
  tls?: TlsOptions;
}

export interface MqttOptions {
  endpoint: ServerEndpoint;
  /** 1..65535 bytes of UTF-8; may be empty only with `clean` (MQTT 3.1.1, 3.1.3.1). */
  clientId: string;
  username?: string;
  /** Kept as long as the client, for reconnecting; never part of an error text. */
  password?: string;
  /** CleanSession of CONNECT; default true. */
  clean?: boolean;
  /** Seconds, 0..65535; 0 switches it off; default 60. */
  keepAlive?: number;
  will?: Will;
  limits?: Limits;
  /** Seconds to wait for the transport, and then again for CONNACK; above 0, at most 65535; default 30, for CONNACK 10. */
  timeout?: number;
  /**
   * Seconds; above 0, at most 65535, default 20. The client looks at the oldest packet that is not acknowledged, at
   * intervals of at most this time and more than half of it. When it finds the same one twice, it sends it again, with the
   * same packet identifier; at the third time it ends the connection with code `timeout` and reconnects.
   */
  ackTimeout?: number;
  /**
   * Seconds, 2..120, default 2: the first back-off delay. The client waits between half of it and all of it, at random, and
   * doubles it after each failed attempt, up to 120 s.
   */
  reconnectDelay?: number;
}

/** Checked options, with defaults, as the connection keeps them. */
export interface ConnectionOptions extends HostSelection, ConnectPacket {
  /** For the transport, and then again for CONNACK; absent: the defaults. */
  timeoutMs?: number;
  reconnectDelayMs?: number;
}

const DEFAULT_KEEP_ALIVE_SECONDS = 60;
/** CONNECT without its strings: fixed header, protocol name and level, flags, keep-alive. */
const CONNECT_OVERHEAD = 15;

/**
 * The limits with their defaults, checked.
 * @param stored messages are kept in a store, where each has a packet identifier
 */
export function checkLimits(given: Limits | undefined, stored: boolean): Readonly<Required<Limits>> {
  if (!given && !stored) return DEFAULT_LIMITS;
  const limits: Required<Limits> = Object.assign({}, DEFAULT_LIMITS);
  const values: Record<string, unknown> = limits as never;
  for (const name in given) {
    const value = given[name as keyof Limits];
    if (value !== undefined) values[name] = value;
  }
  checkLimit(limits, "frameBytes", 128, 268435460);
  checkLimit(limits, "transmitBytes", 128, 1048576);
  checkLimit(limits, "inflight", 1, 64000); // the other packet identifiers are for subscriptions
  checkLimit(limits, "queuedMessages", 0, 1000000);
  checkLimit(limits, "queuedBytes", 0, 268435456);
  checkLimit(limits, "subscriptions", 1, 1000);
  checkLimit(limits, "redeliveries", 0, 1000);
  checkLimit(limits, "values", 1, 1000000);
  if (typeof limits.dropOldest !== "boolean")
    throw new ConfigurationException(`limits.dropOldest must be true or false, not ${limits.dropOldest}`);
  for (const name in limits) {
    if (!(name in DEFAULT_LIMITS)) throw new ConfigurationException(`Unknown option: limits.${name}`);
  }
  if (stored)
    checkRange("limits.inflight + queuedMessages with a store", limits.inflight + limits.queuedMessages, 1, 64000);
  return limits;
}

function checkLimit(limits: Limits, name: Exclude<keyof Limits, "dropOldest">, least: number, most: number): void {
  checkRange(`limits.${name}`, limits[name], least, most);
}

/**
 * Undefined: the default.
 * @throws ConfigurationException for a wrong `ackTimeout`
 */
export function ackTimeoutMs({ ackTimeout }: MqttOptions): number | undefined {
  return ackTimeout === undefined ? undefined : milliseconds("ackTimeout", ackTimeout);
}

function milliseconds(name: string, seconds: number): number {
  return Math.max(1, checkSeconds(name, seconds) * 1000);
}

export function checkQos(qos: number, name = "qos"): void {
  if (qos !== 0 && qos !== 1 && qos !== 2) throw new ConfigurationException(`${name} must be 0, 1 or 2, not ${qos}`);
}

/**
 * Refuses what mqtt-packet would refuse, and what it would send although the server must refuse it.
 * @throws ConfigurationException naming the option
 */
export function checkOptions(options: MqttOptions, transmitBytes: number): ConnectionOptions {
  const { endpoint, clientId, clean = true, keepAlive = DEFAULT_KEEP_ALIVE_SECONDS } = options;
  const { username, password, will, timeout, reconnectDelay } = options;
  const hosts = checkHosts("endpoint.host", endpoint?.host);
  checkRange("endpoint.port", endpoint.port, 1, 65535);
  checkRange("keepAlive", keepAlive, 0, 65535);
  if (!clientId && !clean) throw new ConfigurationException("clientId is empty"); // [MQTT-3.1.3-7]
  const checked: ConnectionOptions = {
    endpoint: Object.assign({}, endpoint, { host: hosts.shift()! }),
    clientId,
    clean,
    keepalive: keepAlive,
  };
  if (hosts.length) checked.otherHosts = hosts;
  let bytes = CONNECT_OVERHEAD + textBytes("clientId", clientId);
  if (username !== undefined) {
    bytes += textBytes("username", username);
    checked.username = username;
  }
  if (password !== undefined) {
    if (username === undefined) throw new ConfigurationException("password without username"); // [MQTT-3.1.2-22]
    bytes += fieldBytes("password", password);
    checked.password = password;
  }
  if (will) {
    bytes += willBytes(will);
    checked.will = { topic: will.topic, payload: will.payload, qos: will.qos, retain: will.retain };
  }
  if (bytes > transmitBytes) {
    throw new ConfigurationException(
      `CONNECT needs up to ${bytes} bytes, limits.transmitBytes is ${transmitBytes}`,
      "limit",
    );
  }
  if (timeout !== undefined) checked.timeoutMs = milliseconds("timeout", timeout);
  if (reconnectDelay !== undefined)
    checked.reconnectDelayMs = checkSeconds("reconnectDelay", reconnectDelay, true) * 1000;
  return checked;
}

function willBytes({ topic, payload, qos }: Will): number {
  const fault = topicFault(topic, false);
  if (fault) throw new ConfigurationException(`will.topic ${fault}`);
  checkQos(qos, "will.qos");
  return fieldBytes("will.topic", topic) + fieldBytes("will.payload", payload);
}

function textBytes(name: string, value: unknown): number {
  const fault = typeof value === "string" ? textFault(value) : "is not a string";
  if (fault) throw new ConfigurationException(`${name} ${fault}`);
  return fieldBytes(name, value);
}

/** Bytes that a string or bytes take in a packet. Error texts never contain the value: it may be a password. */
export function fieldBytes(name: string, value: unknown): number {
  if (typeof value !== "string" && !(value instanceof Uint8Array)) {
    throw new ConfigurationException(`${name} is neither a string nor a Uint8Array`);
  }
  const length = typeof value === "string" ? encodeUtf8(value).length : value.length;
  if (length > 65535) throw new ConfigurationException(`${name} of ${length} bytes, limit 65535`, "limit");
  return length + 2;
}
