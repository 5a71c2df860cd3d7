// Topics of the platform (docs/protocol.md 2.1, 3). The rules of MQTT for topics are in mqtt/topic.ts.

import { isLoneSurrogate, notText } from "../mqtt/topic.ts";

/** The one filter a device subscribes to: every command in every format. */
export const COMMAND_FILTER = "iot-2/cmd/+/fmt/+";

export function eventTopic(event: string, format: string): string {
  return `iot-2/evt/${event}/fmt/${format}`;
}

/** Returns the id and format of a command topic, undefined for any other topic. */
export function parseCommandTopic(topic: string): { command: string; format: string } | undefined {
  // One call on the string: in XS each property of a primitive string costs two slots of garbage.
  const parts = topic.split("/");
  if (parts.length !== 5 || parts[0] !== "iot-2" || parts[1] !== "cmd" || parts[3] !== "fmt") return undefined;
  return parts[2] && parts[4] ? { command: parts[2], format: parts[4] } : undefined;
}

/**
 * Says why `text` cannot be one level of a topic, "" if it can: not empty, none of `/ + #`, no control characters, no half
 * of a surrogate pair (docs/protocol.md 2.1; [MQTT-1.5.3-1], [MQTT-1.5.3-2]). The platform closes the connection of a
 * device that publishes to any other topic.
 */
export function levelFault(text: unknown): string {
  if (typeof text !== "string") return notText(text);
  if (!text) return "is empty";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isControl(code)) return `"${printable(text)}" has a control character`;
    if (code === 47 || code === 43 || code === 35) return `"${text}" has a "${text.charAt(i)}"`;
    if (isLoneSurrogate(text, i, code)) return "has half of a surrogate pair";
  }
  return "";
}

function isControl(code: number): boolean {
  return code < 32 || (code > 126 && code < 160);
}

function printable(text: string): string {
  let shown = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    shown += isControl(code) ? `\\x${(code + 256).toString(16).substring(1)}` : text.charAt(i);
  }
  return shown;
}
