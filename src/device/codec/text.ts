// Text and JSON in both directions, with their errors, for the built-in codecs.

import { InvalidEventException } from "../../errors.ts";
import { decodeUtf8, NO_BYTES } from "../../utf8.ts";
import { boundsFault } from "./json-bounds.ts";

/** Most characters of an unreadable payload that an error shows. */
const EXCERPT = 64;

/** The part of EncodedMessage that the built-in codecs use. */
export interface Encoded {
  payload: Uint8Array;
}

/** @throws InvalidEventException that begins with `failure` if the payload is not UTF-8 */
export function payloadText(message: Encoded, failure: string): string {
  try {
    return decodeUtf8(message.payload);
  } catch (error) {
    throw unreadable(failure, hexStart(message.payload), error);
  }
}

/** @throws InvalidEventException if the payload is not JSON in UTF-8, or is nested too deep; see json-bounds.ts */
export function payloadJson(message: Encoded): unknown {
  const fault = boundsFault(message.payload, message.payload.length);
  if (fault) throw new InvalidEventException(`Unable to parse JSON.  ${fault}`);
  const text = payloadText(message, "Unable to parse JSON.");
  // A large payload and its text need not be in memory together while a tree of values is made: see Decoder.resume().
  message.payload = NO_BYTES;
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable("Unable to parse JSON.", text, error);
  }
}

/** @throws InvalidEventException for data that JSON cannot write: undefined, functions, cycles */
export function jsonText(data: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (error) {
    throw new InvalidEventException(`data cannot be written as JSON: ${(error as Error).message}`);
  }
  if (text === undefined) throw new InvalidEventException(`data cannot be written as JSON: ${typeof data}`);
  return text;
}

// The text is that of the Python client, with its two blanks (docs/protocol.md 4).
function unreadable(failure: string, text: string, error: unknown): InvalidEventException {
  const shown = text.length > EXCERPT ? `${text.substring(0, EXCERPT)}...` : text;
  return new InvalidEventException(`${failure}  payload="${shown}" error=${(error as Error).message}`);
}

/** The first bytes in hexadecimal. */
function hexStart(payload: Uint8Array): string {
  let shown = "";
  for (let i = 0; i < payload.length && shown.length <= EXCERPT; i++) {
    shown += `${i ? " " : ""}${(payload[i]! + 256).toString(16).substring(1)}`;
  }
  return shown;
}
