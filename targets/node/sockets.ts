// Transport on Node's net and tls sockets.
//
// Small writes of one turn of the event loop are sent as one: they are collected in a block of BLOCK_BYTES, which goes to
// the socket when it is full or when the turn ends. At most HIGH_WATER bytes wait in the block and in the socket.

import net from "node:net";
import tls from "node:tls";
import type { Endpoint, Transport, TransportListener } from "../../src/ports.ts";
import { describe, tlsSettings } from "./tls.ts";

const BLOCK_BYTES = 16 * 1024;
const HIGH_WATER = 256 * 1024;
/** Blocks that wait to be used again, by any socket: an idle socket holds none. */
const SPARE_BLOCKS = 4;
/** Time for a closed socket to send the rest and to receive the end of the peer, milliseconds. */
const LINGER_MS = 5000;

const spareBlocks: Buffer[] = [];

/** Opens a socket to `endpoint`. @throws ConfigurationException for certificates and keys that can never work */
export function openSocket(endpoint: Endpoint, listener: TransportListener): Transport {
  return new SocketTransport(endpoint, listener);
}

class SocketTransport implements Transport {
  private readonly socket: net.Socket;
  private listener: TransportListener | undefined;
  private up = false;
  private block: Buffer | undefined;
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
    if (this.socket.destroyed) return; // its end is about to be told
    // The caller may reuse its bytes when this returns, so they are copied.
    if (bytes.length > BLOCK_BYTES - this.used) this.flush();
    if (bytes.length > BLOCK_BYTES) {
      this.socket.write(Buffer.from(bytes));
      return;
    }
    this.block ??= spareBlocks.pop() ?? Buffer.allocUnsafeSlow(BLOCK_BYTES);
    if (this.used === 0) process.nextTick(this.sweep);
    this.block.set(bytes, this.used);
    this.used += bytes.length;
  }

  close(closed?: () => void): void {
    const { up, listener } = this;
    if (closed) {
      if (this.socket.closed) closed();
      else this.socket.once("close", closed);
    }
    this.listener = undefined;
    this.up = false;
    if (!listener) return; // closed before
    if (!up) return void this.socket.destroy(); // it may still be connecting
    this.flush();
    // Reading continues until the peer ends too: closing a socket with unread bytes resets the connection, which may
    // discard the bytes just sent. The limit is for a peer that does not end.
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
      if (spareBlocks.length < SPARE_BLOCKS) spareBlocks.push(block);
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
