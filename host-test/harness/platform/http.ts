// HTTP for devices (docs/protocol.md 6): two paths, both POST, one for an event and one to request a command. And for
// applications: device management. The organization is in the Host header, `<org>.messaging.<domain>`; without such a host
// name, the credentials decide it.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIP, type Socket } from "node:net";
import { CommandQueues } from "./command-queue.ts";
import type { CommandEvent } from "./events.ts";
import { credentials, type HttpCredentials, Refusal, read } from "./http-request.ts";
import { type DeviceIdentity, deviceClientId, isLoopback, isName } from "./identity.ts";
import type { ManagementHttp } from "./management-http.ts";
import { QUICKSTART } from "./registry.ts";
import { topicSpace } from "./topics.ts";

/** What HTTP needs from the platform. */
export interface HttpBackend {
  available(): boolean;
  /** True if only this machine can reach the platform. */
  loopback(): boolean;
  /** The device with these credentials, in any organization if `org` is undefined. */
  identify(
    org: string | undefined,
    device: { type: string; id: string },
    credentials: HttpCredentials,
  ): DeviceIdentity | undefined;
  /** The organization that admits applications with these credentials; any one if `org` is undefined. */
  identifyApplication(org: string | undefined, credentials: HttpCredentials): string | undefined;
  readonly management: ManagementHttp;
  /** Publishes an event; resolves when the broker has accepted it. */
  publish(device: DeviceIdentity, topic: string, payload: Buffer): Promise<void>;
  /** A request waits for a command. */
  waiting(request: { clientId: string }): void;
  /** A request was answered. */
  answered(request: { clientId: string; path: string; status: number }): void;
}

const PATH = /^\/api\/v0002\/device\/types\/([^/]+)\/devices\/([^/]+)\/(?:events\/([^/]+)|commands\/([^/]+)\/request)$/;
const MAX_WAIT_SECS = 3600;
/** From the first byte, or the end of the last response, to the end of the request; milliseconds. */
const REQUEST_TIMEOUT_MS = 30_000;

const MESSAGING_HOST = /^([^.]+)\.messaging\./;

/** Content type and format name, docs/protocol.md 4.3. */
const FORMATS: readonly (readonly [contentType: string, format: string])[] = [
  ["application/json", "json"],
  ["text/plain", "text"],
  ["application/xml", "xml"],
  ["application/octet-stream", "bin"],
];

export class HttpEndpoint {
  readonly #server: Server;
  readonly #backend: HttpBackend;
  readonly #queues = new CommandQueues();
  /** Open connections, with the timer of each that waits for a request. */
  readonly #sockets = new Map<Socket, NodeJS.Timeout | undefined>();

