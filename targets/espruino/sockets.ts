// Transport on Espruino's sockets, which carry strings of bytes. A socket accepts any number of bytes and keeps them in RAM
// until they are sent, so this transport limits them.

import { ConfigurationException } from "../../src/errors.ts";
import type { Endpoint, Transport, TransportListener } from "../../src/ports.ts";

/** Most unsent bytes in a socket. */
const HIGH_WATER = 2048;

export class SocketTransport implements Transport {
  writable = 0;
  private listener: TransportListener | undefined;
  private socket: EspruinoSocket | undefined;
  private reason: string | undefined;
  private up = false;
  private whenClosed: (() => void) | undefined;

  /** @throws ConfigurationException if the endpoint needs TLS and `unverifiedTls` is false, or options that TLS ignores */
  constructor(endpoint: Endpoint, listener: TransportListener, unverifiedTls: boolean) {
    const net = endpoint.tls ? tlsFor(endpoint, unverifiedTls) : engineRequire("net");
    this.listener = listener;
    try {
      // Blocks until connected, except for the TLS handshake. Throws without a network.
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
      // The server has closed, or the network is gone. "close" follows, or the keep-alive ends the connection.
      this.reason = (error as Error).message;
      this.fall();
    }
  }

  close(closed?: () => void): void {
    this.listener = undefined;
    if (this.socket) this.whenClosed = closed;
    else closed?.();
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
    if (this.whenClosed) this.whenClosed();
  }

  private fall(): void {
    this.up = false;
    this.writable = 0;
  }

  // Without a network end() throws and the socket stays open; its next event ends it.
  private end(): void {
    try {
      if (this.socket) this.socket.end();
    } catch {
      // The next event of the socket ends it.
    }
  }
}

/** Espruino's TLS accepts any certificate and sends a wrong name as SNI: anyone on the network path can read a token. */
function tlsFor({ tls }: Endpoint, unverifiedTls: boolean): EspruinoNet {
  if (!unverifiedTls || tls!.ca || tls!.serverName) {
    const option = tls!.ca ? "ca" : tls!.serverName ? "server-name" : "tls";
    throw new ConfigurationException(
      `option ${option} is refused, because Espruino's TLS checks no certificates: see docs/espruino.md`,
    );
  }
  return engineRequire("tls");
}
