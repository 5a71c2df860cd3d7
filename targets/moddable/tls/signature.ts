// Public keys and signatures of X.509, by primitives that the engine has. The encodings are checked here, to the last
// byte: what a lenient reader of RSA padding or of r and s accepts, an attacker can make without a key.

import { Der, NULL, OBJECT_IDENTIFIER, SEQUENCE, sameBytes } from "./der.ts";

export type Hash = "SHA256" | "SHA384" | "SHA512";
export type Curve = "secp256r1" | "secp384r1";

/** Big-endian, without leading zeros. */
export interface RsaKey {
  modulus: Uint8Array;
  exponent: Uint8Array;
}

export interface EcKey {
  curve: Curve;
  /** x and y, each as long as the curve's order. */
  point: Uint8Array;
}

export type PublicKey = RsaKey | EcKey;

export interface Primitives {
  digest(hash: Hash, message: Uint8Array): Uint8Array;
  /** signature^exponent mod modulus, as long as the modulus. */
  power(key: RsaKey, signature: Uint8Array): Uint8Array;
  /** Whether r and s, 0 < r, s < order, sign the message. False for a point that is not on the curve. */
  verify(key: EcKey, hash: Hash, message: Uint8Array, r: Uint8Array, s: Uint8Array): boolean;
}

export const RSA_ENCRYPTION = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
const EC_PUBLIC_KEY = "\x2a\x86\x48\xce\x3d\x02\x01";
/** The first bytes of sha…WithRSAEncryption and of ecdsa-with-SHA…. */
const WITH_RSA = "\x2a\x86\x48\x86\xf7\x0d\x01\x01";
const WITH_ECDSA = "\x2a\x86\x48\xce\x3d\x04\x03";
const P256 = "\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384 = "\x2b\x81\x04\x00\x22";

const ORDER: Readonly<Record<Curve, string>> = Object.freeze({
  secp256r1:
    "\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51",
  secp384r1:
    "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
    "\xc7\x63\x4d\x81\xf4\x37\x2d\xdf\x58\x1a\x0d\xb2\x48\xb0\xa7\x7a\xec\xec\x19\x6a\xcc\xc5\x29\x73",
});

/** What stands before the digest inside an RSA signature (RFC 8017, 9.2 note 1). */
const DIGEST_INFO: Readonly<Record<Hash, string>> = Object.freeze({
  SHA256: "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20",
  SHA384: "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30",
  SHA512: "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40",
});

const MIN_RSA_BITS = 2048;
const MAX_RSA_BITS = 4096;
const MAX_EXPONENT_BYTES = 4;

/** @param info the content of SubjectPublicKeyInfo */
export function readPublicKey(info: Der): PublicKey {
  const algorithm = info.read(SEQUENCE);
  const name = algorithm.read(OBJECT_IDENTIFIER);
  let key: PublicKey;
  if (name.equals(RSA_ENCRYPTION)) {
    algorithm.read(NULL).finish();
    key = readRsaKey(info.readBytes());
  } else if (name.equals(EC_PUBLIC_KEY)) {
    const curve = algorithm.read(OBJECT_IDENTIFIER);
    if (!curve.equals(P256) && !curve.equals(P384))
      throw new Error("certificate: EC key on a curve other than P-256 and P-384");
    key = readEcKey(curve.equals(P256) ? "secp256r1" : "secp384r1", info.readBytes());
  } else throw new Error("certificate: key of a type other than RSA and EC");
  algorithm.finish();
  info.finish();
  return key;
}

