// Requests of an application to the REST API of a platform (docs/protocol.md 7.3).

import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { CommandError } from "./errors.ts";
import type { Target } from "./target.ts";

/** Milliseconds until the platform must have answered. */
const TIMEOUT_MS = 30_000;

export class RestClient {
  readonly #target: Target;
  readonly #signal: AbortSignal;

  constructor(target: Target, signal: AbortSignal) {
    this.#target = target;
    this.#signal = signal;
  }

  /**
   * The JSON value that answers; undefined without a body.
   * @throws CommandError with the text of the platform when the status is not 2xx
   */
  async ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await this.#send(method, path, body);
    const text = Buffer.concat(await response.toArray()).toString();
    const status = response.statusCode!;
    if (status < 200 || status > 299) throw new CommandError(text.slice(0, 500) || `the platform answered ${status}`);
    try {
      return text === "" ? undefined : JSON.parse(text);
    } catch {
      throw new CommandError(`${this.#target.url}: what the platform answered to ${path} is not JSON`);
    }
  }

  #send(method: string, path: string, body: unknown): Promise<IncomingMessage> {
    const { org, local, url, mqtt } = this.#target;
    const { host, port, tls } = mqtt.endpoint;
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (mqtt.username !== undefined) {
      headers.authorization = `Basic ${Buffer.from(`${mqtt.username}:${mqtt.password}`).toString("base64")}`;
    }
    // Without TLS it is a local platform, which takes the organization from the name that a hosted one has.
    if (!tls) headers.host = `${org}.messaging.local`;
    const ca = tls?.ca as string | undefined;
    const where = tls
      ? { host: host.replace(/^([^.]+)\.messaging\./, "$1."), port: 443, ...(ca === undefined ? {} : { ca }) }
      : { host, port };
    const options = { ...where, method, path, headers, agent: false, signal: this.#signal, timeout: TIMEOUT_MS };
    return new Promise((resolve, reject) => {
      const sent = tls ? httpsRequest(options) : httpRequest(options);
      sent.on("timeout", () => sent.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
      sent.on("error", (error: NodeJS.ErrnoException) => {
        const hint =
          local && error.code === "ECONNREFUSED" ? "; is it running? 'iotf-embedded platform' starts one" : "";
        const why = this.#signal.aborted ? "interrupted" : `${url}: ${error.message || error.code}${hint}`;
        reject(new CommandError(why));
      });
      sent.on("response", resolve);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
