// Topic strings of the platform (protocol sheet 2.1, 3), and the rules for what may stand in them and in the topics of
// other brokers. No packets, no payloads.

/** What a device subscribes to: every command in every format. */
export const COMMAND_FILTER = "iot-2/cmd/+/fmt/+";

export function eventTopic(event: string, format: string): string {
  return `iot-2/evt/${event}/fmt/${format}`;
}

/** The id and format of a command topic; undefined for any other topic. */
export function parseCommandTopic(topic: string): { command: string; format: string } | undefined {
  // One call on the string: in XS each property of a primitive string costs two slots of garbage.
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
    if (isHalf(text, i, code)) return "has half of a surrogate pair";
  }
  return "";
}

/**
 * Why `text` cannot be a topic name or, with `filter`, a topic filter; "" when it can. Wildcards stand in filters only,
 * each a level of its own, "#" the last [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.1-3].
 */
export function topicFault(text: unknown, filter: boolean): string {
  if (typeof text !== "string") return `is not a string but ${text === null ? "null" : typeof text}`;
  if (!text) return "is empty"; // [MQTT-4.7.3-1]
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code !== 43 && code !== 35) continue;
    if (!filter) return `"${text}" has a "${text.charAt(i)}"`;
    const begins = i === 0 || text.charCodeAt(i - 1) === 47;
    const ends = i === text.length - 1 || (code === 43 && text.charCodeAt(i + 1) === 47);
    if (!begins || !ends) return `"${text}" has a "${text.charAt(i)}" out of place`;
  }
  return textFault(text);
}

/** Why `text` cannot be a string in a packet [MQTT-1.5.3-1], [MQTT-1.5.3-2]; "" when it can. Never shows the text. */
export function textFault(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0) return "has a U+0000";
    if (isHalf(text, i, code)) return "has half of a surrogate pair";
  }
  return "";
}

/** Whether `code`, at `i`, is one half of a surrogate pair without the other beside it. */
function isHalf(text: string, i: number, code: number): boolean {
  if (code < 0xd800 || code > 0xdfff) return false;
  const high = code < 0xdc00;
  const other = text.charCodeAt(high ? i + 1 : i - 1);
  return !(high ? other >= 0xdc00 && other < 0xe000 : other >= 0xd800 && other < 0xdc00);
}

function printable(text: string): string {
  let shown = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    shown += code < 32 || (code > 126 && code < 160) ? `\\x${(code + 256).toString(16).slice(1)}` : text.charAt(i);
  }
  return shown;
}
