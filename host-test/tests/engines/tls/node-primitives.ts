// The primitives that targets/moddable/tls takes from the SDK, on node:crypto.

import { constants, createHash, createPublicKey, publicDecrypt, verify } from "node:crypto";
import type { EcKey, Hash, Primitives, RsaKey } from "../../../../targets/moddable/tls/signature.ts";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");

export const nodePrimitives: Primitives = {
  digest: (hash, message) => createHash(hash).update(message).digest(),

  power({ modulus, exponent }: RsaKey, signature) {
    const jwk = { kty: "RSA", n: text(modulus), e: text(exponent) };
    const key = createPublicKey({ key: jwk, format: "jwk" });
    return publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature);
  },

  verify({ curve, point }: EcKey, hash: Hash, message, r, s) {
    const size = point.length / 2;
    const crv = curve === "secp256r1" ? "P-256" : "P-384";
    const jwk = { kty: "EC", crv, x: text(point.subarray(0, size)), y: text(point.subarray(size)) };
    const signature = Buffer.alloc(2 * size);
    signature.set(r, size - r.length);
    signature.set(s, 2 * size - s.length);
    try {
      const key = createPublicKey({ key: jwk, format: "jwk" });
      return verify(hash, message, { key, dsaEncoding: "ieee-p1363" }, signature);
    } catch {
      return false; // a point that is not on the curve
    }
  },
};
