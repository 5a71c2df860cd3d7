// Keys that sign firmware: the private one stays on the PC, the public one becomes part of the firmware.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/**
 * Reads a private key, or makes one (EC P-256) where there is no file.
 * @returns made: it is new
 * @throws Error that names the file
 */
export function privateKey(path: string): { key: KeyObject; made: boolean } {
  if (existsSync(path)) return { key: usable(path, readKey(path, createPrivateKey)), made: false };
  const { privateKey: key } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  try {
    writeFileSync(path, key.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new Error(`cannot write the key '${path}' (${(error as NodeJS.ErrnoException).code ?? error})`);
  }
  return { key, made: true };
}

/** The public key of a file with a private or a public one. @throws Error that names the file */
export function publicKey(path: string): KeyObject {
  return usable(path, readKey(path, createPublicKey));
}

/** What a device checks signatures with: SubjectPublicKeyInfo in DER. */
export function publicDer(key: KeyObject): Buffer {
  const whole = key.type === "private" ? createPublicKey(key) : key;
  return whole.export({ type: "spki", format: "der" });
}

function readKey(path: string, create: (pem: Buffer) => KeyObject): KeyObject {
  try {
    return create(readFileSync(path));
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    const reason = /^E[A-Z]+$/.test(code) ? code : "not a key in PEM without a passphrase";
    throw new Error(`cannot read the key '${path}' (${reason})`);
  }
}

function usable(path: string, key: KeyObject): KeyObject {
  const { namedCurve = "", modulusLength = 0 } = key.asymmetricKeyDetails ?? {};
  const good =
    key.asymmetricKeyType === "ec"
      ? ["prime256v1", "secp384r1"].includes(namedCurve)
      : key.asymmetricKeyType === "rsa" && modulusLength >= 2048 && modulusLength <= 4096;
  if (!good) throw new Error(`the key '${path}' must be EC on P-256 or P-384, or RSA of 2048 to 4096 bits`);
  return key;
}
