// Cryptography of this process for a program inside XS. Bytes cross the border as texts of one character each: JSON writes
// most of them as they are.

import type { Hash, Primitives } from "../../../../targets/moddable/tls/signature.ts";

declare const host: { call(name: string, value: unknown): unknown };

export const bytes = (text: string): Uint8Array =>
  Uint8Array.from({ length: text.length }, (_, at) => text.charCodeAt(at));

export function latin(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 256)
    text += String.fromCharCode.apply(null, bytes.subarray(at, at + 256) as never);
  return text;
}

/** Inside XS. */
export const lentDigest = (hash: Hash, message: string): Uint8Array =>
  bytes(host.call("digest", [hash, message]) as string);

/** Inside XS. */
export const lentPrimitives: Primitives = {
  digest: (hash, message) => lentDigest(hash, latin(message)),
  power: ({ modulus, exponent }, signature) =>
    bytes(host.call("power", [modulus, exponent, signature].map(latin)) as string),
  verify: ({ curve, point }, hash, message, r, s) =>
    host.call("verify", [curve, hash, ...[point, message, r, s].map(latin)]) as boolean,
};

/** Outside: what startXs() gets as `calls`. Buffer is faster than the two functions above. */
export function lend({ digest, power, verify }: Primitives) {
  const read = (text: string) => Buffer.from(text, "latin1");
  const write = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
  return {
    digest: ([hash, message]: [never, string]) => write(digest(hash, read(message))),
    power: (texts: string[]) => {
      const [modulus, exponent, signature] = texts.map(read);
      return write(power({ modulus: modulus!, exponent: exponent! }, signature!));
    },
    verify: ([curve, hash, ...texts]: [never, never, ...string[]]) => {
      const [point, message, r, s] = texts.map(read);
      return verify({ curve, point: point! }, hash, message!, r!, s!);
    },
  };
}
