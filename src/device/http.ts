// HttpClient: `ibmiotf.device.HttpClient` of the Python SDK for events, and commands by long polling, which no IBM client
// has (docs/protocol.md 6). An entry of its own, so that a device with MQTT only does not carry it. For sockets see
// HttpPorts.

import {
  ConfigurationException,
  ConnectionException,
  InvalidEventException,
  MissingMessageDecoderException,
  MissingMessageEncoderException,
} from "../errors.ts";
import { checkHosts } from "../mqtt/hosts.ts";
import { checkLimits } from "../mqtt/options.ts";
import type { Timer } from "../ports.ts";
import { encodeUtf8 } from "../utf8.ts";
import { base64 } from "./base64.ts";
import type { Codec } from "./codec/codec.ts";
import { Codecs, parsesJson, wantsTime } from "./codec/index.ts";
import { boundsFault } from "./codec/json-bounds.ts";
import { encodePayload } from "./codec/payload.ts";
import { configure, type DeviceConfig, type DeviceOptions } from "./config.ts";
import { contentTypeOf, formatOf } from "./http-formats.ts";
import type { HttpAnswer, HttpCommand, HttpFormat, HttpFormatData, HttpPorts, HttpRequest } from "./http-ports.ts";
import { levelFault } from "./topic.ts";

export type {
  HttpAnswer,
  HttpCommand,
  HttpFormat,
  HttpFormatData,
  HttpFormats,
  HttpPorts,
  HttpRequest,
} from "./http-ports.ts";

/** Longest wait for a command, seconds (docs/protocol.md 6). */
export const MAX_WAIT_SECS = 3600;

/** Default of the option `timeout`, seconds. */
const TIMEOUT_SECONDS = 30;
/** Most requests that wait for their answers: each holds its payload and a socket. */
const MAX_REQUESTS = 16;

type Done = (error: Error | undefined, answer: HttpAnswer | undefined) => void;

/** A request that has not ended. It ends once: with its answer, at its deadline, or when it is cancelled. */
class Exchange {
  private readonly timer: Timer;
  private readonly abort: () => void;
  private readonly done: Done;

  constructor(ports: HttpPorts, request: HttpRequest, timeoutMs: number, done: Done) {
    const where = `${request.endpoint.host}:${request.endpoint.port}`;
    this.done = done;
    this.timer = ports.clock.timer(() => {
      this.cancel(new ConnectionException(`timed out waiting for an answer from ${where}`, "timeout"));
    });
    this.abort = ports.post(request, (reason, answer) => {
      if (!answer) this.end(new ConnectionException(`cannot reach ${where}: ${reason}`, "unreachable"), undefined);
      else if (answer.status === 200 || answer.status === 204) this.end(undefined, answer);
      else this.end(refusal(answer.status), undefined);
    });
    this.timer.set(timeoutMs);
  }

  cancel(error: Error): void {
    this.abort();
    this.end(error, undefined);
  }

  private end(error: Error | undefined, answer: HttpAnswer | undefined): void {
    this.timer.clear();
    this.done(error, answer);
  }
}

/**
 * Client for HTTP: sends events and requests commands, each with a request of its own. Requests may overlap. Nothing is
 * retried and nothing is stored: what cannot be delivered is reported to the callback of the request.
 */
export class HttpClient {
  /** Called with what one of the application's callbacks threw. The client continues as if the callback had returned. */
  errorCallback: ((error: Error) => void) | undefined;

  private readonly config!: DeviceConfig;
  private readonly ports: HttpPorts;
  private readonly codecs = new Codecs();
  private readonly authorization: string | undefined;
  private readonly timeoutMs: number;
  private readonly limit: number;
  private readonly maxValues: number;
  private readonly hosts: string[]; // the first one is that of the next request
  private exchanges: Exchange[] = [];

  /**
   * @param options those of DeviceClient. `will`, `clean-session` and `keep-alive` have no effect. `timeout`: seconds until an
   * answer, default 30. `limits.frameBytes`: largest payload of a command, bytes, default 8192
   * @param ports the engine's HTTP, clock and randomness; the package's HTTP entry for each engine has them as default
   * @throws ConfigurationException naming the option, UnsupportedAuthenticationMethod
   */
  constructor(options: DeviceOptions | undefined, ports: HttpPorts) {
    this.ports = ports;
    // Hidden from whatever prints the client, as is what is made of it: they hold the token and the key for TLS.
    hide(
      this,
      "config",
      configure(options ?? {}, () => ports.random(), ports.serial),
    );
    checkSegment("type", this.config.type);
    checkSegment("id", this.config.id);
    const { username, password, timeout = TIMEOUT_SECONDS } = this.config.mqtt;
    const limits = checkLimits(this.config.mqtt.limits, false);
    this.hosts = checkHosts("host", this.config.mqtt.endpoint.host);
    if (username !== undefined) hide(this, "authorization", `Basic ${base64(encodeUtf8(`${username}:${password}`))}`);
    this.timeoutMs = Math.ceil(timeout * 1000);
    this.limit = limits.frameBytes;
    this.maxValues = limits.values;
  }

