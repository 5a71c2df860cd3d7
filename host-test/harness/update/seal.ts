// Makes the file that a device downloads from an image (format: targets/moddable/update/image.ts).

import { createHash, type KeyObject, sign } from "node:crypto";
import { MAGIC, type Manifest, PREFIX_BYTES } from "../../../targets/moddable/update/image.ts";

export interface Sealed {
  readonly file: Buffer;
  readonly manifest: Manifest;
}

/**
 * @param key private; undefined: without a signature
 * @param id of the only device that may install the image; undefined: any device of the type
 */
export function sealFirmware(
  image: Uint8Array,
  type: string,
  version: string,
  key: KeyObject | undefined,
  id?: string,
): Sealed {
  const sha256 = createHash("sha256").update(image).digest("hex");
  const manifest = { type, ...(id !== undefined && { id }), version, size: image.length, sha256 };
  const text = Buffer.from(JSON.stringify(manifest));
  const signature = key ? sign("sha256", Buffer.concat([Buffer.from(MAGIC), text]), key) : Buffer.alloc(0);
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.write(MAGIC, "latin1");
  prefix.writeUInt16BE(text.length, MAGIC.length);
  prefix.writeUInt16BE(signature.length, MAGIC.length + 2);
  return { file: Buffer.concat([prefix, text, signature, image]), manifest };
}
