// The file that a device downloads: a header that says what the image is and who signed it, then the image.
//
//     at     bytes  what
//     0      8      "IOTFUPD1"
//     8      2      m: bytes of the manifest, 1..512, big-endian
//     10     2      s: bytes of the signature, 0..512, big-endian; 0: not signed
//     12     m      manifest, JSON in ASCII: {"type":"thermo","version":"1.3.0","size":1048576,"sha256":"<64 hex digits>"}
//                   and optional "id":"t-01": only this device accepts the image, which contains its token
//     12+m   s      signature over the 8 bytes and the manifest: RSA (PKCS #1 v1.5) or ECDSA in DER, with SHA-256
//     12+m+s size   the image, as the SDK's build makes it
//
// The header comes first, so that a device refuses an image before it erases flash.

import { consistsOf, DIGITS } from "../../../src/device/characters.ts";
import { ConfigurationException } from "../../../src/errors.ts";
import { Der, SEQUENCE } from "../tls/der.ts";
import { derOf } from "../tls/pem.ts";
import { isSigned, type Primitives, type PublicKey, readPublicKey } from "../tls/signature.ts";

export const MAGIC = "IOTFUPD1";
/** Up to the manifest. */
export const PREFIX_BYTES = 12;
export const MOST_MANIFEST_BYTES = 512;
/** An RSA key of 4096 bits. */
export const MOST_SIGNATURE_BYTES = 512;

const HEX_DIGITS = `${DIGITS}abcdef`;
const MOST_PARTS = 4;
const MOST_PART_DIGITS = 9;

/** What a download or an update ends with: the updateStatus of docs/protocol.md 7.4. */
export type Failure = 2 | 3 | 4 | 5 | 6;

export const OUT_OF_MEMORY = 2;
export const CONNECTION_LOST = 3;
export const VERIFICATION_FAILED = 4;
export const UNSUPPORTED_IMAGE = 5;
export const INVALID_URI = 6;

export class Refusal extends Error {
  readonly status: Failure;

  constructor(status: Failure, message: string) {
    super(message);
    this.status = status;
  }
}

export interface Manifest {
  readonly type: string;
  readonly version: string;
  /** Bytes of the image. */
  readonly size: number;
  /** Of the image, 64 hex digits. */
  readonly sha256: string;
  /** Device id, if the image is for one device only. */
  readonly id?: string;
}

/** What the manifest of an image is checked against, in the header and again after a restart. */
export interface Acceptance {
  readonly type: string;
  /** Device id. undefined: images for one device are refused. */
  readonly id: string | undefined;
  readonly version: string;
  readonly allowOlder: boolean;
}

/** What an image is checked against. */
export interface Policy extends Acceptance {
  readonly key: PublicKey | undefined;
  readonly allowUnsigned: boolean;
  /** Attribute `verifier` of mgmt.firmware: the SHA-256 of the image in hex, or nothing. */
  readonly verifier: string;
  /** Bytes of the slot. */
  readonly space: number;
}

/** @throws ConfigurationException unless it is a public key in DER or PEM (SubjectPublicKeyInfo) */
export function readKey(option: string, data: string | Uint8Array): PublicKey {
  const der = derOf(option, data, "PUBLIC KEY");
  try {
    const whole = new Der(der);
    const info = whole.read(SEQUENCE);
    whole.finish();
    return readPublicKey(info);
  } catch {
    throw new ConfigurationException(
      `${option} must be an RSA key of 2048 to 4096 bits, or an EC key on P-256 or P-384`,
    );
  }
}

/** Bytes of the whole header, from its first PREFIX_BYTES. @throws Refusal */
export function headerLength(prefix: Uint8Array): number {
  const manifest = (prefix[8]! << 8) | prefix[9]!;
  const signature = (prefix[10]! << 8) | prefix[11]!;
  if (textOf(prefix, 0, MAGIC.length) !== MAGIC) {
    throw new Refusal(UNSUPPORTED_IMAGE, "not a firmware file of iotf-embedded");
  }
  if (manifest < 1 || manifest > MOST_MANIFEST_BYTES || signature > MOST_SIGNATURE_BYTES) {
    throw new Refusal(UNSUPPORTED_IMAGE, "the header of the firmware file is malformed");
  }
  return PREFIX_BYTES + manifest + signature;
}

