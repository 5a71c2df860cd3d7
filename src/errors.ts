// Every error that the library throws or reports. Class names are those of the Python client. Each class has a literal
// `code`, so that programs and TypeScript tell them apart. No text ever holds a token or a password.
//
// Names are accessors: on a device `Error.prototype` is frozen, and `this.name = …` throws.

/**
 * Code of an error about a connection or a request:
 * - `refused`: the server answered CONNECT with a return code other than 0, or HTTP with a status of failure; see
 *   `returnCode`. After CONNACK 3 (server unavailable) the client retries, after the other codes it does not.
 * - `unreachable`: no connection came up: the name is unknown, nothing listens, or TLS failed. The client retries.
 * - `timeout`: the server did not answer within `timeout` seconds, did not acknowledge a packet that was sent again, sent nothing
 *   for 1 to 1.5 keep-alive periods, or took no bytes for half of one. The client retries.
 * - `closed`: the server or the network ended the connection. The client retries.
 * - `takeover`: the server ends each connection soon after CONNACK. Another client may use the same client id. The client
 *   retries with growing delays, as after any loss.
 * - `protocol`: the server sent bytes that MQTT 3.1.1 does not allow, or so many messages that 64 acknowledgements wait for
 *   the network. The client closes the connection and retries.
 * - `limit`: a message, topic or request does not fit the `limits` of the client.
 * - `undeliverable`: the server closed several connections while the same message was unconfirmed; it may refuse it. The
 *   client keeps sending it, unless `limits.redeliveries` allows it to drop the message.
 * - `not-connected`: connect() was not called, or disconnect() or close() dropped the message or request.
 * - `subscribe`: the server refused a subscription, or the subscription was replaced before the server answered.
 */
export type ConnectionErrorCode =
  | "refused"
  | "unreachable"
  | "timeout"
  | "closed"
  | "takeover"
  | "protocol"
  | "limit"
  | "undeliverable"
  | "not-connected"
  | "subscribe";

/** The connection was not made, was refused or was lost. Base class of the errors about options. */
export class ConnectionException extends Error {
  override get name(): string {
    return "ConnectionException";
  }

  /** See {@link ConnectionErrorCode}. The other codes are those of the subclasses. */
  readonly code: ConnectionErrorCode | "configuration" | "auth-method";
  /** If `code` is "refused": the return code of CONNACK, 1..5 (MQTT 3.1.1, 3.2.2.3), the HTTP status, or the `rc` of the server of device management. Else 0. */
  readonly returnCode: number;

  constructor(message: string, code: ConnectionException["code"] = "closed", returnCode = 0) {
    super(message);
    this.code = code;
    this.returnCode = returnCode;
  }
}

/**
 * An option is missing, unknown or has a wrong value; the text names it. Thrown by constructors and methods before
 * anything is sent; also the reason in disconnectedCallback if the endpoint can never work, and the warning in
 * errorCallback that a token is sent in clear text. `limit`: the value does not fit one of the `limits`.
 */
export class ConfigurationException extends ConnectionException {
  override get name(): string {
    return "ConfigurationException";
  }

  declare readonly code: "configuration" | "limit";

  constructor(message: string, code: ConfigurationException["code"] = "configuration") {
    super(message, code);
  }
}

/** The option `auth-method` is neither "token" nor "apikey". Thrown by the constructor of a client. */
export class UnsupportedAuthenticationMethod extends ConnectionException {
  override get name(): string {
    return "UnsupportedAuthenticationMethod";
  }

  declare readonly code: "auth-method";

  constructor(method: string) {
    super(`Unsupported authentication method: ${method}`, "auth-method");
  }
}

/** An event cannot be sent (thrown), or a message cannot be decoded (reported to `errorCallback`). */
export class InvalidEventException extends Error {
  override get name(): string {
    return "InvalidEventException";
  }

  readonly code: "invalid-event";

  constructor(reason: string) {
    super(`Invalid Event: ${reason}`);
    this.code = "invalid-event";
  }
}

/** publishEvent was called with a format that has no codec. Thrown; nothing is sent. */
export class MissingMessageEncoderException extends Error {
  override get name(): string {
    return "MissingMessageEncoderException";
  }

  readonly code: "no-encoder";

  constructor(format: string) {
    super(`No message encoder defined for message format: ${format}`);
    this.code = "no-encoder";
  }
}

/**
 * A command arrived in a format that has no codec. Reported to `errorCallback`; the client acknowledges and drops the
 * command.
 */
export class MissingMessageDecoderException extends Error {
  override get name(): string {
    return "MissingMessageDecoderException";
  }

  readonly code: "no-decoder";

  constructor(format: string) {
    super(`No message decoder defined for message format: ${format}`);
    this.code = "no-decoder";
  }
}

/** Every error of this library. `error.code === "refused"` narrows it to the classes that have this code. */
export type IotfError =
  | (ConnectionException & { readonly code: ConnectionErrorCode })
  | ConfigurationException
  | UnsupportedAuthenticationMethod
  | InvalidEventException
  | MissingMessageEncoderException
  | MissingMessageDecoderException;

/**
 * What `errorCallback` gets: an error of this library, or whatever a callback, a codec or a store of the application has
 * thrown. Comparing `code` tells them apart.
 */
export type ReportedError = IotfError | (Error & { readonly code?: undefined });

/** The codes of all errors of this library. */
export type ErrorCode = IotfError["code"];
