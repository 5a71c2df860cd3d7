// What a codec is: one payload format, in both directions (protocol sheet 4.2). Types only.

export interface Codec {
  /**
   * The payload for `data`: bytes, or text that is sent as UTF-8. `timestamp` is the time of publishing.
   * @throws InvalidEventException when `data` cannot be written in this format; nothing is sent
   */
  encode(data: unknown, timestamp: Date): string | Uint8Array;
  /**
   * The data in `message.payload`, which is valid until decode returns.
   * @throws InvalidEventException when it cannot be read; it is reported to `errorCallback`, the command is dropped
   */
  decode(message: EncodedMessage): DecodedMessage;
}

export interface EncodedMessage {
  topic: string;
  payload: Uint8Array;
}

export interface DecodedMessage {
  data: unknown;
  /** When the sender made it; the time of receipt when absent. */
  timestamp?: Date;
}
