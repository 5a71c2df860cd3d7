// Format "json-iotf": JSON data in the envelope {"d": data, "ts": time} (docs/protocol.md 4.1). The fraction of a second
// is written as Python does: six digits, or none if it is 0; the zone is +00:00.

import { InvalidEventException } from "../../errors.ts";
import { consistsOf, DIGITS, endOfSpan, hasForm } from "../characters.ts";
import type { Codec, DecodedMessage } from "./codec.ts";
import { type Encoded, jsonText, payloadJson } from "./text.ts";

export const jsonIotfCodec: Codec = Object.freeze({
  encode(data: unknown, timestamp: Date): string {
    return `{"d":${jsonText(data)},"ts":"${isoText(timestamp)}"}`;
  },

  /** Without "d" the data are null. Without "ts" the time of receipt is used. Other keys are ignored. */
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
  const fraction = text.substring(19, 23);
  return `${text.substring(0, 19)}${fraction === ".000" ? "" : `${fraction}000`}+00:00`;
}

// Engines differ in what Date.parse accepts, and in the zone of a time without one (here: UTC). Date.parse gets only the
// form on which they agree.
function parseIso(text: unknown): Date {
  if (typeof text === "string") {
    const zoneAt = text.length > 10 ? endOfSpan(text, `${DIGITS}:.,`, 11) : 10;
    const east = minutesEast(text.substring(zoneAt)) * 60000;
    const utc = utcText(text.substring(0, 10), text.substring(10, zoneAt));
    if (utc) {
      // The fraction is added after parsing: Espruino's Date.parse rounds it.
      const time = Date.parse(`${utc.substring(0, 19)}Z`) + Number(utc.substring(20, 23));
      // The comparison refuses February 30, which some engines turn into March 2.
      if (!Number.isNaN(time + east) && new Date(time).toISOString() === utc) return new Date(time - east);
    }
  }
  throw new InvalidEventException(`Unable to parse event timestamp: ${JSON.stringify(text).substring(0, 40)}`);
}

/** Date and time in the form of toISOString; "" if they are no date and time. `clock` begins with "T" or a blank, or is "". */
function utcText(date: string, clock: string): string {
  const minute = clock.substring(1, 6);
  const second = clock.substring(6, 9);
  const fraction = clock.substring(9);
  const valid =
    hasForm(date, "0000-00-00") &&
    (!clock || (beginsWithOneOf(clock, "T ") && hasForm(minute, "00:00"))) &&
    (!second || hasForm(second, ":00")) &&
    (!fraction || (beginsWithOneOf(fraction, ".,") && consistsOf(fraction.substring(1), DIGITS)));
  return valid
    ? `${date}T${minute || "00:00"}${second || ":00"}.${`${fraction.substring(1)}000`.substring(0, 3)}Z`
    : "";
}

/** Offset of a zone from UTC in minutes; NaN if `zone` is none. */
function minutesEast(zone: string): number {
  if (zone === "" || zone === "Z") return 0;
  const minutes = zone.substring(zone.charAt(3) === ":" ? 4 : 3);
  const valid =
    beginsWithOneOf(zone, "+-") && hasForm(zone.substring(1, 3), "00") && (hasForm(minutes, "00") || zone.length === 3);
  const east = Number(zone.substring(1, 3)) * 60 + Number(minutes || 0);
  if (!valid || Number(minutes) > 59 || east >= 1440) return Number.NaN;
  return zone.charAt(0) === "-" ? -east : east;
}

/** True if `text` begins with one of `characters`. */
function beginsWithOneOf(text: string, characters: string): boolean {
  return consistsOf(text.charAt(0), characters);
}
