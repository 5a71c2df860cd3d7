// How is text shown that a stranger chose? What clients send must neither steer the terminal it is shown on nor change
// the order in which the text around it is read.

// Control characters, line and paragraph separators, and the marks that turn the direction of text.
const STEERING = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

export function printable(text: string): string {
  return text.replace(STEERING, "·");
}

/** JSON on one line that is safe to print: what would steer is written as an escape. */
export function printableJson(value: unknown): string {
  return JSON.stringify(value).replace(STEERING, sign => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The beginning of a text, with a mark where the rest is missing. */
export function shorten(text: string, most: number): string {
  if (text.length <= most) return text;
  // Not between the two halves of one character.
  const end = /[\ud800-\udbff]/.test(text[most - 1]!) ? most - 1 : most;
  return `${text.slice(0, end)}…`;
}

/** A payload as text when it is text, else its size. */
export function show(payload: Buffer, most: number): string {
  const text = payload.toString("utf8");
  if (text.includes("\uFFFD")) return `<${payload.length} bytes>`;
  return text.length > most ? `${shorten(text, most)} (${payload.length} bytes)` : text;
}
