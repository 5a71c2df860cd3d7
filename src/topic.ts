// Topic strings of the platform (protocol sheet 2.1, 3) and the rules for what stands in them. No MQTT, no payloads.

/** What a device subscribes to: every command in every format. */
export const COMMAND_FILTER = "iot-2/cmd/+/fmt/+";

export function eventTopic(event: string, format: string): string {
  return `iot-2/evt/${event}/fmt/${format}`;
}

/** The id and format of a command topic; undefined for any other topic. */
export function parseCommandTopic(topic: string): { command: string; format: string } | undefined {
  const parts = topic.split("/");
  if (parts.length !== 5 || parts[0] !== "iot-2" || parts[1] !== "cmd" || parts[3] !== "fmt") return undefined;
  return parts[2] && parts[4] ? { command: parts[2], format: parts[4] } : undefined;
}

/**
 * Why `text` cannot be one level of a topic, "" when it can: not empty, none of `/ + #`, no control characters, no half
 * of a surrogate pair (protocol sheet 2.1; [MQTT-1.5.3-1], [MQTT-1.5.3-2]). The platform answers anything else by
 * closing the connection.
 */
export function levelFault(text: unknown): string {
  if (typeof text !== "string") return `is not a string but ${text === null ? "null" : typeof text}`;
  if (!text) return "is empty";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 32 || (code > 126 && code < 160)) return `"${printable(text)}" has a control character`;
    if (code === 47 || code === 43 || code === 35) return `"${text}" has a "${text.charAt(i)}"`;
    if (code >= 0xd800 && code < 0xe000) {
      const low = text.charCodeAt(i + 1);
      if (code >= 0xdc00 || !(low >= 0xdc00 && low < 0xe000)) return "has half of a surrogate pair";
      i++;
    }
  }
  return "";
}

function printable(text: string): string {
  let shown = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    shown += code < 32 || (code > 126 && code < 160) ? `\\x${(code + 256).toString(16).slice(1)}` : text.charAt(i);
  }
  return shown;
}
