// Text to UTF-8 and back, with the same result on every engine. The converter of the engine does the work; what converters
// treat differently (lone surrogates, overlong forms) is corrected here. ASCII text costs nothing more.

/** Converters of Moddable devices. */
interface DeviceBuffers {
  fromString?(text: string): ArrayBuffer;
}
interface DeviceStrings {
  fromArrayBuffer?(buffer: ArrayBufferLike, byteOffset: number, byteLength: number): string;
}
/** Converters of Node and of the XS worker. */
interface WebConverters {
  TextEncoder?: new () => { encode(text: string): Uint8Array };
  TextDecoder?: new (
    label: string,
    options: { fatal: boolean; ignoreBOM: boolean },
  ) => { decode(bytes: Uint8Array): string };
}

// Read once. While Moddable preloads this module they are absent, so undefined goes into flash. Read from globalThis,
// because mcpack links the SDK's converters for a bare name.
const web = globalThis as WebConverters;
const encoder = web.TextEncoder && new web.TextEncoder();
const decoder = web.TextDecoder && new web.TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Empty text. */
export const NO_BYTES = new Uint8Array(0);

/** Encodes text. Lone surrogates become EF BF BD (U+FFFD), as in TextEncoder of the web. */
export function encodeUtf8(text: string): Uint8Array {
  let bytes: Uint8Array;
  if (encoder) bytes = encoder.encode(text);
  else {
    const buffers = ArrayBuffer as DeviceBuffers;
    if (!buffers.fromString) return encodeInScript(text);
    bytes = new Uint8Array(buffers.fromString(text));
  }
  // As many bytes as characters: ASCII. No lead byte ED: no surrogate was encoded as such.
  return bytes.length === text.length || bytes.indexOf(0xed) < 0 ? bytes : encodeInScript(text);
}

/** Decodes `bytes` from index `from` to `to`. Throws an Error if they are not UTF-8. Keeps a byte order mark: it may be data. */
export function decodeUtf8(bytes: Uint8Array, from = 0, to: number = bytes.length): string {
  const strings = String as DeviceStrings;
  if (!decoder && !strings.fromArrayBuffer) return decodeInScript(bytes, from, to);
  const length = to - from;
  const text = strings.fromArrayBuffer
    ? strings.fromArrayBuffer(bytes.buffer, bytes.byteOffset + from, length)
    : decoder!.decode(length === bytes.length ? bytes : bytes.subarray(from, to));
  // A device accepts overlong forms, surrogates and more, the XS worker ED and F4 before ASCII. ASCII (as many characters as
  // bytes) needs no check.
  if (text.length !== length) for (let at = from; at < to; ) at += sequenceLength(bytes, at, to);
  return text;
}

/** Number of bytes of `encodeUtf8(text)`. If the bytes are needed too, encode once and use their length. */
export function utf8Length(text: string): number {
  return encoder || (ArrayBuffer as DeviceBuffers).fromString ? encodeUtf8(text).length : lengthInScript(text);
}

function encodeInScript(text: string): Uint8Array {
  const bytes = new Uint8Array(lengthInScript(text));
  writeInScript(text, bytes);
  return bytes;
}

function lengthInScript(text: string): number {
  return writeInScript(text, NO_BYTES);
}

/** Writes as much as `bytes` have room for. Returns the length of the whole. */
function writeInScript(text: string, bytes: Uint8Array): number {
  let end = 0;
  for (let index = 0; index < text.length; index++) {
    const code = scalarAt(text, index);
    if (isJoined(text, index, code)) index++;
    if (code < 0x80) bytes[end++] = code;
    else {
      if (code < 0x800) bytes[end++] = 0xc0 | (code >> 6);
      else {
        if (code < 0x10000) bytes[end++] = 0xe0 | (code >> 12);
        else {
          bytes[end++] = 0xf0 | (code >> 18);
          bytes[end++] = 0x80 | ((code >> 12) & 0x3f);
        }
        bytes[end++] = 0x80 | ((code >> 6) & 0x3f);
      }
      bytes[end++] = 0x80 | (code & 0x3f);
    }
  }
  return end;
}

/** The Unicode scalar value that starts at `index`. */
function scalarAt(text: string, index: number): number {
  const unit = text.charCodeAt(index);
  if (unit < 0xd800 || unit > 0xdfff) return unit;
  const low = text.charCodeAt(index + 1);
  // NaN at the end of the text fails both comparisons.
  return unit < 0xdc00 && low >= 0xdc00 && low < 0xe000 ? (unit - 0xd800) * 0x400 + low + 0x2400 : 0xfffd;
}

/** True if `code` took two characters. On a Moddable device a character above U+FFFF is one. */
function isJoined(text: string, index: number, code: number): boolean {
  return code > 0xffff && text.charCodeAt(index) < 0xe000;
}

function decodeInScript(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; ) {
    const length = sequenceLength(bytes, at, to);
    let code = length === 1 ? bytes[at]! : bytes[at]! & (0x7f >> length);
    for (let index = 1; index < length; index++) code = (code << 6) | (bytes[at + index]! & 0x3f);
    text +=
      code > 0xffff ? String.fromCharCode(0xd7c0 + (code >> 10), 0xdc00 | (code & 0x3ff)) : String.fromCharCode(code);
    at += length;
  }
  return text;
}

/** Length of the UTF-8 sequence at `at`. Throws unless it is complete and the shortest form of a scalar value. */
function sequenceLength(bytes: Uint8Array, at: number, to: number): number {
  const lead = bytes[at]!;
  if (lead < 0x80) return 1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  // The second byte distinguishes overlong forms, surrogates and values above U+10FFFF from valid ones.
  const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  const second = bytes[at + 1]!;
  let whole = at + length <= to && lead >= 0xc2 && lead <= 0xf4 && second >= least && second <= most;
  for (let index = 2; index < length; index++) whole = whole && (bytes[at + index]! & 0xc0) === 0x80;
  if (!whole) throw new Error("invalid UTF-8");
  return length;
}
