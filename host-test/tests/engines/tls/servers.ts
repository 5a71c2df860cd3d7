// TLS servers for the device to connect to: some are what they should be, some pose as another one.

import { createECDH, randomBytes } from "node:crypto";
import { createServer as createTcpServer } from "node:net";
import { createServer, type TlsOptions } from "node:tls";
import { type Listening, listen } from "../../support/listen.ts";
import { certificateMessage, message, record, serverHello } from "./reference.ts";

/** An MQTT CONNACK that accepts. */
const CONNACK = Buffer.of(0x20, 2, 0, 0);
const APPLICATION_DATA = 23;
const ECDHE_RSA_WITH_AES_128_GCM_SHA256 = 0xc02f;
const RSA_WITH_AES_128_CBC_SHA256 = 0x003c;

export class Listener {
  readonly port: number;
  /** What the application of the device has sent, decrypted. */
  readonly heard: Buffer[] = [];
  /** What came over the wire. */
  readonly wire: Buffer[] = [];
  /** TLS version and cipher suite of the last connection, and whether the client's certificate was good. */
  spoken = "";
  readonly close: () => void;

  private constructor({ port, close }: Listening) {
    this.port = port;
    this.close = close;
  }

  /** A real server that accepts every CONNECT. */
  static async tls(options: TlsOptions): Promise<Listener> {
    const server = createServer({ maxVersion: "TLSv1.2", ...options });
    const listener = new Listener(await listen(server));
    server.on("secureConnection", socket => {
      socket.on("error", () => {});
      listener.spoken = `${socket.getProtocol()} ${socket.getCipher().name}${socket.authorized ? " client" : ""}`;
      socket.on("data", bytes => {
        listener.heard.push(bytes);
        socket.write(CONNACK);
      });
    });
    return listener;
  }

  /** Sends these messages to whoever says hello, whatever that is, and `later` to what comes then. */
  static async posing(answer: (clientHello: Buffer) => Buffer, later?: Buffer): Promise<Listener> {
    const server = createTcpServer();
    const listener = new Listener(await listen(server));
    server.on("connection", socket => {
      socket.once("data", hello => {
        listener.wire.push(hello);
        socket.write(answer(hello));
        socket.on("data", bytes => {
          listener.wire.push(bytes);
          if (later) socket.write(later);
        });
      });
    });
    return listener;
  }

  get everything(): Buffer {
    return Buffer.concat([...this.heard, ...this.wire]);
  }

  /** Types of the TLS records that came. */
  get records(): number[] {
    const bytes = Buffer.concat(this.wire);
    const types: number[] = [];
    for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes[at]!);
    return types;
  }
}

/** Sends the certificates as they are, and stops there. */
export function sends(chain: readonly Buffer[]): Promise<Listener> {
  return Listener.posing(() => Buffer.concat([serverHello(), certificateMessage(chain)].map(body => record(body))));
}

/** Has another server's certificates and not its key: signs the key exchange as `sign` says. */
export function withoutKey(
  chain: readonly Buffer[],
  sign: (message: Buffer) => { hash: number; kind: number; signature: Buffer },
): Promise<Listener> {
  return Listener.posing(hello => {
    const random = randomBytes(32);
    const exchange = createECDH("prime256v1");
    const point = exchange.generateKeys();
    const parameters = Buffer.concat([Buffer.of(3, 0, 23, point.length), point]);
    // Behind the heads of record and message, and the version.
    const clientRandom = hello.subarray(11, 43);
    const { hash, kind, signature } = sign(Buffer.concat([clientRandom, random, parameters]));
    const end = Buffer.of(hash, kind, signature.length >> 8, signature.length & 0xff);
    const messages = [
      serverHello(random, ECDHE_RSA_WITH_AES_128_GCM_SHA256),
      certificateMessage(chain),
      message(12, Buffer.concat([parameters, end, signature])),
      message(14, Buffer.alloc(0)),
    ];
    return Buffer.concat(messages.map(body => record(body)));
  });
}

/** Has another server's certificates and not its key; sends its first data in the clear, before there are keys. */
export function inTheClear(chain: readonly Buffer[]): Promise<Listener> {
  const messages = [
    serverHello(randomBytes(32), RSA_WITH_AES_128_CBC_SHA256),
    certificateMessage(chain),
    message(14, Buffer.alloc(0)),
  ];
  const closeNotify = Buffer.of(21, 3, 3, 0, 2, 1, 0);
  const later = Buffer.concat([record(CONNACK, APPLICATION_DATA), closeNotify]);
  return Listener.posing(() => Buffer.concat(messages.map(body => record(body))), later);
}

/** Leaves out its certificates. */
export function withoutCertificate(suite: "ECDHE" | "RSA"): Promise<Listener> {
  const exchange = createECDH("prime256v1");
  const point = exchange.generateKeys();
  const anonymous = message(12, Buffer.concat([Buffer.of(3, 0, 23, point.length), point, Buffer.of(4, 1, 0, 1, 0)]));
  const number = suite === "RSA" ? RSA_WITH_AES_128_CBC_SHA256 : ECDHE_RSA_WITH_AES_128_GCM_SHA256;
  const messages = [serverHello(randomBytes(32), number), ...(suite === "RSA" ? [] : [anonymous])];
  return Listener.posing(() => Buffer.concat([...messages, message(14, Buffer.alloc(0))].map(body => record(body))));
}
