// Transport on Espruino's sockets, which carry strings of bytes. They take whatever is written and keep it in RAM until it
// is sent, so what may wait there is limited here.

import { ConfigurationException } from "../../src/errors.ts";
import type { Endpoint, Transport, TransportListener } from "../../src/ports.ts";

/** Most bytes that wait in a socket. */
const HIGH_WATER = 2048;

export class SocketTransport implements Transport {
  writable = 0;
  private listener: TransportListener | undefined;
  private socket: EspruinoSocket | undefined;
  private reason: string | undefined;
  private up = false;

  /** @throws ConfigurationException when TLS is asked for that this firmware cannot give */
  constructor(endpoint: Endpoint, listener: TransportListener, unverifiedTls: boolean) {
    const net = endpoint.tls ? tlsFor(endpoint, unverifiedTls) : engineRequire("net");
    this.listener = listener;
    try {
      // Connects before it returns, but for the handshake of TLS; and throws where there is no network.
      const { host, port, tls } = endpoint;
      const options = tls ? { host, port, cert: tls.cert, key: tls.key } : { host, port };
      this.socket = net.connect(options, () => this.opened());
      this.listen(this.socket);
    } catch (error) {
      this.reason = (error as Error).message;
      setTimeout(() => this.closed(), 0);
    }
  }

  write(bytes: Uint8Array): void {
    if (!this.up) return;
    this.writable -= bytes.length;
    try {
      this.socket!.write(E.toString(bytes));
    } catch (error) {
      // The far end has closed, or the network is gone; "close" tells of it, or the keep-alive.
      this.reason = (error as Error).message;
      this.fall();
    }
  }

  close(): void {
    this.listener = undefined;
    this.fall();
    this.end();
  }

  private listen(socket: EspruinoSocket): void {
    socket.on("data", data => {
      if (this.listener) this.listener.received(E.toUint8Array(data));
      else this.end();
    });
    socket.on("drain", () => {
      if (!this.listener || !this.up) return;
      this.writable = HIGH_WATER;
      this.listener.writableAgain();
    });
    socket.on("error", error => {
      this.reason = error.message;
    });
    socket.on("close", () => this.closed());
  }

  private opened(): void {
    if (!this.listener) return this.end();
    this.up = true;
    this.writable = HIGH_WATER;
    this.listener.opened();
  }

  private closed(): void {
    const listener = this.listener;
    this.listener = undefined;
    this.socket = undefined;
    this.fall();
    if (listener) listener.closed(this.reason);
  }

  private fall(): void {
    this.up = false;
    this.writable = 0;
  }

  // Without a network it throws, and the socket stays: the next thing it tells ends it.
  private end(): void {
    try {
      if (this.socket) this.socket.end();
    } catch {
      // Tried again later.
    }
  }
}

/** Its TLS takes any certificate, and sends a name of its own as SNI: whoever is on the way can read a token. */
function tlsFor({ tls }: Endpoint, unverifiedTls: boolean): EspruinoNet {
  if (!unverifiedTls || tls!.ca || tls!.serverName) {
    const option = tls!.ca ? "ca" : tls!.serverName ? "server-name" : "tls";
    throw new ConfigurationException(
      `Espruino's TLS checks no certificates, ${option} cannot be had: see docs/espruino.md`,
    );
  }
  return engineRequire("tls");
}
