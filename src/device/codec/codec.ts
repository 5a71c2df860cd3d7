// A codec converts between data and the payload of one format, in both directions. Types only.

/**
 * Data types of the formats, by format name. An application adds its own format by declaration merging and gives its
 * codec to `setMessageEncoderModule`:
 *
 *     declare module "iotf-embedded" {
 *       interface Formats { csv: string[] }
 *     }
 *
 * Formats that are not declared here can be used too; their data are `unknown`.
 */
export interface Formats {
  /** Any value that JSON can write, without an envelope. */
  json: unknown;
  /** The same, sent as {"d": data, "ts": time}. */
  "json-iotf": unknown;
  /** Text, sent as UTF-8. */
  utf8: string;
  raw: Uint8Array;
}

/** Name of a format: a declared one, or any other that the application registers at run time. */
export type Format = keyof Formats | (string & {});

/** Type of the data of a format; `unknown` if the format is not declared in {@link Formats}. */
export type FormatData<F extends Format> = F extends keyof Formats ? Formats[F] : unknown;

/** @typeParam T type of the data */
export interface Codec<T = unknown> {
  /**
   * Returns the payload for `data`: bytes, or text that is sent as UTF-8. `timestamp` is the time of publishing.
   * @throws InvalidEventException if `data` cannot be written in this format; nothing is sent
   */
  encode(data: T, timestamp: Date): string | Uint8Array;
  /**
   * Returns the data in `message.payload`. The payload is valid until decode returns.
   * @throws InvalidEventException if it cannot be read; the client reports it to `errorCallback`, acknowledges the command
   * and drops it
   */
  decode(message: EncodedMessage): DecodedMessage<T>;
}

export interface EncodedMessage {
  topic: string;
  /** Valid until `decode` returns; copy what is needed longer. */
  payload: Uint8Array;
}

export interface DecodedMessage<T = unknown> {
  data: T;
  /** When the sender made the message. Without it the time of receipt is used. */
  timestamp?: Date;
}
