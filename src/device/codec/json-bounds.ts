// How deep is JSON nested, and how many values does it have? Both are checked before JSON.parse: for every level the parser
// of XS calls itself and ends the engine, not the call, when the stack is used up; and every value takes several slots of
// the heap, many times what its text takes.

/** Most levels of arrays and objects. The stack of a chip has room for some more. */
export const MAX_DEPTH = 32;

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
/** The other white space of JSON has smaller codes. */
const SPACE = 32;

/**
 * What is wrong with the JSON text in `bytes`, "" if nothing: nested deeper than {@link MAX_DEPTH}, or more than
 * `maxValues` values. Text that is cut or wrong further on is judged as far as it goes.
 */
export function boundsFault(bytes: Uint8Array, maxValues: number): string {
  // A value takes at least two bytes, with its comma or brackets. Fewer brackets in all than levels allowed cannot be too
  // deep, and counting them takes a few native calls.
  const mayBeMany = bytes.length > 2 * maxValues;
  if (!mayBeMany && (bytes.length <= MAX_DEPTH || count(bytes, 91) + count(bytes, 123) <= MAX_DEPTH)) return "";
  let depth = 0;
  let values = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) at = endOfText(bytes, at);
    else if (byte === 91 || byte === 123) {
      // What it contains counts, not the bracket itself: it is a value of the container around it.
      if (!isEmpty(bytes, at)) values++;
      if (++depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`;
    } else if (byte === 93 || byte === 125) depth--;
    else if (byte === COMMA) values++;
    if (values > maxValues) return `more than ${maxValues} values, limits.values`;
  }
  return "";
}

// Stops counting as soon as there are too many to be sure.
function count(bytes: Uint8Array, bracket: number): number {
  let found = 0;
  for (let at = bytes.indexOf(bracket); at >= 0 && found <= MAX_DEPTH; at = bytes.indexOf(bracket, at + 1)) found++;
  return found;
}

function isEmpty(bytes: Uint8Array, bracket: number): boolean {
  let next = bracket + 1;
  while (bytes[next]! <= SPACE) next++;
  return bytes[next] === bytes[bracket]! + 2; // "]" and "}" are two behind "[" and "{"
}

function endOfText(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}
