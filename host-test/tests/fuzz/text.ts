// UTF-8 by the letter of RFC 3629, without the help of the engine: what is text, and which.

/** Undefined where the bytes are not UTF-8: overlong forms, surrogates, more than U+10FFFF, cut sequences. */
export function decodeText(bytes: Uint8Array, from = 0, to: number = bytes.length): string | undefined {
  let text = "";
  for (let at = from; at < to; ) {
    const lead = bytes[at]!;
    const more = lead < 0x80 ? 0 : lead < 0xc0 ? -1 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf8 ? 3 : -1;
    if (more < 0 || at + more >= to) return undefined;
    let code = more === 0 ? lead : lead & (0x3f >> more);
    for (let i = 1; i <= more; i++) {
      if (bytes[at + i]! >> 6 !== 2) return undefined;
      code = code * 64 + (bytes[at + i]! & 63);
    }
    if (code < LEAST[more]! || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return undefined;
    text += String.fromCodePoint(code);
    at += more + 1;
  }
  return text;
}

const LEAST = [0, 0x80, 0x800, 0x10000];

/** An unpaired surrogate becomes three bytes, as if it were a character. */
export function encodeText(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), tail(code, 0));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), tail(code, 6), tail(code, 0));
    else bytes.push(0xf0 | (code >> 18), tail(code, 12), tail(code, 6), tail(code, 0));
  }
  return bytes;
}

function tail(code: number, shift: number): number {
  return 0x80 | ((code >> shift) & 63);
}