  /**
   * Adds a format or replaces one. It applies to what is sent and received from now on; at most 16 formats. Only formats
   * with a content type can be used: "json", "json-iotf", "text", "utf8", "xml", "bin", "raw".
   * @throws ConfigurationException for a format that is not one topic level, a codec without encode and decode, and the 17th
   * format (code `limit`)
   */
  setMessageEncoderModule<F extends HttpFormat>(format: F, codec: Codec<HttpFormatData<F>>): void {
    const fault = levelFault(format);
    if (fault) throw new ConfigurationException(`format ${fault}`);
    this.codecs.set(format, codec);
  }

  /**
   * Sends an event. The server delivers it as at QoS 0. The client keeps the payload in memory until the request ends.
   * @param event one topic level: not empty, no `/ + #`, no control characters; not "." or ".."
   * @param format the server knows four, by content type: "json" ("json-iotf" arrives as json), "text" or "utf8", "xml",
   * and "bin" or "raw". Quickstart: "json" only
   * @param data what the codec of the format takes; its payload is 1..131072 bytes
   * @param onPublish called once: without an error when the server has accepted the event, else with one of
   * ConnectionException `unreachable`, `timeout`, `refused` (`returnCode` is the HTTP status) or `not-connected` (close()
   * was called), or InvalidEventException if the server refuses this event (HTTP status 400, 413 or 415)
   * @returns false when 16 requests wait for their answers: nothing is kept, and `onPublish` is not called
   * @throws InvalidEventException, MissingMessageEncoderException, ConfigurationException if the certificates of the options
   * can never work, and what the codec throws; nothing is sent
   */
  publishEvent<F extends HttpFormat>(
    event: string,
    format: F,
    data: HttpFormatData<F>,
    onPublish?: (error?: Error) => void,
  ): boolean {
    const fault = segmentFault(event);
    if (fault) throw new InvalidEventException(`event id ${fault}`);
    if (this.config.quickstart && format !== "json") {
      throw new InvalidEventException(`Quickstart takes format json only, not ${format}`);
    }
    const contentType = contentTypeOf(format);
    const codec = this.codec(format);
    if (!codec) throw new MissingMessageEncoderException(format);
    if (!contentType) throw new InvalidEventException(`format ${format} has no content type in HTTP`);
    const body = encodePayload(codec, data, wantsTime(codec), this.ports.clock);
    if (!body.length) throw new InvalidEventException("an event without payload cannot be sent over HTTP");
    return this.post(`events/${encodeURIComponent(event)}`, contentType, body, this.timeoutMs, error => {
      if (onPublish) error ? onPublish(error) : onPublish();
    });
  }

  /**
   * Requests one command and waits for it.
   * @param command its id, one topic level, or "+" for any command
   * @param waitTimeSecs seconds that the server waits for a command, a whole number 0..3600
   * @param onCommand called once: with a command; with an error, as in publishEvent, also MissingMessageDecoderException, and
   * ConnectionException `limit` for a payload above `limits.frameBytes`; or with neither, if no command came. The server
   * has deleted the command in each case
   * @returns false when 16 requests wait for their answers: nothing is sent, and `onCommand` is not called
   * @throws InvalidEventException for arguments that cannot be sent, and for Quickstart
   */
  requestCommand(
    command: string,
    waitTimeSecs: number,
    onCommand: (error: Error | undefined, command: HttpCommand | undefined) => void,
  ): boolean {
    const fault = command === "+" ? "" : segmentFault(command);
    if (fault) throw new InvalidEventException(`command id ${fault}`);
    if (!(waitTimeSecs >= 0 && waitTimeSecs <= MAX_WAIT_SECS && waitTimeSecs % 1 === 0)) {
      throw new InvalidEventException(`waitTimeSecs must be a whole number 0..${MAX_WAIT_SECS}, not ${waitTimeSecs}`);
    }
    if (this.config.quickstart) throw new InvalidEventException("Quickstart has no commands");
    const path = `commands/${command === "+" ? command : encodeURIComponent(command)}/request`;
    const body = encodeUtf8(`{"waitTimeSecs":${waitTimeSecs}}`);
    return this.post(path, "application/json", body, waitTimeSecs * 1000 + this.timeoutMs, (error, answer) => {
      if (error || answer!.status === 204) return onCommand(error, undefined);
      let decoded: HttpCommand;
      try {
        decoded = this.decoded(command, answer!);
      } catch (failure) {
        return onCommand(failure as Error, undefined);
      }
      onCommand(undefined, decoded);
    });
  }

