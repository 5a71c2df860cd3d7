// src/utf8.ts on each engine it supports: with Node's converters, with none (Espruino), and with those of a Moddable device
// (simulated from its C sources, xsDataView.c and xsString.c). utf8-xs.ts runs it in a real XS engine.

import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";
import { encodeText } from "../fuzz/text.ts";

export interface Utf8 {
  encodeUtf8(text: string): Uint8Array;
  decodeUtf8(bytes: Uint8Array, from?: number, to?: number): string;
  utf8Length(text: string): number;
}

const SOURCE = fileURLToPath(new URL("../../../src/utf8.ts", import.meta.url));

async function script(): Promise<string> {
  const result = await build({
    entryPoints: [SOURCE],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "utf8",
    target: "es2020",
  });
  return `${result.outputFiles[0]!.text}; utf8`;
}

/** Another realm, with the language and `globals`. */
export async function inRealm(globals: object): Promise<Utf8> {
  return runInContext(await script(), createContext(globals)) as Utf8;
}

export async function onDevice(): Promise<Utf8> {
  const context = createContext({});
  const realm = runInContext("({ ArrayBuffer, String })", context);
  realm.ArrayBuffer.fromString = fromString;
  realm.String.fromArrayBuffer = fromArrayBuffer;
  return runInContext(await script(), context) as Utf8;
}

/** fx_ArrayBuffer_fromString: copies the engine's own UTF-8, in which a lone surrogate is three bytes like any other. */
function fromString(text: string): ArrayBuffer {
  return Uint8Array.from(encodeText(text)).buffer;
}

/** fx_String_fromArrayBuffer: checks only the kind of the lead byte and the continuation bytes. */
function fromArrayBuffer(buffer: ArrayBuffer, byteOffset = 0, byteLength = buffer.byteLength - byteOffset): string {
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at]!;
    const length = lead < 0x80 ? 1 : (lead & 0xe0) === 0xc0 ? 2 : (lead & 0xf0) === 0xe0 ? 3 : 4;
    const tail = bytes.subarray(at + 1, at + length);
    const wrong = (lead & 0xc0) === 0x80 || tail.length < length - 1 || tail.some(byte => (byte & 0xc0) !== 0x80);
    if (wrong) throw new TypeError("invalid UTF-8");
    text += character(lead, length, tail);
    at += length;
  }
  return text;
}

function character(lead: number, length: number, tail: Uint8Array): string {
  const first = length === 1 ? lead : lead & (0xff >> (length + 1));
  const code = tail.reduce((value, byte) => (value << 6) | (byte & 0x3f), first);
  // XS makes one character of a value above U+10FFFF.
  return String.fromCodePoint(Math.min(code, 0x10ffff));
}
