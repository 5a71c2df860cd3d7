// How deep JSON is nested. JSON.parse of XS calls itself for every level and ends the engine, not the call, when the
// stack is used up: a command of a few hundred brackets would restart a device.

/** Most levels of arrays and objects in a command. A chip's stack has room for some more. */
export const MAX_DEPTH = 32;

const QUOTE = 34;
const BACKSLASH = 92;

/** Whether the JSON text in `bytes` is nested deeper than {@link MAX_DEPTH}, even if it is cut or wrong further on. */
export function isTooDeep(bytes: Uint8Array): boolean {
  // With fewer brackets than that in all it cannot be, and that is a few native calls.
  if (bytes.length <= MAX_DEPTH || count(bytes, 91) + count(bytes, 123) <= MAX_DEPTH) return false;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) at = endOfText(bytes, at);
    else if (byte === 91 || byte === 123) {
      if (++depth > MAX_DEPTH) return true;
    } else if (byte === 93 || byte === 125) depth--;
  }
  return false;
}

// Stops counting as soon as there are too many to be sure.
function count(bytes: Uint8Array, bracket: number): number {
  let found = 0;
  for (let at = bytes.indexOf(bracket); at >= 0 && found <= MAX_DEPTH; at = bytes.indexOf(bracket, at + 1)) found++;
  return found;
}

function endOfText(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at;
}
