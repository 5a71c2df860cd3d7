// Codecs by format name: those that the application registers, then the built-in ones.

import { ConfigurationException } from "../../errors.ts";
import type { Codec } from "./codec.ts";
import { jsonCodec } from "./json.ts";
import { jsonIotfCodec } from "./json-iotf.ts";
import { rawCodec, utf8Codec } from "./plain.ts";

/** Most formats that an application can register. */
const OWN_LIMIT = 16;

interface OwnCodec {
  format: string;
  codec: Codec;
}

export class Codecs {
  private own: OwnCodec[] | undefined;

  /** Returns undefined for a format without a codec. */
  get(format: string): Codec | undefined {
    const { own } = this;
    if (own) for (let i = 0; i < own.length; i++) if (own[i]!.format === format) return own[i]!.codec;
    switch (format) {
      case "json":
        return jsonCodec;
      case "json-iotf":
        return jsonIotfCodec;
      case "utf8":
        return utf8Codec;
      case "raw":
        return rawCodec;
    }
    return undefined;
  }

  /** Replaces an earlier codec of the format, also a built-in one. */
  set(format: string, codec: Codec): void {
    if (typeof codec?.encode !== "function" || typeof codec.decode !== "function") {
      throw new ConfigurationException(`the codec of format "${format}" needs the functions encode and decode`);
    }
    const own = this.own || [];
    for (let i = 0; i < own.length; i++) {
      if (own[i]!.format !== format) continue;
      own[i]!.codec = codec;
      return;
    }
    if (own.length >= OWN_LIMIT) {
      throw new ConfigurationException(`more than ${OWN_LIMIT} formats, with "${format}"`, "limit");
    }
    own.push({ format, codec });
    this.own = own;
  }
}

/** True if the payload depends on the time of publishing. The other codecs need no Date. */
export function wantsTime(codec: Codec): boolean {
  return codec !== jsonCodec && codec !== utf8Codec && codec !== rawCodec;
}

/** True if decoding makes a tree of values that takes far more memory than the payload. */
export function parsesJson(codec: Codec): boolean {
  return codec === jsonCodec || codec === jsonIotfCodec;
}
