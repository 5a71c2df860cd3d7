// The only hole to the outside. Whatever an engine offers (Node sockets that push, ECMA-419 sockets that are read from,
// Espruino sockets that carry strings), an adapter makes these few shapes of it. Types only: nothing here costs a byte.

/** Where to connect. TLS when `tls` is present. */
export interface Endpoint {
  /** DNS name or address literal. */
  host: string;
  /** 1..65535. */
  port: number;
  tls?: TlsOptions;
}

/** PEM text, or PEM or DER bytes, as the engine's TLS takes them; never paths. */
export interface TlsOptions {
  /** Certificate authorities to trust instead of the engine's own. */
  ca?: string | Uint8Array;
  /** Client certificate and its private key. */
  cert?: string | Uint8Array;
  key?: string | Uint8Array;
  /** Name for SNI and for checking the certificate; `host` when absent. */
  serverName?: string;
}

/** One byte stream. Made by {@link Ports.open}; used until `close` is called or the listener's `closed` came. */
export interface Transport {
  /** How many bytes `write` takes now. 0 until `opened`, and while the engine's own buffer is full. */
  readonly writable: number;
  /**
   * Hands over all of `bytes`; the caller never passes more than `writable`.
   * The bytes are the caller's again when `write` returns.
   */
  write(bytes: Uint8Array): void;
  /** Sends what was written, then ends the stream. The listener is not called again. Further calls do nothing. */
  close(): void;
}

/** What a transport tells its owner. Never called from inside `open`, `write` or `close`. */
export interface TransportListener {
  /** The stream is up (TLS handshake included); `writable` is above 0. Once. */
  opened(): void;
  /** Bytes arrived. `bytes` may be reused by the adapter as soon as this returns. */
  received(bytes: Uint8Array): void;
  /** There is room again after `writable` was smaller than the caller wanted. */
  writableAgain(): void;
  /** The stream ended or never came up; `reason` is for people. Once, and last. */
  closed(reason?: string): void;
}

/** One deadline, owned by one client. */
export interface Timer {
  /** Calls back once, `delayMs` (0..2^31-1) from now; replaces a deadline set before. */
  set(delayMs: number): void;
  /** No call back until the next `set`. */
  clear(): void;
}

export interface Clock {
  /** Monotonic milliseconds. Only differences count; it may wrap at 2^32. */
  now(): number;
  /** Wall time, milliseconds since 1970 UTC; for timestamps only. */
  date(): number;
  timer(due: () => void): Timer;
}

/**
 * Small records that outlive a restart of the device: NVS entries on a chip, files on a PC. A client keeps in it its
 * messages of QoS 1 and 2 from the moment `publish` returns true until they are confirmed, and packet ids of incoming
 * QoS 2 messages until the server releases them. No transactions: each call is whole or did not happen, and the client
 * makes its calls in an order that a power cut between any two of them does not harm.
 *
 * A store belongs to one client, the same in every life: two clients, or two client ids one after the other, would take
 * each other's messages for their own.
 */
export interface Store {
  /** All keys, in any order. Called once, by the first connect(). */
  keys(): string[];
  /** undefined: there is none. Throws when it is there and damaged. */
  get(key: string): Uint8Array | undefined;
  /**
   * Adds or replaces. Kept for good when it returns; throws when it cannot be. `key` is a letter and a packet id, at most
   * 6 characters; `value` a topic, a payload and 7 bytes more, or nothing. The bytes are the caller's again afterwards.
   */
  set(key: string, value: Uint8Array): void;
  /** Nothing happens when there is none. */
  remove(key: string): void;
}

/** Everything a client needs of its engine. One set of ports may serve several clients, but for `store`. */
export interface Ports {
  /** Starts connecting; success or failure is told to `listener`. Throws only if `endpoint` can never work. */
  open(endpoint: Endpoint, listener: TransportListener): Transport;
  clock: Clock;
  /** Uniform in [0, 1); spreads reconnects and makes Quickstart ids. Not used for secrets. */
  random(): number;
  /**
   * What this device is called where its options do not say (Quickstart): 1..36 of A-Z a-z 0-9 - _ ., the same as long
   * as the process lives or, better, the hardware. Absent: each client makes an id of its own.
   */
  serial?: string;
  /** Where messages of QoS 1 and 2 survive a restart. Absent: they are kept in memory only. */
  store?: Store;
}
