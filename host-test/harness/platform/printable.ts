// Makes text from clients safe to show: no terminal escape sequences, no change of text direction.

// Control characters, line and paragraph separators, and marks that change the text direction.
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

export function printable(text: string): string {
  return text.replace(UNSAFE, "·");
}

/** JSON on one line, with unsafe characters as escapes. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(UNSAFE, sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** At most `length` characters of a text, then "…" if it is longer. */
export function shorten(text: string, length: number): string {
  if (text.length <= length) return text;
  // Never between the halves of a surrogate pair.
  const end = /[\ud800-\udbff]/.test(text[length - 1]!) ? length - 1 : length;
  return `${text.slice(0, end)}…`;
}

/** A payload as text; as hexadecimal bytes if it is not UTF-8 or has control characters. */
export function payloadText(payload: Uint8Array, length: number): string {
  const text = utf8(payload);
  if (text !== undefined && !CONTROL.test(text)) {
    return text.length > length ? `${shorten(text, length)} (${payload.length} bytes)` : text;
  }
  const bytes = payload.subarray(0, Math.floor(length / 3));
  const hex = Array.from(bytes, byte => byte.toString(16).padStart(2, "0")).join(" ");
  return `hex ${hex}${bytes.length < payload.length ? "…" : ""} (${payload.length} bytes)`;
}

/** Control characters that text has no use for: all but tab and line breaks. */
const CONTROL = /[^\P{Cc}\t\n\r]/u;

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Undefined if the bytes are not UTF-8. */
export function utf8(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}
