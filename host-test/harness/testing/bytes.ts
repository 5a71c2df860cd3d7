// Bytes and text, without Buffer: the harness also runs inside XS.

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function utf8(text: string): Uint8Array {
  return new Uint8Array(encoder.encode(text));
}

export function text(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** "20 02 00 00" to bytes. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.from(digits.trim().split(/\s+/), byte => Number.parseInt(byte, 16));
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  for (const part of parts) size += part.length;
  const all = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
