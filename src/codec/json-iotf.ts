// Format "json-iotf": JSON data in the envelope {"d": data, "ts": time}, the first default of the platform (protocol
// sheet 4.1). A timestamp is written with milliseconds, in six digits as Python has them, and with +00:00.

import { InvalidEventException } from "../errors.ts";
import type { Codec, DecodedMessage } from "./codec.ts";
import { type Encoded, jsonText, payloadJson } from "./text.ts";

export const jsonIotfCodec: Codec = Object.freeze({
  encode(data: unknown, timestamp: Date): string {
    return `{"d":${jsonText(data)},"ts":"${isoText(timestamp)}"}`;
  },

  /** Without "d" the data is null; without "ts" the time is that of receipt; other keys are not looked at. */
  decode(message: Encoded): DecodedMessage {
    const envelope = payloadJson(message) as { d?: unknown; ts?: unknown } | null;
    if (typeof envelope !== "object" || !envelope || Array.isArray(envelope)) {
      throw new InvalidEventException("Unable to parse JSON.  json-iotf is an object with d and ts");
    }
    const data = envelope.d === undefined ? null : envelope.d;
    return envelope.ts === undefined ? { data } : { data, timestamp: parseIso(envelope.ts) };
  },
});

function isoText(time: Date): string {
  const text = time.toISOString();
  const fraction = text.slice(19, 23);
  return `${text.slice(0, 19)}${fraction === ".000" ? "" : `${fraction}000`}+00:00`;
}

// Date, then hours and minutes, seconds, fraction, and the zone.
const ISO = /^(\d\d\d\d-\d\d-\d\d)([T ](\d\d:\d\d)((:\d\d)([.,](\d+))?)?(Z|([+-])([01]\d|2[0-3])(:?([0-5]\d))?)?)?$/;

// Engines differ on what Date.parse takes, and on the zone of a time that names none (here: UTC). So it is given the one
// form they agree on.
function parseIso(text: unknown): Date {
  const parts = typeof text === "string" ? ISO.exec(text) : null;
  if (parts) {
    const millis = `${parts[7] || ""}000`.slice(0, 3);
    const wall = `${parts[1]}T${parts[3] || "00:00"}${parts[5] || ":00"}.${millis}Z`;
    const time = Date.parse(wall);
    const east = (Number(parts[10] || 0) * 60 + Number(parts[12] || 0)) * 60000;
    // February 30 is refused by some engines, carried over by others.
    if (!Number.isNaN(time) && new Date(time).toISOString() === wall) {
      return new Date(parts[9] === "-" ? time + east : time - east);
    }
  }
  throw new InvalidEventException(`Unable to parse event timestamp: ${JSON.stringify(text).slice(0, 40)}`);
}
