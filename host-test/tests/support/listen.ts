// Servers of a test, on this machine.

import { once } from "node:events";
import type { AddressInfo, Server, Socket } from "node:net";

export interface Listening {
  readonly port: number;
  /** Ends its connections too. */
  close(): void;
}

/**
 * Starts a server on a free port. Errors of its connections are ignored: tests look at the other end.
 * @param t the server is closed after this test
 */
export async function listen(server: Server, t?: { after(done: () => void): void }): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.on("tlsClientError", () => {}).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  t?.after(close);
  return { port: (server.address() as AddressInfo).port, close };
}
