// Images, keys and signed files for the tests, and the cryptography of Node for the installer.

import { createHash, generateKeyPairSync } from "node:crypto";
import { publicDer } from "../../../targets/esp32/firmware-key.ts";
import { sealFirmware } from "../../harness/update/seal.ts";
import { nodePrimitives } from "../engines/tls/node-primitives.ts";
import { type Build, type Engine, imageOf } from "./board.ts";
import { SECTOR } from "./hardware.ts";

export const nodeEngine: Engine = {
  primitives: nodePrimitives,
  sha256() {
    const hash = createHash("sha256");
    return { write: bytes => void hash.update(bytes), close: () => new Uint8Array(hash.digest()) };
  },
};

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
export const signingKey = privateKey;
export const publicKey = new Uint8Array(publicDer(privateKey));

/** Two sectors and a part of one. */
export const SIZE = 2 * SECTOR + 700;
export const OLD: Build = { version: "1.2.0", image: imageOf("1.2.0", SIZE) };
export const NEXT: Build = { version: "1.10.0", image: imageOf("1.10.0", SIZE) };

export function fileOf(
  { version, image }: Build,
  { type = "thermo", key = privateKey as typeof privateKey | null } = {},
) {
  return new Uint8Array(sealFirmware(image, type, version, key ?? undefined).file);
}
