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

// Engines differ on what Date.parse takes, and on the zone of a time that names none (here: UTC). So it is given the one
// form they agree on. And one piece after the other is looked at: Espruino's expressions have no groups that may be absent.
function parseIso(text: unknown): Date {
  if (typeof text === "string") {
    const zoneAt = text.length > 10 ? endOf(text, "0123456789:.,", 11) : 10;
    const east = minutesEast(text.slice(zoneAt)) * 60000;
    const wall = wallOf(text.slice(0, 10), text.slice(10, zoneAt));
    // Without the fraction: Espruino's Date.parse rounds it.
    const time = Date.parse(wall.replace(/\.\d+/, "")) + Number(wall.slice(20, 23));
    // February 30 is refused by some engines, carried over by others.
    if (!Number.isNaN(time + east) && new Date(time).toISOString() === wall) return new Date(time - east);
  }
  throw new InvalidEventException(`Unable to parse event timestamp: ${JSON.stringify(text).slice(0, 40)}`);
}

/** The place behind `from` where the first character is that is not one of `known`. */
function endOf(text: string, known: string, from: number): number {
  let end = from;
  while (end < text.length && known.indexOf(text.charAt(end)) >= 0) end++;
  return end;
}

/** As toISOString writes it; "" when it is no time. `clock`: with the T or blank before it, or "". */
function wallOf(date: string, clock: string): string {
  const minute = clock.slice(1, 6);
  const second = clock.slice(6, 9);
  const fraction = clock.slice(9);
  const good =
    /^\d\d\d\d-\d\d-\d\d$/.test(date) &&
    (!clock || ((clock.charAt(0) === "T" || clock.charAt(0) === " ") && /^\d\d:\d\d$/.test(minute))) &&
    (!second || /^:\d\d$/.test(second)) &&
    (!fraction || /^[.,]\d+$/.test(fraction));
  return good ? `${date}T${minute || "00:00"}${second || ":00"}.${`${fraction.slice(1)}000`.slice(0, 3)}Z` : "";
}

/** NaN when it is no zone. */
function minutesEast(zone: string): number {
  const sign = zone.charAt(0);
  if (zone === "" || zone === "Z") return 0;
  const minutes = zone.slice(zone.charAt(3) === ":" ? 4 : 3);
  const good = /^\d\d$/.test(zone.slice(1, 3)) && (/^\d\d$/.test(minutes) || zone.length === 3);
  const east = Number(zone.slice(1, 3)) * 60 + Number(minutes || 0);
  if (!good || Number(minutes) > 59 || east >= 1440 || (sign !== "+" && sign !== "-")) return Number.NaN;
  return sign === "-" ? -east : east;
}
