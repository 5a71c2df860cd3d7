// What does the platform answer to devices that speak HTTP (§6)? Two paths, both POST: an event, and a request for a
// command. Which organization a device belongs to is told by the host name it asked for, `<org>.messaging.<domain>`; on a
// bare address, by the credentials.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { CommandBoxes } from "./command-box.ts";
import type { CommandEvent } from "./events.ts";
import { MAX_PAYLOAD } from "./frames.ts";
import { type DeviceIdentity, deviceClientId, isName } from "./identity.ts";
import { QUICKSTART } from "./registry.ts";
import { topicSpace } from "./topics.ts";

/** What the door needs of the house. */
export interface HttpBackend {
  readonly available: boolean;
  /** The device with these credentials; of any organization when `org` is undefined. */
  identify(
    org: string | undefined,
    device: { type: string; id: string },
    credentials: HttpCredentials,
  ): DeviceIdentity | undefined;
  /** Hands an event to the broker; resolves when it is accepted. */
  publish(device: DeviceIdentity, topic: string, payload: Buffer): Promise<void>;
  /** For those who watch: no command is there yet. */
  waiting(request: { clientId: string }): void;
  /** For those who watch. */
  answered(request: { clientId: string; path: string; status: number }): void;
}

export interface HttpCredentials {
  readonly user: string | undefined;
  readonly password: Buffer | undefined;
}

/** An answer other than 200 and 204. */
class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const PATH = /^\/api\/v0002\/device\/types\/([^/]+)\/devices\/([^/]+)\/(?:events\/([^/]+)|commands\/([^/]+)\/request)$/;
const MAX_WAIT_SECS = 3600;

/** Content type and format name, §4.3. */
const FORMATS: readonly (readonly [contentType: string, format: string])[] = [
  ["application/json", "json"],
  ["text/plain", "text"],
  ["application/xml", "xml"],
  ["application/octet-stream", "bin"],
];

export class HttpDoor {
  readonly #server: Server;
  readonly #backend: HttpBackend;
  readonly #boxes = new CommandBoxes();

  constructor(backend: HttpBackend) {
    this.#backend = backend;
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** A connection whose first byte is not MQTT's. */
  accept(socket: Socket): void {
    this.#server.emit("connection", socket);
  }

  command(clientId: string, command: CommandEvent): void {
    this.#boxes.offer(clientId, command);
  }

  /** An MQTT connection came in with this client id. */
  takeOver(clientId: string): void {
    this.#boxes.takeOver(clientId);
  }

  close(): void {
    this.#boxes.close();
    this.#server.closeAllConnections();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = { clientId: "", path: request.url ?? "" };
    try {
      const device = this.#identify(request);
      seen.clientId = deviceClientId(device);
      await this.#answer(request, response, device);
    } catch (error) {
      if (!(error instanceof Refusal)) {
        if (request.destroyed) return; // the device has gone in the middle
        throw error;
      }
      // Every error closes the connection.
      response.writeHead(error.status, { connection: "close", "content-type": "text/plain" }).end(error.message);
    }
    this.#backend.answered({ ...seen, status: response.statusCode });
  }

  #identify({ url = "", method, headers }: IncomingMessage): DeviceIdentity {
    const [, type, id] = PATH.exec(url) ?? [];
    if (!type || !id || !isName(type) || !isName(id)) throw new Refusal(404, "no such path");
    if (method !== "POST") throw new Refusal(405, "only POST");
    if (!this.#backend.available) throw new Refusal(503, "not available");
    const [, org] = /^([^.]+)\.messaging\./.exec(headers.host ?? "") ?? [];
    const device = this.#backend.identify(org, { type, id }, credentials(headers.authorization));
    if (!device) throw new Refusal(403, "not authorized");
    return device;
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
    const answer = this.#boxes.request(clientId, id, waitMs, gone.signal);
    if (this.#boxes.waits(clientId)) this.#backend.waiting({ clientId });
    const command = await answer;
    if (!command) {
      response.writeHead(204).end();
      return;
    }
    response.writeHead(200, {
      "content-type": contentTypeOf(command.format),
      // The bytes of UTF-8: a header is Latin-1 to Node.
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

function credentials(authorization: string | undefined): HttpCredentials {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? "") ?? [];
  if (encoded === undefined) return { user: undefined, password: undefined };
  const bytes = Buffer.from(encoded, "base64");
  const colon = bytes.indexOf(":");
  if (colon < 0) return { user: bytes.toString(), password: undefined };
  return { user: bytes.toString("utf8", 0, colon), password: bytes.subarray(colon + 1) };
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_PAYLOAD) throw new Refusal(413, "too large");
  }
  return Buffer.concat(chunks);
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

// A format without a content type of its own is bytes to HTTP.
function contentTypeOf(format: string): string {
  if (format === "text") return "text/plain;charset=utf-8";
  return FORMATS.find(([, name]) => name === format)?.[0] ?? "application/octet-stream";
}
