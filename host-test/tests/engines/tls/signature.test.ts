// Signatures that are not: what a reader of RSA padding or of an ECDSA pair takes for one although nobody had a key. A
// lenient reader accepts each of them.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { describe, test } from "node:test";
import { Der } from "../../../../targets/moddable/tls/der.ts";
import {
  type EcKey,
  isSigned,
  type Primitives,
  type RsaKey,
  readPublicKey,
} from "../../../../targets/moddable/tls/signature.ts";
import { nodePrimitives } from "./node-primitives.ts";

const MESSAGE = Buffer.from("message");
const SHA256_INFO = Buffer.from("3031300d060960864801650304020105000420", "hex");
const digest = createHash("sha256").update(MESSAGE).digest();

function newKey(type: "rsa" | "ec", options: object) {
  const { publicKey, privateKey } = generateKeyPairSync(type as "rsa", options as { modulusLength: number });
  return { publicKey: readPublicKey(keyInfo(publicKey.export({ type: "spki", format: "der" }))), privateKey };
}

function keyInfo(der: Buffer): Der {
  return new Der(der).read(0x30);
}

describe("RSA", () => {
  const { publicKey, privateKey } = newKey("rsa", { modulusLength: 2048, publicExponent: 3 });
  const key = publicKey as RsaKey;
  const good = sign("sha256", MESSAGE, privateKey);
  const isGood = (signature: Buffer, primitives = nodePrimitives) =>
    isSigned(key, "SHA256", MESSAGE, signature, primitives);
  /** A signature that the power turns into this. */
  const decodesTo = (encoded: Buffer) => isGood(good, { ...nodePrimitives, power: () => encoded });
  const encoded = (...parts: (Buffer | number[])[]) => Buffer.concat(parts.map(part => Buffer.from(part)));
  const filled = (count: number) => Buffer.alloc(count, 0xff);
  const rest = 256 - 3 - SHA256_INFO.length - 32;

  test("a good one", () => {
    assert.equal(isGood(good), true);
    assert.equal(decodesTo(encoded([0, 1], filled(rest), [0], SHA256_INFO, digest)), true);
  });

  test("of another message, of another hash, of another length", () => {
    assert.equal(isSigned(key, "SHA256", Buffer.from("massage"), good, nodePrimitives), false);
    assert.equal(isSigned(key, "SHA384", MESSAGE, good, nodePrimitives), false);
    assert.equal(isGood(Buffer.concat([Buffer.of(0), good])), false);
    assert.equal(isGood(good.subarray(1)), false);
    assert.equal(isGood(Buffer.from(key.modulus)), false, "not below the modulus");
  });

  for (const [what, bytes] of [
    ["short padding, garbage behind the digest", [[0, 1], filled(8), [0], SHA256_INFO, digest, filled(rest - 8)]],
    ["padding that is not ff", [[0, 1], Buffer.alloc(rest, 0xfe), [0], SHA256_INFO, digest]],
    ["another block type", [[0, 2], filled(rest), [0], SHA256_INFO, digest]],
    ["the name of SHA-384", [[0, 1], filled(rest), [0], Buffer.from(SHA256_INFO).fill(2, 14, 15), digest]],
    ["without the name of the hash", [[0, 1], filled(rest + SHA256_INFO.length), [0], digest]],
    [
      "without the NULL",
      [[0, 1], filled(rest + 2), [0], Buffer.from("302f300b0609608648016503040201", "hex"), [4, 32], digest],
    ],
  ] as [string, (Buffer | number[])[]][]) {
    test(what, () => assert.equal(decodesTo(encoded(...bytes)), false));
  }

  test("the cube root of a digest with garbage behind it, made without the key (exponent 3)", () => {
    const start = encoded([0, 1], filled(8), [0], SHA256_INFO, digest);
    const wanted = BigInt(`0x${start.toString("hex")}${"ff".repeat(256 - start.length)}`);
    const root = cubeRoot(wanted);
    const forged = Buffer.from(root.toString(16).padStart(512, "0"), "hex");
    const turned = Buffer.from(nodePrimitives.power(key, forged));
    assert.deepEqual(turned.subarray(0, start.length), start, "a lenient reader finds the digest");
    assert.equal(isGood(forged), false);
  });

  test("keys that are none", () => {
    const bad = (key: object) => {
      const { publicKey } = generateKeyPairSync("rsa", key as { modulusLength: number });
      return () => readPublicKey(keyInfo(publicKey.export({ type: "spki", format: "der" })));
    };
    assert.throws(bad({ modulusLength: 2040 }), /RSA key of 2040 bits/);
    assert.throws(bad({ modulusLength: 1024 }), /RSA key of 1024 bits, not of 2048 to 4096/);
    const spki = Buffer.from(
      generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey.export({ type: "spki", format: "der" }),
    );
    for (const [at, byte, reason] of [
      [spki.length - 1, 0, /exponent or modulus/], // an even exponent
      [spki.length - 6, spki[spki.length - 6]! & 0xfe, /exponent or modulus/], // an even modulus
    ] as const) {
      const copy = Buffer.from(spki);
      copy[at] = byte;
      assert.throws(() => readPublicKey(keyInfo(copy)), reason);
    }
  });
});

