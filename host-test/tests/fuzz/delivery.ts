// What an application must be told of a message from the server, and whether it was told that.

import type { Told } from "./model.ts";
import type { ServerPacket } from "./reference.ts";
import { decodeText } from "./text.ts";

export interface Expectation {
  kind: "connected" | "command" | "error" | "done";
  /** Codes of errors, one of which may come in place of a command. */
  errors: string[];
  /** It may not come after all. */
  optional: boolean;
  packet?: ServerPacket;
  /** Number of the message that is confirmed. */
  n?: number;
}

const COMMAND = /^iot-2\/cmd\/([^/]+)\/fmt\/([^/]+)$/;

export function expectedOf(packet: ServerPacket): Expectation {
  const format = packet.oversize ? undefined : COMMAND.exec(packet.topic)?.[2];
  if (!format) return failing("invalid-event");
  if (["json", "raw", "utf8", "json-iotf"].indexOf(format) < 0) return failing("no-decoder");
  if (format === "raw") return commanding(packet);
  const text = decodeText(packet.payload);
  if (text === undefined) return failing("invalid-event");
  if (format === "utf8") return commanding(packet);
  const value = parsed(text);
  if (!value) return failing("invalid-event");
  if (format === "json") return commanding(packet);
  return envelope(value.json, packet);
}

function commanding(packet: ServerPacket, errors: string[] = []): Expectation {
  return { kind: "command", errors, optional: false, packet };
}

function failing(code: string): Expectation {
  return { kind: "error", errors: [code], optional: false };
}

// A damaged timestamp may still be one; which, the tests of the codec know.
function envelope(json: unknown, packet: ServerPacket): Expectation {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return failing("invalid-event");
  const sure = !("ts" in json) || json.ts === "2017-03-14T01:02:03.456000+00:00";
  return commanding(packet, sure ? [] : ["invalid-event"]);
}

function parsed(text: string): { json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** "" when the command is that of the packet. */
export function sameCommand(packet: ServerPacket, told: Told): string {
  const [, command, format] = COMMAND.exec(packet.topic)!;
  const text = `${packet.topic} of ${packet.payload.length} bytes`;
  if (told.command !== command || told.format !== format) return `told of ${told.command}.${told.format}, not ${text}`;
  return sameData(packet, format, told.data) ? "" : `told of other data than that of ${text}`;
}

function sameData(packet: ServerPacket, format: string, data: unknown): boolean {
  if (format === "raw") return data instanceof Uint8Array && sameBytes(packet.payload, data);
  const text = decodeText(packet.payload)!;
  if (format === "utf8") return data === text;
  const json: unknown = JSON.parse(text);
  const inner = format === "json" ? json : ((json as { d?: unknown }).d ?? null);
  return JSON.stringify(inner) === JSON.stringify(data);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
