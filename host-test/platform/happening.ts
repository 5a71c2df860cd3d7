// How is something that happened told: to a person in one line, to a program as one JSON object?

import { readPayload } from "./inbox.ts";
import type { Platform, PlatformEvents, QoS } from "./platform.ts";
import { printable, printableJson, show } from "./printable.ts";
import { closeText, connackText } from "./reasons.ts";

export type What = Exclude<keyof PlatformEvents, "waiting" | "subscribe">;

export interface Happening {
  readonly what: What;
  /** Client id of the device or application it is about; empty where nobody said who it is. */
  readonly client: string;
  /** The rest, for a person. */
  readonly text: string;
  /** The rest, for a program. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** An event, or a command, of which or for which device it is. */
export interface Carried {
  readonly name: string;
  readonly format: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  /** Who sent a command, where that is known. */
  readonly from?: string;
}

const MAX_SHOWN = 200;

export function carried(what: "event" | "command" | "management", client: string, message: Carried): Happening {
  const { name, format, payload, qos, from = "" } = message;
  const text = `${name} ${format} qos${qos}  ${show(payload, MAX_SHOWN)}${from ? `  from ${from}` : ""}`;
  const key = what === "management" ? "topic" : what;
  const details = { [key]: name, format, qos, ...written(format, payload), ...(from ? { from } : {}) };
  return { what, client, text, details };
}

export function connected(client: string, durable: boolean): Happening {
  return { what: "connect", client, text: durable ? "durable session" : "", details: { durable } };
}

export function disconnected(client: string, reason: number, text = closeText(reason)): Happening {
  return { what: "disconnect", client, text: `${reason}: ${text}`, details: { reason, text } };
}

export function refused(client: string, returnCode: number): Happening {
  const text = connackText(returnCode);
  return { what: "refused", client, text: `CONNACK ${returnCode}: ${text}`, details: { returnCode, text } };
}

/** Calls `tell` for everything that happens on the platform. */
export function watchPlatform(platform: Platform, tell: (happening: Happening) => void): void {
  const device = ({ org, type, id }: { org: string; type: string; id: string }) => `d:${org}:${type}:${id}`;
  platform.on("connect", e => tell(connected(e.clientId, !e.cleanSession)));
  platform.on("refused", e => tell(refused(e.clientId, e.returnCode)));
  platform.on("violation", ({ clientId, reason, detail }) => {
    tell({ what: "violation", client: clientId, text: `${reason}: ${detail}`, details: { reason, text: detail } });
  });
  platform.on("disconnect", e => tell(disconnected(e.clientId, e.reason)));
  platform.on("request", ({ clientId, path, status }) => {
    tell({ what: "request", client: clientId, text: `${path} answered ${status}`, details: { path, status } });
  });
  platform.on("event", e => tell(carried("event", device(e), { ...e, name: e.event })));
  platform.on("command", e => tell(carried("command", device(e), { ...e, name: e.command, from: e.clientId })));
  platform.on("management", e => tell(carried("management", device(e), { ...e, name: e.topic })));
}

/** Time, what, who, and the rest; `paint` may colour the word that says what it is. */
export function toLine(
  { what, client, text }: Happening,
  now: Date = new Date(),
  paint: (what: What, text: string) => string = (_, text) => text,
): string {
  const rest = printable(`${client}  ${text}`).trimEnd();
  return `${now.toTimeString().slice(0, 8)}  ${paint(what, what.padEnd(11))} ${rest}`;
}

/** One line of JSON. */
export function toJson({ what, client, details }: Happening, now: Date = new Date()): string {
  return printableJson({ time: now.toISOString(), what, client, ...details });
}

function written(format: string, payload: Buffer): Record<string, unknown> {
  const data = readPayload({ format, payload });
  if (data instanceof Uint8Array) return { base64: payload.toString("base64") };
  return isJson(format) && data !== payload.toString() ? { data } : { text: data };
}

function isJson(format: string): boolean {
  return format === "json" || format === "json-iotf";
}
