// Transport on ECMA-419 sockets: data is read when the socket says how much there is, into one buffer that is used again
// and again; `writable` is what the socket last told.

import Timer from "timer";
import type { Endpoint, Transport, TransportListener } from "../../src/index.ts";
import { type Network, networkFor, type Socket, systemResolver } from "./network.ts";

/** Bytes that a TLS record may add to its content beyond those that the SDK's `write` subtracts. */
const RECORD_OVERHEAD = 64;
/** Largest content of a TLS record, bytes. */
const RECORD_BYTES = 16384;

export class SocketTransport implements Transport {
  writable = 0;
  private listener: TransportListener | undefined;
  private socket: Socket | undefined;
  private up = false;
  private readonly tls?: boolean;
  private readonly buffer: Uint8Array;

  constructor(endpoint: Endpoint, listener: TransportListener, readBytes: number) {
    const network = networkFor(endpoint);
    this.listener = listener;
    if (endpoint.tls) this.tls = true;
    this.buffer = new Uint8Array(readBytes);
    const resolver = network.dns ? new network.dns.io(network.dns) : systemResolver;
    resolver.resolve({
      host: endpoint.host,
      onResolved: (_, address) => this.resolved(network, endpoint, address),
      onError: () => this.failed("no address for this name"),
    });
  }

  write(bytes: Uint8Array): void {
    try {
      const room = this.socket!.write(bytes) ?? 0;
      this.writable = this.tls ? Math.min(Math.max(room - RECORD_OVERHEAD, 0), RECORD_BYTES) : room;
    } catch (error) {
      // The peer has closed while what it sent before is still being read. Not told from inside `write`.
      this.writable = 0;
      Timer.set(() => this.broken(error));
    }
  }

  close(closed?: () => void): void {
    this.listener = undefined;
    this.writable = 0;
    this.socket?.close(); // lwIP sends what it has taken
    this.socket = undefined;
    closed?.();
  }

  private resolved(network: Network, endpoint: Endpoint, address: string): void {
    if (!this.listener) return;
    try {
      this.socket = new network.socket.io({
        ...network.socket,
        ...(network.secure && { secure: network.secure }),
        address,
        host: endpoint.host,
        port: endpoint.port,
        nodelay: true,
        ...(network.targets ? { target: this, ...CALLBACKS } : boundCallbacks(this)),
      });
    } catch (error) {
      this.failed((error as Error).message);
    }
  }

  /** @internal */
  readable(count: number): void {
    const buffer = this.buffer;
    for (let rest = count; rest > 0 && this.listener; rest -= buffer.length) {
      const part = rest < buffer.length ? buffer.subarray(0, rest) : buffer;
      this.socket!.read(part);
      this.listener.received(part);
    }
  }

  /** @internal */
  room(count: number): void {
    const full = this.writable === 0;
    this.writable = this.tls ? Math.min(count, RECORD_BYTES) : count;
    if (!this.up) {
      this.up = true;
      this.listener?.opened();
      // The client has bytes left only if it has used up all room. The socket calls after every write.
    } else if (full) this.listener?.writableAgain();
  }

  /** @internal */
  failed(reason: string): void {
    const listener = this.listener;
    this.close();
    listener?.closed(reason);
  }

  /** @internal */
  broken(error: unknown): void {
    this.failed(error instanceof Error ? error.message : this.up ? "" : "no connection");
  }
}

interface SocketCallbacks {
  onReadable(count: number): void;
  onWritable(count: number): void;
  onError(error?: unknown): void;
  onBroken?(error: unknown): void;
}

/** One set in flash for all sockets that hand it their target. */
const CALLBACKS = Object.freeze({
  onReadable(this: { target: SocketTransport }, count: number) {
    this.target.readable(count);
  },
  onWritable(this: { target: SocketTransport }, count: number) {
    this.target.room(count);
  },
  onError(this: { target: SocketTransport }, error?: unknown) {
    this.target.broken(error);
  },
});

/** Others, TLS among them, call with a `this` of their own. */
function boundCallbacks(transport: SocketTransport): SocketCallbacks {
  return {
    onReadable: count => transport.readable(count),
    onWritable: count => transport.room(count),
    onError: error => transport.broken(error),
    onBroken: error => transport.broken(error),
  };
}