  constructor(backend: HttpBackend) {
    this.#backend = backend;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Serves a connection that sent an HTTP method. */
  accept(socket: Socket): void {
    // The server does not listen itself, so its own time-outs and closeAllConnections() do not work.
    this.#server.emit("connection", socket);
    this.#startTimer(socket);
    socket.once("close", () => {
      clearTimeout(this.#sockets.get(socket));
      this.#sockets.delete(socket);
    });
  }

  command(clientId: string, command: CommandEvent): void {
    this.#queues.add(clientId, command);
  }

  /** An MQTT connection uses this client id now. */
  takeOver(clientId: string): void {
    this.#queues.takeOver(clientId);
  }

  close(): void {
    this.#queues.close();
    for (const socket of this.#sockets.keys()) socket.destroy();
  }

  #startTimer(socket: Socket): void {
    clearTimeout(this.#sockets.get(socket));
    this.#sockets.set(
      socket,
      setTimeout(() => socket.destroy(), REQUEST_TIMEOUT_MS),
    );
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = { clientId: "", path: request.url ?? "" };
    const { socket } = request;
    request.once("end", () => clearTimeout(this.#sockets.get(socket)));
    response.once("finish", () => {
      if (this.#sockets.has(socket)) this.#startTimer(socket);
    });
    try {
      this.#checkOrigin(request);
      if (this.#backend.management.serves(seen.path)) await this.#manage(request, response);
      else {
        const device = this.#identify(request);
        seen.clientId = deviceClientId(device);
        await this.#answer(request, response, device);
      }
    } catch (error) {
      if (!(error instanceof Refusal)) {
        if (request.destroyed) return; // the device closed the connection before the end of its request
        throw error;
      }
      // Every error closes the connection (docs/protocol.md 6).
      response.writeHead(error.status, { connection: "close", "content-type": "text/plain" }).end(error.message);
    }
    this.#backend.answered({ ...seen, status: response.statusCode });
  }

  // A browser is not a device: it sends Origin or Sec-Fetch-Site. A name in Host that is not a platform's is DNS rebinding.
  #checkOrigin({ headers }: IncomingMessage): void {
    if (headers.origin !== undefined || headers["sec-fetch-site"] !== undefined) {
      throw new Refusal(403, "not for web pages");
    }
    const host = (headers.host ?? "").replace(/:\d*$/, "").replace(/^\[|\]$/g, "");
    if (!this.#backend.loopback() || MESSAGING_HOST.test(host) || isIP(host) || isLoopback(host)) return;
    throw new Refusal(421, "the Host header must be an address of this machine or <org>.messaging.<domain>");
  }

  #identify({ url = "", method, headers }: IncomingMessage): DeviceIdentity {
    const [, type, id] = PATH.exec(url) ?? [];
    if (!type || !id || !isName(type) || !isName(id)) throw new Refusal(404, "no such path");
    if (method !== "POST") throw new Refusal(405, "only POST");
    if (!this.#backend.available()) throw new Refusal(503, "not available");
    const [, org] = MESSAGING_HOST.exec(headers.host ?? "") ?? [];
    const device = this.#backend.identify(org, { type, id }, credentials(headers.authorization));
    if (!device) throw new Refusal(403, "not authorized");
    return device;
  }

  async #manage(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { management } = this.#backend;
    management.checkMethod(request);
    if (!this.#backend.available()) throw new Refusal(503, "not available");
    const [, org] = MESSAGING_HOST.exec(request.headers.host ?? "") ?? [];
    const found = this.#backend.identifyApplication(org, credentials(request.headers.authorization));
    if (found === undefined) throw new Refusal(403, "not authorized");
    await management.answer(request, response, found);
  }

  async #answer(request: IncomingMessage, response: ServerResponse, device: DeviceIdentity): Promise<void> {
    const [, , , event, command] = PATH.exec(request.url!)!;
    const body = await read(request);
    if (event) {
      await this.#event(device, decoded(event), request.headers["content-type"], body);
      response.writeHead(200).end();
    } else await this.#request(device, decoded(command!), body, response);
  }

  async #event(device: DeviceIdentity, event: string, contentType: string | undefined, body: Buffer): Promise<void> {
    const format = formatOf(contentType);
    if (!format) throw new Refusal(415, "content type missing or unknown");
    const topic = topicSpace(device).publish(`iot-2/evt/${event}/fmt/${format}`);
    if (!topic) throw new Refusal(device.org === QUICKSTART && format !== "json" ? 415 : 404, "not for this device");
    if (body.length === 0) throw new Refusal(400, "empty body");
    await this.#backend.publish(device, topic, body);
  }

  async #request(device: DeviceIdentity, id: string, body: Buffer, response: ServerResponse): Promise<void> {
    if (device.org === QUICKSTART) throw new Refusal(404, "no commands on Quickstart");
    if (id !== "+" && /[+#/]/.test(id)) throw new Refusal(404, "wildcard in the wrong place");
    const waitMs = waitSecs(body) * 1000;
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const clientId = deviceClientId(device);
    const answer = this.#queues.request(clientId, id, waitMs, gone.signal);
    if (this.#queues.waits(clientId)) this.#backend.waiting({ clientId });
    const command = await answer;
    if (!command) {
      response.writeHead(204).end();
      return;
    }
    response.writeHead(200, {
      "content-type": contentTypeOf(command.format),
      // UTF-8 bytes: Node takes a header value as Latin-1.
      ...(id === "+" ? { "X-commandId": Buffer.from(command.command).toString("latin1") } : {}),
    });
    response.end(command.payload);
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(404, "not percent-encoded UTF-8");
  }
}

function waitSecs(body: Buffer): number {
  if (body.length === 0) return 0;
  let fields: unknown;
  try {
    fields = JSON.parse(body.toString());
  } catch {
    throw new Refusal(400, "the body is not JSON");
  }
  const { waitTimeSecs = 0, ...others } = Object(fields) as { waitTimeSecs?: unknown };
  const whole = Number.isInteger(waitTimeSecs) && (waitTimeSecs as number) >= 0;
  if (!whole || (waitTimeSecs as number) > MAX_WAIT_SECS || Object.keys(others).length) {
    throw new Refusal(400, "waitTimeSecs is a whole number 0..3600, and there is no other key");
  }
  return waitTimeSecs as number;
}

function formatOf(contentType: string | undefined): string | undefined {
  const bare = (contentType ?? "").split(";")[0]!.trim().toLowerCase();
  return FORMATS.find(([name]) => name === bare)?.[1];
}

// Formats without their own content type are sent as bytes.
function contentTypeOf(format: string): string {
  if (format === "text") return "text/plain;charset=utf-8";
  return FORMATS.find(([, name]) => name === format)?.[0] ?? "application/octet-stream";
}
