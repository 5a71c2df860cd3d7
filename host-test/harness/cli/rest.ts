// Requests of an application to the REST API of a platform (docs/protocol.md 7.3).

import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { isIP } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import type { Parameter } from "../platform/management/actions.ts";
import { originOf } from "../platform/origin.ts";
import type { DeviceName } from "./device-name.ts";
import { CommandError } from "./errors.ts";
import type { Target } from "./target.ts";

/** Milliseconds until the platform must have answered. */
const TIMEOUT_MS = 30_000;
const MOST_ANSWER_BYTES = 1 << 24;
/** Between two looks at an action under way. */
const POLL_MS = 200;
/** A hosted platform limits the rate of requests. */
const HOSTED_POLL_MS = 1000;

/** How long to ask again after errors that may pass. */
const PATIENCE_MS = 60_000;
/** Too many requests; a gateway or the platform is not available. */
const TRANSIENT_STATUS: readonly number[] = [429, 502, 503, 504];

const REQUESTS = "/api/v0002/mgmt/requests";

export interface Action {
  readonly action: string;
  readonly parameters: readonly Parameter[];
}

/** How an action on a device ended, as the platform reports it. */
export interface Outcome {
  readonly done: boolean;
  /** The local platform: "done" for success. WIoTP: 0. */
  readonly status: unknown;
  readonly rc?: number;
  readonly message: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

interface Place {
  readonly hosted: boolean;
  readonly host: string;
  readonly port: number;
  /** Shown in messages. */
  readonly url: string;
}

/** May pass: the connection, or one of TRANSIENT_STATUS. */
class TransientError extends CommandError {}

export class RestClient {
  readonly #target: Target;
  readonly #signal: AbortSignal;
  readonly #place: Place;

  constructor(target: Target, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
    this.#place = restPlace(target);
  }

  /**
   * Starts an action on a device and waits for its end.
   * @param settings other members of the request
   * @throws CommandError if the platform does not start it, or does not say how it ended
   */
  async run({ action, parameters }: Action, { type, id }: DeviceName, settings: object = {}): Promise<Outcome> {
    const body = { action, parameters, devices: [{ typeId: type, deviceId: id }], ...settings };
    const { reqId } = ((await this.ask("POST", REQUESTS, body)) ?? {}) as { reqId?: unknown };
    if (typeof reqId !== "string" || !/^[\w-]{1,64}$/.test(reqId)) {
      throw new CommandError(`${action}: the platform gave no reqId`);
    }
    for (;;) {
      const answer = await this.#askPatiently(`${REQUESTS}/${reqId}/deviceStatus`);
      const { results = [] } = (answer ?? {}) as { results?: readonly (Partial<Outcome> & { complete?: boolean })[] };
      const [device] = results;
      if (!device) throw new CommandError(`${action}: the platform knows no status of the device`);
      const { complete, status = "failed", message = "" } = device;
      if (complete) return { ...device, done: status === "done" || status === 0, status, message };
      await this.#pause();
    }
  }

  /**
   * The JSON value that answers; undefined without a body.
   * @throws CommandError with the text of the platform when the status is not 2xx
   */
  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const { status, text } = await this.#send(method, path, body);
    if (status < 200 || status > 299) {
      const Reason = TRANSIENT_STATUS.includes(status) ? TransientError : CommandError;
      throw new Reason(text.slice(0, 500) || `the platform answered ${status}`);
    }
    try {
      return text === "" ? undefined : JSON.parse(text);
    } catch {
      throw new CommandError(`${this.#place.url}: what the platform answered to ${path} is not JSON`);
    }
  }

  /** Only for GET: another request may have been carried out although no answer arrived. */
  async #askPatiently(path: string): Promise<unknown> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await this.ask("GET", path);
      } catch (error) {
        if (!(error instanceof TransientError) || performance.now() > end) throw error;
      }
      await this.#pause();
    }
  }

  async #pause(): Promise<void> {
    await pause(this.#place.hosted ? HOSTED_POLL_MS : POLL_MS, undefined, { signal: this.#signal }).catch(() => {
      throw new CommandError("interrupted");
    });
  }

  async #send(method: string, path: string, body: unknown): Promise<{ status: number; text: string }> {
    const { org, local, mqtt } = this.#target;
    const { hosted, host, port, url } = this.#place;
    const { tls } = mqtt.endpoint;
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (mqtt.username !== undefined) {
      headers.authorization = `Basic ${Buffer.from(`${mqtt.username}:${mqtt.password}`).toString("base64")}`;
    }
    // A local platform takes the organization from the name that a hosted one has. The certificate has the other name.
    if (!hosted) headers.host = `${org}.messaging.local`;
    const ca = tls?.ca as string | undefined;
    const secure = tls && { servername: isIP(host) ? "" : host, ...(ca === undefined ? {} : { ca }) };
    const options = { host, port, method, path, headers, agent: false, signal: this.#signal, timeout: TIMEOUT_MS };
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        const sent = secure ? httpsRequest({ ...options, ...secure }) : httpRequest(options);
        sent.on("timeout", () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
        sent.on("error", reject);
        sent.on("response", resolve);
        sent.end(body === undefined ? undefined : JSON.stringify(body));
      });
      return { status: response.statusCode!, text: await textOf(response) };
    } catch (error) {
      if (this.#signal.aborted) throw new CommandError("interrupted");
      if (error instanceof CommandError) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      const hint = local && code === "ECONNREFUSED" ? "; is it running? 'iotf-embedded platform' starts one" : "";
      throw new TransientError(`${url}: ${message || code}${hint}`);
    }
  }
}

/**
 * Where the REST API is. A hosted platform at ORG.messaging.DOMAIN, with TLS, has it at https://ORG.DOMAIN; any other one
 * at the host and port that MQTT uses, as the local platform.
 */
export function restPlace({ org, mqtt: { endpoint } }: Target): Place {
  const { host, port, tls } = endpoint;
  const messaging = `${org}.messaging.`;
  const hosted = tls !== undefined && host.startsWith(messaging);
  if (hosted) {
    const name = `${org}.${host.slice(messaging.length)}`;
    return { hosted, host: name, port: 443, url: `https://${name}` };
  }
  return { hosted, host, port, url: originOf(tls ? "https" : "http", host, port) };
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    length += part.length;
    if (length > MOST_ANSWER_BYTES) throw new CommandError(`the answer has more than ${MOST_ANSWER_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}
