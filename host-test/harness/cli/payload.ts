// Payload of a command: from a word, hexadecimal or base64 text, a file or standard input.

import type { Readable } from "node:stream";
import type { Options } from "./args.ts";
import { UsageError } from "./errors.ts";
import { readBytes } from "./files.ts";

export const PAYLOAD_OPTIONS = {
  hex: { type: "string" },
  base64: { type: "string" },
  file: { type: "string" },
} as const satisfies Options;

type Values = { readonly [K in keyof typeof PAYLOAD_OPTIONS]?: string | undefined };

/** @param word the payload as text; undefined if there is none */
export async function readPayload(word: string | undefined, values: Values, stdin: Readable): Promise<Buffer> {
  const { hex, base64, file } = values;
  const given = [word, hex, base64, file].filter(value => value !== undefined).length;
  if (given > 1) throw new UsageError("give one payload only: [payload], --hex, --base64 or --file");
  if (hex !== undefined) return decode("hex", hex, /^([0-9a-f]{2})*$/i);
  if (base64 !== undefined) return decode("base64", base64, /^[A-Za-z0-9+/_-]*={0,2}$/);
  if (file === "-") return Buffer.concat(await stdin.toArray());
  if (file !== undefined) return readBytes("the payload in", file);
  return Buffer.from(word ?? "{}");
}

function decode(encoding: "hex" | "base64", text: string, pattern: RegExp): Buffer {
  const compact = text.replace(/\s+/g, "");
  if (!pattern.test(compact)) throw new UsageError(`--${encoding}: '${text.slice(0, 40)}' is not ${encoding}`);
  return Buffer.from(compact, encoding);
}
