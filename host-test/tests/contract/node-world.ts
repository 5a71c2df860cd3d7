// Real servers on the loopback for the transport contract: TCP, or TLS when a certificate is given.

import net from "node:net";
import tls from "node:tls";
import type { Endpoint, TlsOptions } from "../../../src/ports.ts";
import { openSocket } from "../../../targets/node/sockets.ts";
import { listen } from "../support/listen.ts";
import type { Certificate } from "./certificates.ts";
import type { Peer, World } from "./transport-contract.ts";

export function nodeWorld(certificate?: Certificate): World {
  const security: { tls?: TlsOptions } = certificate ? { tls: { ca: certificate.cert } } : {};
  return {
    open: openSocket,
    unknown: { host: "nobody.invalid", port: 1883, ...security },
    async serve(connected) {
      const sockets = new Set<net.Socket>();
      const take = (socket: net.Socket) =>
        connected(peerOf(socket, [...sockets].find(raw => raw.remotePort === socket.remotePort)!));
      const server = certificate ? tls.createServer(certificate, take) : net.createServer(take);
      server.prependListener("connection", (raw: net.Socket) => sockets.add(raw));
      return {
        endpoint: { ...(await listening(server)), ...security },
        stop() {
          for (const socket of sockets) socket.destroy();
          return new Promise(resolve => server.close(resolve));
        },
      };
    },
    async nobody() {
      const server = net.createServer();
      const endpoint = await listening(server);
      await new Promise(resolve => server.close(resolve));
      return { ...endpoint, ...security };
    },
  };
}

async function listening(server: net.Server): Promise<Endpoint> {
  return { host: "127.0.0.1", port: (await listen(server)).port };
}

/** @param raw the TCP socket itself, also under TLS: only that one can be reset. */
function peerOf(socket: net.Socket, raw: net.Socket): Peer {
  const peer: Peer = {
    write: bytes => void socket.write(bytes),
    end: () => void socket.end(),
    reset: () => void raw.resetAndDestroy(),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    onData: () => {},
    gone: new Promise(resolve => socket.on("close", resolve)),
  };
  socket.on("data", bytes => peer.onData(bytes));
  socket.on("error", () => {}); // the tests look at our end
  return peer;
}
