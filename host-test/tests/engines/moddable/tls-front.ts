// TLS in front of a server that has none, as a proxy in front of the real platform: it ends here, the bytes go on plain.

import { once } from "node:events";
import { type AddressInfo, connect } from "node:net";
import { createServer, type Server } from "node:tls";
import type { Chain } from "./certificates.ts";

export class TlsFront {
  readonly port: number;
  /** TLS version and cipher of the last connection. */
  spoken = "";
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("secureConnection", socket => {
      this.spoken = `${socket.getProtocol()} ${socket.getCipher().name}`;
    });
  }

  static async open(port: number, { certificate, key }: Chain): Promise<TlsFront> {
    const server = createServer({ cert: certificate, key, noDelay: true }, outer => {
      const inner = connect({ port, host: "127.0.0.1", noDelay: true });
      for (const [socket, other] of [
        [outer, inner],
        [inner, outer],
      ] as const) {
        socket.on("error", () => other.destroy());
        socket.on("close", () => other.destroy());
        socket.pipe(other);
      }
    }).listen(0, "127.0.0.1");
    // A handshake that fails is the client's to tell.
    server.on("tlsClientError", () => {});
    await once(server, "listening");
    return new TlsFront(server);
  }

  close(): void {
    this.server.close();
  }
}
