// Every error this library raises or reports, by the names of the Python client's documentation. Each carries a stable
// `code` to switch on; the text is for people. No text ever holds a token or password.
//
// Names are accessors: on a device `Error.prototype` is frozen, and `this.name = …` throws.

/** The connection could not be made, was refused, or was lost. Base of the two configuration errors, as in `ibmiotf`. */
export class ConnectionException extends Error {
  override get name(): string {
    return "ConnectionException";
  }

  /** See {@link ErrorCode}. */
  readonly code: ErrorCode;
  /** Where `code` is "refused": the CONNACK return code, 1..5 (MQTT 3.1.1, 3.2.2.3), or over HTTP the status. Else 0. */
  readonly returnCode: number;

  constructor(message: string, code: ErrorCode = "closed", returnCode = 0) {
    super(message);
    this.code = code;
    this.returnCode = returnCode;
  }
}

/** An option is missing, unknown or has a wrong value. Thrown before anything is sent; names the option. */
export class ConfigurationException extends ConnectionException {
  override get name(): string {
    return "ConfigurationException";
  }

  constructor(message: string, code: ErrorCode = "configuration") {
    super(message, code);
  }
}

/** `auth-method` is neither "token" nor "apikey" (protocol sheet 1.3). */
export class UnsupportedAuthenticationMethod extends ConnectionException {
  override get name(): string {
    return "UnsupportedAuthenticationMethod";
  }

  constructor(method: string) {
    super(`Unsupported authentication method: ${method}`, "auth-method");
  }
}

/** An event that may not be sent, or a message that cannot be decoded. The first is thrown, the second reported. */
export class InvalidEventException extends Error {
  override get name(): string {
    return "InvalidEventException";
  }

  readonly code: ErrorCode;

  constructor(reason: string) {
    super(`Invalid Event: ${reason}`);
    this.code = "invalid-event";
  }
}

/** publishEvent was given a format without a codec. Thrown; nothing is sent. */
export class MissingMessageEncoderException extends Error {
  override get name(): string {
    return "MissingMessageEncoderException";
  }

  readonly code: ErrorCode;

  constructor(format: string) {
    super(`No message encoder defined for message format: ${format}`);
    this.code = "no-encoder";
  }
}

/** A command arrived in a format without a codec. Reported to `errorCallback`; the command is acknowledged and dropped. */
export class MissingMessageDecoderException extends Error {
  override get name(): string {
    return "MissingMessageDecoderException";
  }

  readonly code: ErrorCode;

  constructor(format: string) {
    super(`No message decoder defined for message format: ${format}`);
    this.code = "no-decoder";
  }
}

/**
 * - `configuration`, `auth-method`: the options are wrong; mend the program.
 * - `invalid-event`, `no-encoder`, `no-decoder`: this one event or command is wrong; the client lives on.
 * - `refused`: the server answered CONNECT with a code other than 0, or HTTP with a bad status; see `returnCode`.
 * - `unreachable`: no connection came up. `timeout`: the server did not answer in time. `closed`: the stream ended.
 *   `takeover`: the stream ends again and again soon after a good CONNACK. All are retried with back-off.
 * - `protocol`: the server broke MQTT 3.1.1; the connection was closed and is retried.
 * - `limit`: something did not fit the limits the caller set. `not-connected`: connect() was not called.
 * - `subscribe`: the server refused a subscription, or it was made anew before the server answered.
 */
export type ErrorCode =
  | "configuration"
  | "auth-method"
  | "invalid-event"
  | "no-encoder"
  | "no-decoder"
  | "refused"
  | "unreachable"
  | "timeout"
  | "closed"
  | "takeover"
  | "protocol"
  | "limit"
  | "not-connected"
  | "subscribe";
