// What the built-in codecs share: payloads that are text, JSON in both directions, and the errors of both.

import { InvalidEventException } from "../errors.ts";
import { isTooDeep, MAX_DEPTH } from "./depth.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Longest part of a broken payload that is shown in an error, characters. */
const EXCERPT = 64;

/** What a codec is given to decode, as far as the built-in ones look at it. */
export interface Encoded {
  payload: Uint8Array;
}

/** @throws InvalidEventException beginning with `failure` when the payload is not UTF-8 */
export function payloadText(message: Encoded, failure: string): string {
  try {
    return decodeUtf8(message.payload);
  } catch (error) {
    throw unreadable(failure, hexStart(message.payload), error);
  }
}

/** @throws InvalidEventException when the payload is not JSON in UTF-8, or nested deeper than {@link MAX_DEPTH} */
export function payloadJson(message: Encoded): unknown {
  if (isTooDeep(message.payload)) {
    throw new InvalidEventException(`Unable to parse JSON.  nested deeper than ${MAX_DEPTH} levels`);
  }
  const text = payloadText(message, "Unable to parse JSON.");
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable("Unable to parse JSON.", text, error);
  }
}

/** @throws InvalidEventException for what JSON has no text for: undefined, functions, cycles */
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

// The text of the Python client, with its two blanks (protocol sheet 4).
function unreadable(failure: string, text: string, error: unknown): InvalidEventException {
  const shown = text.length > EXCERPT ? `${text.slice(0, EXCERPT)}...` : text;
  return new InvalidEventException(`${failure}  payload="${shown}" error=${(error as Error).message}`);
}

/** The first bytes of what is no text, in hex. */
function hexStart(payload: Uint8Array): string {
  let shown = "";
  for (let i = 0; i < payload.length && shown.length <= EXCERPT; i++) {
    shown += `${i ? " " : ""}${(payload[i]! + 256).toString(16).slice(1)}`;
  }
  return shown;
}