/** Checks a whole header. The signature comes first: nobody else decides what the rest is. @throws Refusal */
export function readHeader(header: Uint8Array, policy: Policy, primitives: Primitives): Manifest {
  const end = PREFIX_BYTES + ((header[8]! << 8) | header[9]!);
  checkSignature(header, end, policy, primitives);
  const manifest = parse(textOf(header, PREFIX_BYTES, end));
  const { size, sha256 } = manifest;
  checkManifest(manifest, policy);
  if (policy.verifier && policy.verifier !== sha256) {
    throw new Refusal(VERIFICATION_FAILED, "verifier is not the SHA-256 of this image");
  }
  if (size > policy.space) throw new Refusal(OUT_OF_MEMORY, `the image has ${size} bytes, the slot ${policy.space}`);
  return manifest;
}

/** Device type, device id and version. @throws Refusal */
export function checkManifest({ type, id, version }: Manifest, policy: Acceptance): void {
  if (type !== policy.type) {
    throw new Refusal(UNSUPPORTED_IMAGE, `firmware for device type ${type}, not ${policy.type}`);
  }
  if (id !== undefined && id !== policy.id) {
    const own = policy.id === undefined ? "and this updater has no option id" : `not ${policy.id}`;
    throw new Refusal(UNSUPPORTED_IMAGE, `firmware for device ${id}, ${own}`);
  }
  if (!policy.allowOlder && compareVersions(version, policy.version) <= 0) {
    throw new Refusal(UNSUPPORTED_IMAGE, `firmware ${version} is not newer than ${policy.version}`);
  }
}

function checkSignature(header: Uint8Array, end: number, policy: Policy, primitives: Primitives): void {
  if (header.length === end) {
    if (policy.allowUnsigned) return;
    throw new Refusal(VERIFICATION_FAILED, "the firmware file is not signed");
  }
  if (!policy.key) {
    if (policy.allowUnsigned) return;
    throw new Refusal(VERIFICATION_FAILED, "this device has no public key for firmware");
  }
  const signed = new Uint8Array(MAGIC.length + end - PREFIX_BYTES);
  signed.set(header.subarray(0, MAGIC.length));
  signed.set(header.subarray(PREFIX_BYTES, end), MAGIC.length);
  let good: boolean;
  try {
    good = isSigned(policy.key, "SHA256", signed, header.subarray(end), primitives);
  } catch {
    good = false; // not DER
  }
  if (!good) throw new Refusal(VERIFICATION_FAILED, "the signature is not by the key of this device");
}

function parse(text: string): Manifest {
  let manifest: Manifest | null;
  try {
    manifest = JSON.parse(text);
  } catch {
    manifest = null;
  }
  const { type, version, size, sha256, id } = manifest ?? ({} as Partial<Manifest>);
  if (
    typeof type !== "string" ||
    typeof version !== "string" ||
    !isVersion(version) ||
    typeof size !== "number" ||
    !(size > 0 && size % 1 === 0) ||
    typeof sha256 !== "string" ||
    sha256.length !== 64 ||
    !consistsOf(sha256, HEX_DIGITS) ||
    (id !== undefined && (typeof id !== "string" || !id))
  ) {
    throw new Refusal(UNSUPPORTED_IMAGE, "the manifest in the firmware file is malformed");
  }
  return { type, version, size, sha256, ...(id !== undefined && { id }) };
}

/** 1 to 4 decimal numbers with dots between them: "1.10.0". */
export function isVersion(text: string): boolean {
  const parts = text.split(".");
  for (let i = 0; i < parts.length; i++) {
    if (!consistsOf(parts[i]!, DIGITS) || parts[i]!.length > MOST_PART_DIGITS) return false;
  }
  return parts.length <= MOST_PARTS;
}

/** Below 0: a is older. A number that is absent is 0. */
export function compareVersions(a: string, b: string): number {
  const left = a.split(".");
  const right = b.split(".");
  for (let i = 0; i < MOST_PARTS; i++) {
    const difference = Number(left[i] ?? 0) - Number(right[i] ?? 0);
    if (difference) return difference;
  }
  return 0;
}

/** "00ff" */
export function hexOf(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += HEX_DIGITS.charAt(bytes[i]! >> 4) + HEX_DIGITS.charAt(bytes[i]! & 15);
  return text;
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
