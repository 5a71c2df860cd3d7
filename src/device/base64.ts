// Bytes to base64 (RFC 4648, 4), for the credentials of HTTP and the data of log entries. Not every engine has btoa().

import { DIGITS, LETTERS } from "./characters.ts";

const SYMBOLS = `${LETTERS}${DIGITS}+/`;

export function base64(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const three = (bytes[i]! << 16) | ((left > 1 ? bytes[i + 1]! : 0) << 8) | (left > 2 ? bytes[i + 2]! : 0);
    text += SYMBOLS.charAt(three >> 18) + SYMBOLS.charAt((three >> 12) & 63);
    text += left > 1 ? SYMBOLS.charAt((three >> 6) & 63) : "=";
    text += left > 2 ? SYMBOLS.charAt(three & 63) : "=";
  }
  return text;
}
