// Web page of a local platform: devices, a plot of every number in their events, their last messages, and a form to send
// a command. Served on loopback only; guard.ts refuses foreign requests.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { MAX_PAYLOAD } from "../frames.ts";
import { Refusal } from "../http-request.ts";
import type { Platform } from "../platform.ts";
import { parseActionRequest, parseCommandRequest } from "./command-request.ts";
import { Cursor } from "./cursor.ts";
import { streamUpdates } from "./event-stream.ts";
import { checkRequest, SECURITY_HEADERS } from "./guard.ts";
import { History, LIMITS } from "./history.ts";

export interface PageOptions {
  /** Default 0: the system chooses a free one. */
  readonly port?: number;
}

export interface Page {
  /** `http://127.0.0.1:` and the port; not reachable from other machines. */
  readonly url: string;
  readonly port: number;
  /** Closes the server and its connections, not the platform. Resolves when all are closed. */
  close(): Promise<void>;
}

// In the package this is part of dist/platform.js, with the files beside it. The sources use the last build.
const FILES = new URL(import.meta.url.endsWith(".ts") ? "../../../../dist/page/" : "page/", import.meta.url);

const TYPES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "/": ["index.html", "text/html; charset=utf-8"],
  "/page.js": ["page.js", "text/javascript; charset=utf-8"],
  "/page.css": ["page.css", "text/css; charset=utf-8"],
  "/icon.svg": ["icon.svg", "image/svg+xml"],
};

/** Pages that may be open at the same time. */
const MAX_STREAMS = 16;
/** Bytes of a request body: in JSON, a byte of the payload takes up to six characters. */
const MAX_BODY = 6 * MAX_PAYLOAD + 1024;

/**
 * Serves the page on 127.0.0.1. It shows what happens from now on: up to 50 devices, 24 numbers each, the last 400 values
 * of each number, the last 30 events and the last 30 other messages.
 * @throws the error of node:net when it cannot listen there
 */
export async function startPage(platform: Platform, { port = 0 }: PageOptions = {}): Promise<Page> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const history = new History(platform);
  const { port: chosen } = server.address() as AddressInfo;
  const service = new PageServer(platform, history, chosen);
  server.on("request", (request, response) => {
    service.serve(request, response).catch(error => {
      // Else the browser closed the connection, or the page files are not built. Other requests go on.
      if (error instanceof Refusal) answer(response, error.status, error.message);
      else if (response.headersSent || request.destroyed) response.destroy();
      else answer(response, 500, String(error.message));
    });
  });
  return { url: `http://127.0.0.1:${chosen}/`, port: chosen, close: () => close(server, history) };
}

async function close(server: Server, history: History): Promise<void> {
  history.close();
  const closed = new Promise(resolve => server.close(resolve));
  server.closeAllConnections();
  await closed;
}

class PageServer {
  readonly #platform: Platform;
  readonly #history: History;
  readonly #port: number;
  #streams = 0;

  constructor(platform: Platform, history: History, port: number) {
    this.#platform = platform;
    this.#history = history;
    this.#port = port;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    checkRequest(request, this.#port);
    const [, pathname = "", query] = /^([^?]*)(\?.*)?$/s.exec(request.url ?? "") ?? [];
    if (request.method === "POST") {
      if (pathname === "/commands") return this.#command(request, response);
      if (pathname === "/actions") return this.#action(request, response);
    } else if (pathname === "/live") {
      return this.#live(response, new URLSearchParams(query).get("device") ?? undefined);
    } else if (Object.hasOwn(TYPES, pathname)) {
      const [file, type] = TYPES[pathname]!;
      response.setHeader("content-type", type);
      response.end(await readFile(new URL(file, FILES)));
      return;
    }
    answer(response, 404, "no such path");
  }

  #live(response: ServerResponse, device: string | undefined): void {
    if (this.#streams >= MAX_STREAMS) return answer(response, 503, `more than ${MAX_STREAMS} pages are open`);
    this.#streams++;
    response.once("close", () => {
      this.#streams--;
    });
    response.setHeader("content-type", "text/event-stream");
    const { points, messages } = LIMITS;
    streamUpdates(response, this.#history, new Cursor(this.#history, device, { points, messages }));
  }

  async #command(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { device, command, format, payload, qos } = parseCommandRequest(await read(request));
    this.#checkKnown(device);
    await this.#platform.sendCommand(device, command, payload, { format, qos });
    const absent = "sent, but the device is not connected: it receives the command only if it has a durable session";
    answer(response, 202, this.#platform.connected(device) ? "sent" : absent);
  }

  /** Answers when the action has begun; the list of messages shows how it ended. */
  async #action(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { device, action, parameters } = parseActionRequest(await read(request));
    this.#checkKnown(device);
    const management = this.#platform.management(device);
    // For the progress, which is in the metadata. A device that does not report any does the action all the same.
    const { observed } = management.state;
    if (action !== "device/reboot" && !observed.includes("metadata")) management.observe(["metadata"]).catch(() => {});
    const refused = await begun(management.run(action, parameters));
    answer(response, refused === undefined ? 202 : 409, refused ?? "sent");
  }

  /** @throws Refusal */
  #checkKnown(device: string): void {
    if (this.#history.devices.has(device)) return;
    throw new Refusal(404, `the platform has never seen device ${device.slice(0, 120)}`);
  }
}

/** Why an action was refused; undefined once it is under way. A refusal rejects before any message is exchanged. */
async function begun(outcome: Promise<unknown>): Promise<string | undefined> {
  const refusal = outcome.then(
    () => undefined,
    error => String(error.message),
  );
  return Promise.race([refusal, new Promise<undefined>(resolve => setImmediate(resolve, undefined))]);
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text);
}

/**
 * Reads a body to its end, because a browser shows no response before that.
 * @throws Refusal if it is too long
 */
async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length <= MAX_BODY) chunks.push(chunk);
  }
  if (length > MAX_BODY) throw new Refusal(413, "too large");
  return Buffer.concat(chunks).toString();
}