  /** Cancels all requests; their callbacks get ConnectionException `not-connected`. The client can be used again. */
  close(): void {
    const exchanges = this.exchanges;
    this.exchanges = [];
    for (let i = 0; i < exchanges.length; i++) {
      exchanges[i]!.cancel(new ConnectionException("dropped by close()", "not-connected"));
    }
  }

  // The formats of the server are content types; "text", "xml" and "bin" have codecs under other names.
  private codec(format: string): Codec | undefined {
    const own = this.codecs.get(format);
    if (own) return own;
    if (format === "bin") return this.codecs.get("raw");
    return format === "text" || format === "xml" ? this.codecs.get("utf8") : undefined;
  }

  private decoded(asked: string, { contentType, commandId, body }: HttpAnswer): HttpCommand {
    const command = asked === "+" ? commandId : asked;
    if (!command) throw new InvalidEventException("the answer does not name its command");
    if (body.length > this.limit) {
      throw new ConnectionException(`command ${command} is larger than limits.frameBytes`, "limit");
    }
    const format = formatOf(contentType);
    const codec = this.codec(format);
    if (!codec) throw new MissingMessageDecoderException(format);
    const message = { topic: `iot-2/cmd/${command}/fmt/${format}`, payload: body };
    const fault = parsesJson(codec) ? boundsFault(body, this.maxValues) : "";
    if (fault) throw new InvalidEventException(`command ${command}: ${fault}`);
    const { data, timestamp } = codec.decode(message);
    return { command, format, data, timestamp: timestamp ?? new Date(this.ports.clock.date()) } as HttpCommand;
  }

  private post(path: string, contentType: string, body: Uint8Array, timeoutMs: number, done: Done): boolean {
    if (this.exchanges.length >= MAX_REQUESTS) return false;
    const { type, id, mqtt, warning } = this.config;
    if (warning) {
      delete this.config.warning; // told once
      this.invoke(() => {
        throw warning;
      });
    }
    const host = this.hosts[0]!;
    const headers: Record<string, string> = { "content-type": contentType };
    if (this.authorization) headers.authorization = this.authorization;
    const request: HttpRequest = {
      endpoint: Object.assign({}, mqtt.endpoint, { host }),
      path: `/api/v0002/device/types/${type}/devices/${id}/${path}`,
      headers,
      body,
      limit: this.limit,
    };
    const exchange = new Exchange(this.ports, request, timeoutMs, (error, answer) => {
      this.exchanges = this.exchanges.filter(other => other !== exchange);
      const { code } = (error ?? {}) as Partial<ConnectionException>;
      if (code === "unreachable" || code === "timeout") this.avoid(host);
      this.invoke(() => done(error, answer));
    });
    this.exchanges.push(exchange);
    return true;
  }

  // Only if `host` is still the first one: requests that overlap may fail together.
  private avoid(host: string): void {
    if (this.hosts[0] === host) this.hosts.push(this.hosts.shift()!);
  }

  private invoke(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      try {
        this.errorCallback?.(error as Error);
      } catch {
        // The application's own error handler failed: there is no other one.
      }
    }
  }
}

// docs/protocol.md 6. An InvalidEventException concerns this one event, a ConnectionException the device or the server.
function refusal(status: number): Error {
  const text = `refused with HTTP status ${status}: ${meaning(status)}`;
  if (status === 400 || status === 413 || status === 415) return new InvalidEventException(text);
  return new ConnectionException(text, "refused", status);
}

function meaning(status: number): string {
  switch (status) {
    case 400:
      return "malformed";
    case 401:
    case 403:
      return "wrong credentials, organization or device";
    case 404:
    case 405:
      return "no such path on this host";
    case 413:
      return "too large";
    case 415:
      return "unknown content type";
    case 503:
      return "server unavailable or at capacity";
  }
  return status < 400 ? "not an answer of this API" : "server error";
}

/** Says why `text` cannot be one level of a topic and one segment of a path; "" if it can. */
function segmentFault(text: string): string {
  // "." and ".." stay what they are when percent-encoded, and every URL parser resolves them: the path would be another.
  return levelFault(text) || (text === "." || text === ".." ? `"${text}" cannot be part of an HTTP path` : "");
}

function hide(client: HttpClient, name: string, value: unknown): void {
  Object.defineProperty(client, name, { value });
}

function checkSegment(option: string, text: string): void {
  const fault = segmentFault(text);
  if (fault) throw new ConfigurationException(`${option} ${fault}`);
}
