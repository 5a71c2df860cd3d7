// Log entries of the platform: one line for people, one JSON object for programs.

import type { EventEmitter } from "node:events";
import { closeText, connackText } from "./codes.ts";
import type { PlatformEvents, QoS } from "./events.ts";
import { deviceClientId } from "./identity.ts";
import { readPayload } from "./inbox.ts";
import { payloadText, printable, printableJson } from "./printable.ts";

export type EntryKind = Exclude<keyof PlatformEvents, "waiting" | "subscribe" | "managed">;

export interface LogEntry {
  readonly kind: EntryKind;
  /** Client id of the device or application; empty if it is not known. */
  readonly client: string;
  /** The details for people. */
  readonly text: string;
  /** The details for programs. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface LoggedMessage {
  readonly name: string;
  readonly format: string;
  readonly payload: Buffer;
  readonly qos: QoS;
  /** Client id of the sender of a command, if known. */
  readonly from?: string;
}

/** Characters of a payload in a line. */
const SHOWN_LENGTH = 200;

/** @param client the device that published an event, or that a command is for */
export function messageEntry(
  kind: "event" | "command" | "management",
  client: string,
  { name, format, payload, qos, from = "" }: LoggedMessage,
): LogEntry {
  const text = `${name} ${format} qos${qos}  ${payloadText(payload, SHOWN_LENGTH)}${from ? `  from ${from}` : ""}`;
  const key = kind === "management" ? "topic" : kind;
  const details = { [key]: name, format, qos, ...payloadDetails(format, payload), ...(from ? { from } : {}) };
  return { kind, client, text, details };
}

/** Calls `listener` for everything that happens on the platform. Returns a function that ends this. */
export function listenForEntries(
  platform: EventEmitter<PlatformEvents>,
  listener: (entry: LogEntry) => void,
): () => void {
  const added: (() => void)[] = [];
  const add = <K extends EntryKind>(kind: K, entryOf: (event: PlatformEvents[K][0]) => Omit<LogEntry, "kind">) => {
    const listen = ((event: PlatformEvents[K][0]) => listener({ kind, ...entryOf(event) })) as never;
    platform.on(kind, listen);
    added.push(() => platform.off(kind, listen));
  };
  add("connect", ({ clientId, cleanSession }) => ({
    client: clientId,
    text: cleanSession ? "" : "durable session",
    details: { durable: !cleanSession },
  }));
  add("refused", ({ clientId, returnCode }) => {
    const text = connackText(returnCode);
    return { client: clientId, text: `CONNACK ${returnCode}: ${text}`, details: { returnCode, text } };
  });
  add("violation", ({ clientId, reason, detail }) => ({
    client: clientId,
    text: violationText({ reason, detail }),
    details: { reason, text: detail },
  }));
  add("disconnect", ({ clientId, reason }) => {
    const text = closeText(reason);
    return { client: clientId, text: `${reason}: ${text}`, details: { reason, text } };
  });
  add("request", ({ clientId, path, status }) => ({
    client: clientId,
    text: `${path} answered ${status}`,
    details: { path, status },
  }));
  add("action", ({ clientId, action, status, rc, text, fields }) => ({
    client: clientId,
    text: `${action} ${status}: ${text}`,
    details: { action, status, rc, text, fields },
  }));
  add("event", e => messageEntry("event", deviceClientId(e), { ...e, name: e.event }));
  add("command", e => messageEntry("command", deviceClientId(e), { ...e, name: e.command, from: e.clientId }));
  add("management", e => messageEntry("management", deviceClientId(e), { ...e, name: e.topic }));
  return () => {
    for (const remove of added) remove();
  };
}

export function violationText({ reason, detail }: { reason?: number | undefined; detail: string }): string {
  return reason === undefined ? detail : `${reason}: ${detail}`;
}

/** Time, kind, client and details. `colour` may colour the kind. */
export function formatLine(
  { kind, client, text }: LogEntry,
  now: Date = new Date(),
  colour: (kind: EntryKind, text: string) => string = (_, text) => text,
): string {
  const rest = printable(`${client}  ${text}`).trimEnd();
  return `${now.toTimeString().slice(0, 8)}  ${colour(kind, kind.padEnd(11))} ${rest}`;
}

/** One line of JSON. */
export function formatJson({ kind, client, details }: LogEntry, now: Date = new Date()): string {
  return printableJson({ time: now.toISOString(), what: kind, client, ...details });
}

/** Levels of arrays and objects in `data`. JSON.stringify() needs stack for each level, and throws without enough. */
const MAX_DEPTH = 64;

function payloadDetails(format: string, payload: Buffer): Record<string, unknown> {
  const data = readPayload({ format, payload });
  if (data instanceof Uint8Array) return { base64: payload.toString("base64") };
  if (isJson(format) && data !== payload.toString() && !isDeeper(data, MAX_DEPTH)) return { data };
  return { text: payload.toString() };
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some(entry => isDeeper(entry, levels - 1));
}

function isJson(format: string): boolean {
  return format === "json" || format === "json-iotf";
}
