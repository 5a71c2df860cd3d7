// Makes the file that a device downloads from an image (format: targets/moddable/update/image.ts), and the keys for it.

import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { MAGIC, type Manifest, PREFIX_BYTES } from "../../../targets/moddable/update/image.ts";
import { CommandError, UsageError } from "../cli/errors.ts";

export interface Sealed {
  readonly file: Buffer;
  readonly manifest: Manifest;
}

/** @param key private; undefined: without a signature */
export function sealFirmware(image: Uint8Array, type: string, version: string, key: KeyObject | undefined): Sealed {
  const sha256 = createHash("sha256").update(image).digest("hex");
  const manifest = { type, version, size: image.length, sha256 };
  const text = Buffer.from(JSON.stringify(manifest));
  const signature = key ? sign("sha256", Buffer.concat([Buffer.from(MAGIC), text]), key) : Buffer.alloc(0);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, "latin1");
  prefix.writeUInt16BE(text.length, MAGIC.length);
  prefix.writeUInt16BE(signature.length, MAGIC.length + 2);
  return { file: Buffer.concat([prefix, text, signature, image]), manifest };
}

/** Reads the private key, or makes one (EC P-256) where there is no file. @returns made: it is new */
export function privateKey(path: string): { key: KeyObject; made: boolean } {
  if (existsSync(path)) return { key: readPrivateKey(path), made: false };
  const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  try {
    writeFileSync(path, key.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new CommandError(`cannot write the key '${path}' (${(error as NodeJS.ErrnoException).code ?? error})`);
  }
  return { key, made: true };
}

/** What the device checks signatures with: SubjectPublicKeyInfo in DER. */
export function publicKeyOf(key: KeyObject): Buffer {
  return createPublicKey(key).export({ type: "spki", format: "der" });
}

function readPrivateKey(path: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(readFileSync(path));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const known = code === "EACCES" || code === "EISDIR" ? code : "not a private key in PEM without a passphrase";
    throw new UsageError(`cannot use the key '${path}' (${known})`);
  }
  const { namedCurve, modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const usable =
    key.asymmetricKeyType === "ec"
      ? ["prime256v1", "secp384r1"].includes(namedCurve ?? "")
      : key.asymmetricKeyType === "rsa" && modulusLength >= 2048 && modulusLength <= 4096;
  if (!usable) throw new UsageError(`the key '${path}' must be EC on P-256 or P-384, or RSA of 2048 to 4096 bits`);
  return key;
}
