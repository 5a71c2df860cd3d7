// Serves one firmware file over HTTP, with ranges and a strong ETag (RFC 9110), to the devices that know its path. The
// path has 128 random bits: an image may contain the token of its device.

import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { originOf } from "../platform/origin.ts";

export interface ImageServerOptions {
  /** Address to listen on. */
  readonly host: string;
  /** Address or name that devices use. Default `host`. */
  readonly publicHost?: string | undefined;
  /** Default 0: any free port. */
  readonly port?: number;
}

const HEAD_TIMEOUT_MS = 30_000;

export class ImageServer {
  /** Called with the number of bytes from the start of the file that a device has been sent. */
  sentCallback: ((bytes: number) => void) | undefined;
  readonly #file: Uint8Array;
  readonly #etag: string;
  readonly #path = `/${randomBytes(16).toString("hex")}/firmware`;
  readonly #server: Server;
  readonly #publicHost: string;

  private constructor(file: Uint8Array, publicHost: string) {
    this.#file = file;
    this.#publicHost = publicHost;
    this.#etag = `"${createHash("sha256").update(file).digest("hex").slice(0, 32)}"`;
    this.#server = createServer((request, response) => this.#serve(request, response));
    this.#server.headersTimeout = HEAD_TIMEOUT_MS;
  }

  /** Rejects if the address cannot be used. */
  static async open(file: Uint8Array, { host, publicHost = host, port = 0 }: ImageServerOptions): Promise<ImageServer> {
    const server = new ImageServer(file, publicHost);
    await new Promise<void>((resolve, reject) => {
      server.#server.once("error", reject);
      server.#server.listen(port, host, resolve);
    });
    return server;
  }

  get uri(): string {
    return `${this.origin}${this.#path}`;
  }

  /** Without the path, which is a secret. */
  get origin(): string {
    const { port } = this.#server.address() as AddressInfo;
    return originOf("http", this.#publicHost, port);
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const head = request.method === "HEAD";
    if (request.url !== this.#path) return void response.writeHead(404).end();
    if (!head && request.method !== "GET") return void response.writeHead(405, { allow: "GET, HEAD" }).end();
    const { length } = this.#file;
    const told = { etag: this.#etag, "accept-ranges": "bytes", "content-type": "application/octet-stream" };
    const condition = request.headers["if-range"];
    const range =
      condition === undefined || condition === this.#etag ? rangeOf(request.headers.range, length) : undefined;
    if (range === "beyond") {
      return void response.writeHead(416, { ...told, "content-range": `bytes */${length}` }).end();
    }
    const [from, to] = range ?? [0, length - 1];
    const part = this.#file.subarray(from, to + 1);
    response.writeHead(range ? 206 : 200, {
      ...told,
      "content-length": part.length,
      ...(range && { "content-range": `bytes ${from}-${to}/${length}` }),
    });
    if (head) return void response.end();
    this.#count(request.socket, from, part.length);
    response.end(part);
  }

  /** Counts what the socket has sent, as the device receives it and not as Node buffers it. */
  #count(socket: Socket, from: number, length: number): void {
    const begin = socket.bytesWritten;
    const tell = () => {
      const sent = Math.min(socket.bytesWritten - socket.writableLength - begin, length);
      if (sent > 0) this.sentCallback?.(from + sent);
    };
    const timer = setInterval(tell, 100);
    socket.once("close", () => {
      clearInterval(timer);
      tell();
    });
  }
}

/** One range of bytes, first and last; undefined: the whole file, also for what is not understood. */
function rangeOf(text: string | undefined, length: number): readonly [number, number] | "beyond" | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(text ?? "") ?? [];
  if (first === undefined || last === undefined || (first === "" && last === "")) return undefined;
  const from = first === "" ? Math.max(length - Number(last), 0) : Number(first);
  const to = first === "" || last === "" ? length - 1 : Math.min(Number(last), length - 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  return from < length && from <= to ? [from, to] : "beyond";
}

/** An IPv4 address of this machine that other machines may reach; 127.0.0.1 without a network. */
export function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap(addresses => addresses ?? []);
  return all.find(({ family, internal }) => family === "IPv4" && !internal)?.address ?? "127.0.0.1";
}
