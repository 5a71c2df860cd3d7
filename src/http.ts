// HttpClient: `ibmiotf.device.HttpClient`, events out and, what no IBM client had, commands in by long polling (protocol
// sheet 6). An entry of its own: a device that speaks MQTT only carries none of it. No sockets: see HttpPorts.

import {
  type Clock,
  type Codec,
  Codecs,
  type Command,
  ConfigurationException,
  ConnectionException,
  configure,
  type DeviceConfig,
  type DeviceOptions,
  type Endpoint,
  encodePayload,
  encodeUtf8,
  InvalidEventException,
  levelFault,
  MissingMessageDecoderException,
  MissingMessageEncoderException,
  type Timer,
  wantsTime,
} from "./index.ts";

/** One POST. */
export interface HttpRequest {
  endpoint: Endpoint;
  /** With "/" first, percent-encoded. */
  path: string;
  /** Lower-case names; no host and no length, which are the port's. */
  headers: Record<string, string>;
  /** May be empty. Not changed until the answer is there. */
  body: Uint8Array;
  /** Most bytes wanted of an answer's body. Reading may stop with the first byte beyond. */
  limit: number;
}

export interface HttpAnswer {
  /** 100..599. */
  status: number;
  /** Header content-type as it came; "" when absent. */
  contentType: string;
  /** Header x-commandid, "" when absent. */
  commandId: string;
  /** Valid until `done` returns. */
  body: Uint8Array;
}

/** What HttpClient needs of an engine. One set may serve several clients. */
export interface HttpPorts {
  /**
   * Sends a request over a connection of its own. Calls `done` once and never from inside: with the answer, or with a
   * reason for people why there is none. Returns what gives the request up: `done` is not called after that. Throws
   * only if `endpoint` can never work.
   */
  post(request: HttpRequest, done: (reason: string | undefined, answer: HttpAnswer | undefined) => void): () => void;
  clock: Clock;
  random(): number;
  /** See Ports. */
  serial?: string;
}

/** Longest wait for a command, seconds (protocol sheet 6). */
export const MAX_WAIT_SECS = 3600;

const TIMEOUT_MS = 30_000;
/** Default for the largest command, as over MQTT. */
const LIMIT_BYTES = 8192;

type Done = (error: Error | undefined, answer: HttpAnswer | undefined) => void;

/** A request on its way. It ends once: with its answer, its deadline, or when it is given up. */
class Exchange {
  private readonly timer: Timer;
  private readonly abort: () => void;
  private readonly done: Done;

  constructor(ports: HttpPorts, request: HttpRequest, timeoutMs: number, done: Done) {
    const where = `${request.endpoint.host}:${request.endpoint.port}`;
    this.done = done;
    this.timer = ports.clock.timer(() => {
      this.giveUp(new ConnectionException(`timed out waiting for an answer from ${where}`, "timeout"));
    });
    this.abort = ports.post(request, (reason, answer) => {
      if (!answer) this.end(new ConnectionException(`cannot reach ${where}: ${reason}`, "unreachable"), undefined);
      else if (answer.status === 200 || answer.status === 204) this.end(undefined, answer);
      else this.end(refusal(answer.status), undefined);
    });
    this.timer.set(timeoutMs);
  }

  giveUp(error: Error): void {
    this.abort();
    this.end(error, undefined);
  }

  private end(error: Error | undefined, answer: HttpAnswer | undefined): void {
    this.timer.clear();
    this.done(error, answer);
  }
}

export class HttpClient {
  /** What one of the application's callbacks threw. The client goes on as if it had returned. */
  errorCallback: ((error: Error) => void) | undefined;

  private readonly config: DeviceConfig;
  private readonly ports: HttpPorts;
  private readonly codecs = new Codecs();
  private readonly authorization: string | undefined;
  private readonly timeoutMs: number;
  private readonly limit: number;
  private exchanges: Exchange[] = [];

  /**
   * @param options those of DeviceClient; `will`, `clean-session` and `keep-alive` have no meaning here, `timeout` is for
   * an answer, `limits.frameBytes` for the payload of a command
   * @throws ConfigurationException, UnsupportedAuthenticationMethod
   */
  constructor(options: DeviceOptions | undefined, ports: HttpPorts) {
    this.ports = ports;
    this.config = configure(options ?? {}, () => ports.random(), ports.serial);
    const { username, password, timeoutMs, limits } = this.config.mqtt;
    if (username !== undefined) this.authorization = `Basic ${base64(encodeUtf8(`${username}:${password}`))}`;
    this.timeoutMs = timeoutMs ?? TIMEOUT_MS;
    this.limit = limits?.frameBytes ?? LIMIT_BYTES;
  }

  /** Adds a format or replaces one; see DeviceClient. */
  setMessageEncoderModule(format: string, codec: Codec): void {
    const fault = levelFault(format);
    if (fault) throw new ConfigurationException(`format ${fault}`);
    this.codecs.set(format, codec);
  }

  /**
   * Sends an event. It is on its way when this returns, and delivered as at QoS 0: confirmed means that the server has
   * taken it. The payload is kept until then.
   * @param event one topic level, as in DeviceClient
   * @param format the server names formats by content type and knows four: "json" (and "json-iotf", which arrives as
   * json), "text" (and "utf8"), "xml", "bin" (and "raw"); protocol sheet 4.3
   * @param data what the codec of the format takes; "text" and "xml" take strings, "bin" a Uint8Array
   * @param onPublish called once: without error when confirmed. Errors: ConnectionException `unreachable`, `timeout`,
   * `refused` (with the HTTP status as returnCode), `not-connected` (close() was called); InvalidEventException when
   * the server does not take this event (400, 413, 415)
   * @throws InvalidEventException, MissingMessageEncoderException; nothing is sent
   */
  publishEvent(event: string, format: string, data: unknown, onPublish?: (error?: Error) => void): void {
    const fault = levelFault(event);
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
    this.post(`events/${encodeURIComponent(event)}`, contentType, body, this.timeoutMs, error => {
      if (onPublish) error ? onPublish(error) : onPublish();
    });
  }

