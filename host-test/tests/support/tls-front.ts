// TLS in front of a server that has none, as a proxy in front of the real platform: it ends here, the bytes go on plain.

import { connect } from "node:net";
import { createServer } from "node:tls";
import { type Listening, listen } from "./listen.ts";

export interface TlsFront extends Listening {
  /** TLS version and cipher of the last connection. */
  spoken: string;
}

/**
 * @param port of the server
 * @param t the front is closed after this test
 */
export async function openTlsFront(
  port: number,
  certificate: { cert: string; key: string },
  t?: Parameters<typeof listen>[1],
): Promise<TlsFront> {
  const server = createServer({ ...certificate, noDelay: true }, outer => {
    front.spoken = `${outer.getProtocol()} ${outer.getCipher().name}`;
    const inner = connect({ port, host: "127.0.0.1", noDelay: true });
    for (const [socket, other] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      socket.on("error", () => other.destroy());
      socket.on("close", () => other.destroy());
      socket.pipe(other);
    }
  });
  const front: TlsFront = { ...(await listen(server, t)), spoken: "" };
  return front;
}
