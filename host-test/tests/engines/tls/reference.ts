// What Node's own TLS makes of a chain: a client and a server in this process, over a loopback connection.

import { once } from "node:events";
import { createServer as createTcpServer, isIP, type Server } from "node:net";
import { connect, createServer } from "node:tls";
import { pemOf } from "../../contract/certificates.ts";
import { listen } from "../../support/listen.ts";
import type { Case } from "./chains.ts";

/** At this level OpenSSL refuses SHA-1 and RSA keys below 2048 bits, as the device does. */
const CLIENT_CIPHERS = "DEFAULT@SECLEVEL=2";
/** So that the server can be given what the client has to refuse. */
const SERVER_CIPHERS = "DEFAULT@SECLEVEL=0";

/** undefined: accepted. */
export async function nodeRefusal({ chain, key, ca, name, raw }: Case): Promise<string | undefined> {
  const server = raw ? certificateServer(chain) : createServer({ cert: pemOf(chain), key, ciphers: SERVER_CIPHERS });
  const { port, close } = await listen(server);
  const socket = connect({
    host: "127.0.0.1",
    port,
    servername: isIP(name) ? "" : name,
    ca: ca.map(der => pemOf([der])),
    ciphers: CLIENT_CIPHERS,
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.2",
    rejectUnauthorized: true,
  });
  try {
    await once(socket, "secureConnect");
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    socket.destroy();
    close();
  }
}

/** Sends certificates that no TLS library loads: the first messages of a TLS 1.2 server, and no more. */
function certificateServer(chain: readonly Buffer[]): Server {
  return createTcpServer(socket => {
    socket.once("data", () =>
      socket.write(Buffer.concat([serverHello(), certificateMessage(chain)].map(body => record(body)))),
    );
  });
}

/** Without extensions. @param suite default TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 */
export function serverHello(random: Buffer = Buffer.alloc(32, 7), suite = 0xc02f): Buffer {
  return message(2, Buffer.concat([Buffer.of(3, 3), random, Buffer.of(0, suite >> 8, suite & 0xff, 0)]));
}

export function certificateMessage(chain: readonly Buffer[]): Buffer {
  const list = chain.flatMap(der => [u24(der.length), der]);
  const all = Buffer.concat(list);
  return message(11, Buffer.concat([u24(all.length), all]));
}

export function message(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(type), u24(body.length), body]);
}

/** @param type default: handshake */
export function record(body: Buffer, type = 22): Buffer {
  return Buffer.concat([Buffer.of(type, 3, 3, body.length >> 8, body.length & 0xff), body]);
}

function u24(value: number): Buffer {
  return Buffer.of(value >> 16, (value >> 8) & 0xff, value & 0xff);
}
