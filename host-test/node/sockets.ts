// Transport on Node's net and tls sockets: the reference adapter for ports.ts.
//
// Small writes of one turn of the event loop leave as one: they gather in a block of BLOCK_BYTES, which is handed to the
// socket when it is full or when the turn ends. At most HIGH_WATER bytes wait in here and in the socket.

import net from "node:net";
import tls from "node:tls";
import type { Endpoint, Transport, TransportListener } from "../../src/ports.ts";
import { describe, tlsSettings } from "./tls.ts";

const BLOCK_BYTES = 16 * 1024;
const HIGH_WATER = 256 * 1024;
/** How long a closed socket may take to send the rest and to hear from the peer. */
const LINGER_MS = 2000;

/** Opens a socket to `endpoint`. Throws if TLS cannot use the certificate, key or authorities given. */
export function openSocket(endpoint: Endpoint, listener: TransportListener): Transport {
  return new SocketTransport(endpoint, listener);
}

class SocketTransport implements Transport {
  private readonly socket: net.Socket;
  private listener: TransportListener | undefined;
  private up = false;
  private block: Buffer | undefined;
  private spare: Buffer | undefined;
  private used = 0;
  private reason: string | undefined;
  private readonly sweep = () => this.flush();

  constructor(endpoint: Endpoint, listener: TransportListener) {
    this.listener = listener;
    this.socket = endpoint.tls ? connectTls(endpoint) : net.connect({ host: endpoint.host, port: endpoint.port });
    this.socket.setNoDelay(true);
    this.socket.on(endpoint.tls ? "secureConnect" : "connect", () => this.opened());
    this.socket.on("data", bytes => this.listener?.received(bytes));
    this.socket.on("drain", () => this.listener?.writableAgain());
    this.socket.on("error", error => {
      this.reason = describe(error);
    });
    this.socket.on("close", () => this.closed());
  }

  get writable(): number {
    return this.up ? Math.max(0, HIGH_WATER - this.socket.writableLength - this.used) : 0;
  }

  write(bytes: Uint8Array): void {
    // The caller's bytes are its own again when this returns, so they are copied, or written before.
    if (bytes.length > BLOCK_BYTES - this.used) this.flush();
    if (bytes.length > BLOCK_BYTES) {
      this.socket.write(Buffer.from(bytes));
      return;
    }
    if (!this.block) {
      this.block = this.spare ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
      this.spare = undefined;
    }
    if (this.used === 0) process.nextTick(this.sweep);
    this.block.set(bytes, this.used);
    this.used += bytes.length;
  }

  close(): void {
    const up = this.up;
    this.listener = undefined;
    this.up = false;
    if (!up) return void this.socket.destroy(); // else it would go on connecting
    this.flush();
    // Read on until the peer ends too: closing over unread bytes resets the connection, and takes what was just sent
    // along. A peer that neither reads nor ends may not keep the socket for ever.
    this.socket.end();
    const limit = setTimeout(() => this.socket.destroy(), LINGER_MS);
    this.socket.once("close", () => clearTimeout(limit));
  }

  private opened(): void {
    this.up = true;
    this.listener?.opened();
  }

  private flush(): void {
    if (this.used === 0 || this.socket.destroyed) return;
    const block = this.block!;
    this.block = undefined;
    this.socket.write(block.subarray(0, this.used), () => {
      this.spare = block;
    });
    this.used = 0;
  }

  private closed(): void {
    this.up = false;
    const listener = this.listener;
    this.listener = undefined;
    listener?.closed(this.reason);
  }
}

function connectTls(endpoint: Endpoint): tls.TLSSocket {
  return tls.connect({ host: endpoint.host, port: endpoint.port, ...tlsSettings(endpoint) });
}