function readRsaKey(bits: Der): RsaKey {
  const numbers = bits.read(SEQUENCE);
  bits.finish();
  const modulus = numbers.readPositive();
  const exponent = numbers.readPositive();
  numbers.finish();
  const size = modulus.length * 8 - leadingZeroBits(modulus[0]!);
  if (size < MIN_RSA_BITS || size > MAX_RSA_BITS) {
    throw new Error(`certificate: RSA key of ${size} bits, not of ${MIN_RSA_BITS} to ${MAX_RSA_BITS}`);
  }
  // Even numbers and 1 are no keys; the time that the power takes grows with the exponent.
  const odd = modulus[modulus.length - 1]! & exponent[exponent.length - 1]! & 1;
  if (!odd || exponent.length > MAX_EXPONENT_BYTES || (exponent.length === 1 && exponent[0] === 1)) {
    throw new Error("certificate: RSA key with an exponent or modulus that is no key");
  }
  return { modulus, exponent };
}

function leadingZeroBits(byte: number): number {
  return Math.clz32(byte) - 24;
}

function readEcKey(curve: Curve, bits: Der): EcKey {
  if (bits.length !== 1 + 2 * ORDER[curve].length || bits.tag !== 4) {
    throw new Error("certificate: EC key that is not an uncompressed point");
  }
  return { curve, point: bits.bytes.subarray(bits.offset + 1, bits.end) };
}

/**
 * How a certificate is signed. @param algorithm the content of AlgorithmIdentifier
 * @throws Error for SHA-1, MD5 and everything else that is not in the list
 */
export function readSignatureHash(algorithm: Der, key: PublicKey): Hash {
  const name = algorithm.read(OBJECT_IDENTIFIER);
  const rsa = "modulus" in key;
  const hash = rsa ? hashOf(name, WITH_RSA, 0x0b) : hashOf(name, WITH_ECDSA, 0x02);
  if (!hash)
    throw new Error("certificate: signature is not RSA (PKCS #1 v1.5) or ECDSA with SHA-256, SHA-384 or SHA-512");
  if (rsa && algorithm.length) algorithm.read(NULL).finish();
  algorithm.finish();
  return hash;
}

/** @param sha256 last byte of the name with SHA-256; those with SHA-384 and SHA-512 follow it */
function hashOf(name: Der, prefix: string, sha256: number): Hash | undefined {
  if (name.equals(prefix + String.fromCharCode(sha256))) return "SHA256";
  if (name.equals(prefix + String.fromCharCode(sha256 + 1))) return "SHA384";
  return name.equals(prefix + String.fromCharCode(sha256 + 2)) ? "SHA512" : undefined;
}

/** Whether `signature` is the owner of `key`'s, and of this message. */
export function isSigned(
  key: PublicKey,
  hash: Hash,
  message: Uint8Array,
  signature: Uint8Array,
  primitives: Primitives,
): boolean {
  if ("modulus" in key) {
    const { length } = key.modulus;
    if (signature.length !== length || !isBelow(signature, key.modulus)) return false;
    return sameBytes(primitives.power(key, signature), encodedDigest(hash, primitives.digest(hash, message), length));
  }
  const whole = new Der(signature);
  const pair = whole.read(SEQUENCE);
  whole.finish();
  const r = pair.readPositive();
  const s = pair.readPositive();
  pair.finish();
  const order = ORDER[key.curve];
  return isBelowOrder(r, order) && isBelowOrder(s, order) && primitives.verify(key, hash, message, r, s);
}

/** EMSA-PKCS1-v1_5. There is one encoding of a digest, so the signature's is compared and never parsed. */
function encodedDigest(hash: Hash, digest: Uint8Array, length: number): Uint8Array {
  const info = DIGEST_INFO[hash];
  const encoded = new Uint8Array(length).fill(0xff);
  const start = length - digest.length - info.length;
  encoded[0] = 0;
  encoded[1] = 1;
  encoded[start - 1] = 0;
  for (let i = 0; i < info.length; i++) encoded[start + i] = info.charCodeAt(i);
  encoded.set(digest, start + info.length);
  return encoded;
}

/** For numbers of the same length. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}

function isBelowOrder(a: Uint8Array, order: string): boolean {
  if (a.length !== order.length) return a.length < order.length;
  for (let i = 0; i < a.length; i++) if (a[i] !== order.charCodeAt(i)) return a[i]! < order.charCodeAt(i);
  return false;
}
