// Format "json": the JSON text of the data, no envelope, any JSON type (protocol sheet 4).

import { InvalidEventException } from "../errors.ts";
import type { Codec } from "./codec.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Longest part of a broken payload that is shown in an error, characters. */
const EXCERPT = 64;

export const jsonCodec: Codec = Object.freeze({
  encode(data: unknown): string {
    let text: string | undefined;
    try {
      text = JSON.stringify(data);
    } catch (error) {
      throw new InvalidEventException(`data cannot be written as JSON: ${(error as Error).message}`);
    }
    if (text === undefined) throw new InvalidEventException(`data cannot be written as JSON: ${typeof data}`);
    return text;
  },

  decode(message: { payload: Uint8Array }): { data: unknown } {
    let text = "";
    try {
      text = decodeUtf8(message.payload);
      return { data: JSON.parse(text) };
    } catch (error) {
      const shown = text.length > EXCERPT ? `${text.slice(0, EXCERPT)}...` : text;
      throw new InvalidEventException(`Unable to parse JSON.  payload="${shown}" error=${(error as Error).message}`);
    }
  },
});
