// Checks of text, character by character. A regular expression would do, but on a chip it takes up to 65 KB of heap while
// it is compiled, and the engine's RegExp takes flash.

export const DIGITS = "0123456789";
export const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Index of the first character at or after `from` that is not one of `allowed`; the length of `text` if there is none. */
export function endOfSpan(text: string, allowed: string, from: number): number {
  let end = from;
  while (end < text.length && allowed.indexOf(text.charAt(end)) >= 0) end++;
  return end;
}

/** `text` with A-Z in lower case. The engine's toLowerCase() takes 12 KB of Unicode tables in the flash of a chip. */
export function lowerCase(text: string): string {
  let lower = "";
  for (let i = 0; i < text.length; i++) {
    const index = LETTERS.indexOf(text.charAt(i));
    lower += index >= 0 && index < 26 ? LETTERS.charAt(index + 26) : text.charAt(i);
  }
  return lower;
}

/** True if `text` is not empty and all its characters are among `allowed`. */
export function consistsOf(text: string, allowed: string): boolean {
  return text !== "" && endOfSpan(text, allowed, 0) === text.length;
}

/** True if `text` is like `form`, in which each 0 stands for any digit. */
export function hasForm(text: string, form: string): boolean {
  for (let i = 0; i < form.length; i++) {
    const known = form.charAt(i);
    if (known === "0" ? !consistsOf(text.charAt(i), DIGITS) : text.charAt(i) !== known) return false;
  }
  return text.length === form.length;
}
