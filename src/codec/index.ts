// Format name to codec. Open for the application's own; its registrations go before the built-in ones.

import { ConfigurationException } from "../errors.ts";
import type { Codec } from "./codec.ts";
import { jsonCodec } from "./json.ts";
import { jsonIotfCodec } from "./json-iotf.ts";
import { rawCodec, utf8Codec } from "./plain.ts";

/** Most formats an application can register. */
const OWN_LIMIT = 16;

export class Codecs {
  private readonly own: { format: string; codec: Codec }[] = [];

  /** The codec of a format, or undefined. */
  get(format: string): Codec | undefined {
    for (let i = 0; i < this.own.length; i++) if (this.own[i]!.format === format) return this.own[i]!.codec;
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

  /** A later registration replaces an earlier one and the built-in one. */
  set(format: string, codec: Codec): void {
    if (typeof codec?.encode !== "function" || typeof codec.decode !== "function") {
      throw new ConfigurationException(`the codec of format "${format}" needs the functions encode and decode`);
    }
    for (let i = 0; i < this.own.length; i++) {
      if (this.own[i]!.format !== format) continue;
      this.own[i]!.codec = codec;
      return;
    }
    if (this.own.length >= OWN_LIMIT) {
      throw new ConfigurationException(`more than ${OWN_LIMIT} formats, with "${format}"`, "limit");
    }
    this.own.push({ format, codec });
  }
}

/** Whether the payload depends on the time of publishing; making a Date for the others would be in vain. */
export function wantsTime(codec: Codec): boolean {
  return codec !== jsonCodec && codec !== utf8Codec && codec !== rawCodec;
}