  /**
   * Asks for a command and waits for it.
   * @param command its id; "+" for any
   * @param waitTimeSecs whole seconds, 0..3600: how long the server holds the request while there is none
   * @param onCommand called once: with an error (as in publishEvent; also MissingMessageDecoderException, and
   * ConnectionException `limit` for a payload above `limits.frameBytes`), with a command, or with neither: none came
   * @throws InvalidEventException for arguments that cannot be sent
   */
  requestCommand(
    command: string,
    waitTimeSecs: number,
    onCommand: (error: Error | undefined, command: Command | undefined) => void,
  ): void {
    const fault = command === "+" ? "" : levelFault(command);
    if (fault) throw new InvalidEventException(`command id ${fault}`);
    if (!(waitTimeSecs >= 0 && waitTimeSecs <= MAX_WAIT_SECS && waitTimeSecs % 1 === 0)) {
      throw new InvalidEventException(`waitTimeSecs must be a whole number 0..${MAX_WAIT_SECS}, not ${waitTimeSecs}`);
    }
    if (this.config.quickstart) throw new InvalidEventException("Quickstart has no commands");
    const path = `commands/${command === "+" ? command : encodeURIComponent(command)}/request`;
    const body = encodeUtf8(`{"waitTimeSecs":${waitTimeSecs}}`);
    this.post(path, "application/json", body, waitTimeSecs * 1000 + this.timeoutMs, (error, answer) => {
      if (error || answer!.status === 204) return onCommand(error, undefined);
      let decoded: Command;
      try {
        decoded = this.decoded(command, answer!);
      } catch (failure) {
        return onCommand(failure as Error, undefined);
      }
      onCommand(undefined, decoded);
    });
  }

  /** Gives up every request; their callbacks get ConnectionException `not-connected`. The client can be used again. */
  close(): void {
    const exchanges = this.exchanges;
    this.exchanges = [];
    for (let i = 0; i < exchanges.length; i++) {
      exchanges[i]!.giveUp(new ConnectionException("dropped by close()", "not-connected"));
    }
  }

  // The server's names for formats are those of content types; ours are those of the codecs.
  private codec(format: string): Codec | undefined {
    const own = this.codecs.get(format);
    if (own || format === "json") return own;
    return this.codecs.get(format === "bin" ? "raw" : format === "text" || format === "xml" ? "utf8" : format);
  }

  private decoded(asked: string, { contentType, commandId, body }: HttpAnswer): Command {
    const command = asked === "+" ? commandId : asked;
    if (!command) throw new InvalidEventException("the answer does not name its command");
    if (body.length > this.limit) {
      throw new ConnectionException(`command ${command} is larger than limits.frameBytes`, "limit");
    }
    const format = formatOf(contentType);
    const codec = this.codec(format);
    if (!codec) throw new MissingMessageDecoderException(format);
    const message = { topic: `iot-2/cmd/${command}/fmt/${format}`, payload: body };
    const { data, timestamp } = codec.decode(message);
    return { command, format, data, timestamp: timestamp ?? new Date(this.ports.clock.date()) };
  }

  private post(path: string, contentType: string, body: Uint8Array, timeoutMs: number, done: Done): void {
    const { type, id, mqtt } = this.config;
    const headers: Record<string, string> = { "content-type": contentType };
    if (this.authorization) headers.authorization = this.authorization;
    const request: HttpRequest = {
      endpoint: mqtt.endpoint,
      path: `/api/v0002/device/types/${type}/devices/${id}/${path}`,
      headers,
      body,
      limit: this.limit,
    };
    const exchange = new Exchange(this.ports, request, timeoutMs, (error, answer) => {
      this.exchanges = this.exchanges.filter(other => other !== exchange);
      this.tell(() => done(error, answer));
    });
    this.exchanges.push(exchange);
  }

  private tell(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      try {
        this.errorCallback?.(error as Error);
      } catch {
        // There is nobody left to tell.
      }
    }
  }
}

// Protocol sheet 4.3.
function contentTypeOf(format: string): string | undefined {
  switch (format) {
    case "json":
    case "json-iotf":
      return "application/json";
    case "text":
    case "utf8":
      return "text/plain; charset=utf-8";
    case "xml":
      return "application/xml";
    case "bin":
    case "raw":
      return "application/octet-stream";
  }
  return undefined;
}

/** The server's format name for a content type; the content type itself where it has none. */
function formatOf(contentType: string): string {
  const bare = contentType.split(";")[0]!.trim().toLowerCase();
  switch (bare) {
    case "application/json":
      return "json";
    case "text/plain":
      return "text";
    case "application/xml":
      return "xml";
    case "application/octet-stream":
      return "bin";
  }
  return bare;
}

// Protocol sheet 6. What is wrong with this one event is told apart from what is wrong with the device or the server.
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

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const three = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += DIGITS.charAt(three >> 18) + DIGITS.charAt((three >> 12) & 63);
    text += i + 1 < bytes.length ? DIGITS.charAt((three >> 6) & 63) : "=";
    text += i + 2 < bytes.length ? DIGITS.charAt(three & 63) : "=";
  }
  return text;
}
