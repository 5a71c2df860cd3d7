// The rules of MQTT for topic names, topic filters and strings in packets. The rules of the platform are in
// device/topic.ts.

/**
 * Says why `text` is not a topic name or, with `filter`, not a topic filter; "" if it is one. Wildcards are allowed in
 * filters only, each as a whole level, "#" as the last [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.1-3].
 */
export function topicFault(text: unknown, filter: boolean): string {
  if (typeof text !== "string") return notText(text);
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

/**
 * Says why `text` is not allowed as a string in a packet [MQTT-1.5.3-1], [MQTT-1.5.3-2]; "" if it is allowed. Never
 * shows the text: it may be a password.
 */
export function textFault(text: string): string {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0) return "has a U+0000";
    if (isLoneSurrogate(text, i, code)) return "has half of a surrogate pair";
  }
  return "";
}

/** The text of the fault for a value that is not a string. */
export function notText(value: unknown): string {
  return `is not a string but ${value === null ? "null" : typeof value}`;
}

/** True if `code`, the character at `i`, is one half of a surrogate pair without its other half. UTF-8 has no form of it. */
export function isLoneSurrogate(text: string, i: number, code: number): boolean {
  if (code < 0xd800 || code > 0xdfff) return false;
  const high = code < 0xdc00;
  const other = text.charCodeAt(high ? i + 1 : i - 1);
  return !(high ? other >= 0xdc00 && other < 0xe000 : other >= 0xd800 && other < 0xdc00);
}
