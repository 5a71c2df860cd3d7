// How does a person read what the platform does? One line per happening: time, what, who, and the rest.

import { deviceClientId } from "./identity.ts";
import type { Platform, PlatformMessage } from "./platform.ts";
import { closeText, connackText } from "./reasons.ts";

const MAX_SHOWN = 200;

export function logTo(platform: Platform, write: (line: string) => void): void {
  const line = (what: string, who: string, rest = "") =>
    write(`${clock()}  ${what.padEnd(11)} ${printable(`${who}  ${rest}`).trimEnd()}`);

  platform.on("connect", e => line("connect", e.clientId, e.cleanSession ? "" : "durable session"));
  platform.on("refused", e => line("refused", e.clientId, `CONNACK ${e.returnCode}: ${connackText(e.returnCode)}`));
  platform.on("violation", e => line("violation", e.clientId, `${e.reason}: ${e.detail}`));
  platform.on("disconnect", e => line("disconnect", e.clientId, `${e.reason}: ${closeText(e.reason)}`));
  platform.on("request", e => line("request", e.clientId, `${e.path} answered ${e.status}`));
  platform.on("event", e => line("event", deviceClientId(e), `${e.event} ${describe(e)}`));
  platform.on("command", e => line("command", deviceClientId(e), `${e.command} ${describe(e)}${sender(e)}`));
  platform.on("management", e => line("management", deviceClientId(e), `${e.topic} ${describe(e)}`));
}

function describe({ format, qos, payload }: PlatformMessage): string {
  return `${format} qos${qos}  ${show(payload)}`;
}

function sender({ clientId }: PlatformMessage): string {
  return clientId ? `  from ${clientId}` : "";
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}

/** A payload as text when it is text, else its size. */
export function show(payload: Buffer): string {
  const text = payload.toString("utf8");
  if (text.includes("\uFFFD")) return `<${payload.length} bytes>`;
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}… (${payload.length} bytes)` : text;
}

/** What clients send must not steer the terminal it is shown on. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, "·");
}
