// What the check of signatures takes from the SDK: digests, RSA and ECDSA. Preloaded: nothing here may hold state.

import { Digest } from "crypt";
import Curve from "curve";
import ECDSA from "ecdsa";
import ECPoint from "ecp";
import RSA from "rsa";
import type { EcKey, Hash, Primitives, RsaKey } from "./signature.ts";

type DeviceBigInt = typeof BigInt & { fromArrayBuffer(buffer: ArrayBufferLike): bigint };
type DeviceBuffer = typeof ArrayBuffer & { fromBigInt(value: bigint, minBytes: number): ArrayBuffer };

export const primitives: Primitives = Object.freeze({
  digest: (hash: Hash, message: Uint8Array) => new Uint8Array(new Digest(hash).process(message)),

  power: ({ modulus, exponent }: RsaKey, signature: Uint8Array) =>
    bytesOf(new RSA(integer(exponent), integer(modulus)).process(integer(signature)), modulus.length),

  verify({ curve, point }: EcKey, hash: Hash, message: Uint8Array, r: Uint8Array, s: Uint8Array): boolean {
    const group = new Curve(curve);
    const size = group.orderSize;
    const x = integer(point.subarray(0, size));
    const y = integer(point.subarray(size));
    const { a, b, m } = group.ec;
    if (x >= m || y >= m || (x * x * x + a * x + b - y * y) % m !== BigInt(0)) return false;
    const signature = new Uint8Array(2 * size);
    signature.set(r, size - r.length);
    signature.set(s, 2 * size - s.length);
    // Of a digest longer than the order, the leftmost bits count; the SDK takes all of them.
    const digest = new Digest(hash).process(message);
    return new ECDSA(new ECPoint(x, y), group).verify(digest.slice(0, size), signature.buffer);
  },
});

export function integer(bytes: Uint8Array): bigint {
  return (BigInt as DeviceBigInt).fromArrayBuffer(bytes.slice().buffer);
}

function bytesOf(value: bigint, length: number): Uint8Array {
  return new Uint8Array((ArrayBuffer as DeviceBuffer).fromBigInt(value, length));
}