for (const [curve, hash] of [
  ["P-256", "SHA256"],
  ["P-384", "SHA384"],
] as const) {
  describe(`ECDSA ${curve}`, () => {
    const { publicKey, privateKey } = newKey("ec", { namedCurve: curve });
    const key = publicKey as EcKey;
    const size = key.point.length / 2;
    const raw = sign(hash, MESSAGE, { key: privateKey, dsaEncoding: "ieee-p1363" });
    const [r, s] = [raw.subarray(0, size), raw.subarray(size)];
    /** The curve's order, of which the primitive need not know. */
    const order =
      curve === "P-256"
        ? "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
        : "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
    const n = Buffer.from(order, "hex");
    const trusting: Primitives = { ...nodePrimitives, verify: () => true };
    const pair = (r: Buffer, s: Buffer) => sequence(integer(r), integer(s));
    const isGood = (signature: Buffer, primitives = nodePrimitives) =>
      isSigned(key, hash, MESSAGE, signature, primitives);

    test("a good one", () => assert.equal(isGood(pair(r, s)), true));

    test("numbers that are none", () => {
      const zero = Buffer.of(0);
      for (const signature of [
        pair(n, s),
        pair(r, n),
        pair(Buffer.alloc(size, 0xff), s),
        pair(Buffer.alloc(size + 1, 1), s),
      ]) {
        assert.equal(isGood(signature, trusting), false);
      }
      for (const signature of [pair(zero, zero), pair(r, zero), pair(zero, s)]) {
        assert.throws(() => isGood(signature, trusting), /malformed/);
      }
      const last = Buffer.from(n);
      last[size - 1]!--;
      assert.equal(isGood(pair(last, last), trusting), true, "one below the order reaches the primitive");
    });

    test("encodings that are not DER", () => {
      const good = pair(r, s);
      for (const bytes of [
        Buffer.concat([good, Buffer.of(0)]),
        good.subarray(0, -1),
        sequence(integer(r), integer(s), integer(s)),
        sequence(Buffer.concat([Buffer.of(2, size + 2, 0, 0), r]), integer(s)),
        sequence(Buffer.of(2, 1, 0x81), integer(s)),
        Buffer.alloc(0),
      ]) {
        assert.throws(() => isGood(bytes, trusting), /malformed/);
      }
    });
  });
}

function integer(value: Buffer): Buffer {
  let start = 0;
  while (start < value.length - 1 && value[start] === 0) start++;
  const bytes = value.subarray(start);
  const content = bytes[0]! >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return Buffer.concat([Buffer.of(2, content.length), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const head = content.length < 128 ? [0x30, content.length] : [0x30, 0x81, content.length];
  return Buffer.concat([Buffer.from(head), content]);
}

/** The largest number whose cube is not above `value`. */
function cubeRoot(value: bigint): bigint {
  let low = 0n;
  let high = 1n << 700n;
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (middle ** 3n <= value) low = middle;
    else high = middle - 1n;
  }
  return low;
}
