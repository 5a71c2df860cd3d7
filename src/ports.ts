// The interface to an engine. An adapter in targets/ maps the engine's sockets, timers and storage to these types: Node's
// sockets that push bytes, ECMA-419 sockets that are read from, Espruino's sockets that carry strings. Types only: nothing
// here costs a byte.

/** Where to connect. With `tls` the stream is encrypted, without it is not. */
export interface Endpoint {
  /** DNS name or IP address, without scheme and without port. */
  host: string;
  /** 1..65535. */
  port: number;
  tls?: TlsOptions;
}

/** Certificates and keys are PEM text, or PEM or DER bytes; never paths. */
export interface TlsOptions {
  /** Certificate authorities to trust instead of those of the engine. */
  ca?: string | Uint8Array;
  /** Client certificate; on Node it may be followed by its chain. */
  cert?: string | Uint8Array;
  /** Private key of `cert`. */
  key?: string | Uint8Array;
  /** Passphrase of an encrypted `key`. Node only. */
  passphrase?: string;
  /** Name for SNI and for checking the certificate of the server. Default: the host. */
  serverName?: string;
}

/**
 * One byte stream. Made by {@link Ports.open}; used until `close` is called. After the
 * listener's `closed`, `writable` is 0, and `close` still calls its callback.
 */
export interface Transport {
  /** Number of bytes that `write` accepts now. 0 before `opened` and while the engine's own buffer is full. */
  readonly writable: number;
  /**
   * Accepts all of `bytes`; the caller never passes more than `writable`. The caller may reuse the bytes when `write` has
   * returned.
   */
  write(bytes: Uint8Array): void;
  /**
   * Sends what was written, then ends the stream. The listener is not called again. Further calls do nothing.
   * @param closed called once when the last byte is sent and the stream is closed, or when that has failed
   */
  close(closed?: () => void): void;
}

/** Callbacks of a transport. Never called from inside `open`, `write` or `close`. */
export interface TransportListener {
  /** The stream is up, TLS handshake included; `writable` is above 0. Called once. */
  opened(): void;
  /** Bytes arrived. The adapter may reuse `bytes` when this has returned. */
  received(bytes: Uint8Array): void;
  /** There is room again after `writable` was smaller than the caller wanted. */
  writableAgain(): void;
  /** The stream ended or did not come up; `reason` is a text for people. Called once, as the last callback. */
  closed(reason?: string): void;
}

/** One deadline. Each client has one timer. */
export interface Timer {
  /** Calls back once, `delayMs` milliseconds (0..2^31-1) from now. Replaces a deadline set before. */
  set(delayMs: number): void;
  /** Cancels the deadline. */
  clear(): void;
}

export interface Clock {
  /** Monotonic milliseconds. Only differences count; the value may wrap at 2^32. */
  now(): number;
  /** Wall time in milliseconds since 1970 UTC; used for timestamps only. */
  date(): number;
  /** Returns a timer that calls `due`. */
  timer(due: () => void): Timer;
}

/**
 * Small records that survive a restart of the device: NVS entries on a chip, files on a PC. A client keeps in it each
 * message of QoS 1 and 2 from the moment `publish` returns true until the server confirms it, and each packet id of an
 * incoming QoS 2 message until the server releases it. There are no transactions: each call happens as a whole or not at
 * all, and the client orders its calls so that a power failure between any two of them is harmless.
 *
 * A store belongs to one client with one client id. Two clients that share a store send each other's messages.
 */
export interface Store {
  /**
   * All keys, in any order. Called by the first connect(). If it throws, the client reports it, accepts QoS 0 only, and
   * calls it again in the first connect() after a disconnect().
   */
  keys(): string[];
  /** Returns undefined if there is no such entry. Throws if the entry is damaged. */
  get(key: string): Uint8Array | undefined;
  /**
   * Adds or replaces an entry. The entry is durable when `set` returns; `set` throws if it cannot store it. `key` is a
   * letter and a packet id, at most 6 characters. `value` is empty, or a topic, a payload and 7 bytes more. The caller may
   * reuse the bytes afterwards.
   */
  set(key: string, value: Uint8Array): void;
  /** Does nothing if there is no such entry. */
  remove(key: string): void;
}

/** Everything a client needs from its engine. Several clients may share ports without a store. */
export interface Ports {
  /**
   * Starts connecting; `listener` is told of success and failure.
   * @throws ConfigurationException if `endpoint` can never work, for example because of a broken certificate: the client
   * then stops. After any other error the client retries.
   */
  open(endpoint: Endpoint, listener: TransportListener): Transport;
  clock: Clock;
  /** Uniform in [0, 1). Spreads reconnects and makes ids of Quickstart devices. Not used for secrets. */
  random(): number;
  /**
   * Device id of a Quickstart device whose options have none: 1..36 of A-Z a-z 0-9 - _ ., the same for the lifetime of the
   * process or, better, of the hardware. Absent: each client makes a random id.
   */
  serial?: string;
  /** Where messages of QoS 1 and 2 survive a restart. Absent: they are kept in memory only. */
  store?: Store;
}
