// Reads one HTTP/1.x answer from a stream, in pieces of any size: status, the few headers that matter, and as much of the
// body as is wanted (RFC 9112). Memory is bounded whatever the server sends: one line, and `limit` + 1 bytes of body.

import { consistsOf, DIGITS, endOfSpan, hasForm, lowerCase } from "../../src/device/characters.ts";
import type { HttpAnswer } from "../../src/device/http.ts";

/** Longest line kept. Of longer ones the rest is skipped: no header that matters is that long. */
const LINE_BYTES = 256;

const BLANKS = " \t\r";
const HEX_DIGITS = `${DIGITS}abcdefABCDEF`;

const STATUS = 0;
const HEADER = 1;
/** As many bytes as `left` says, then the end; or, in chunks, the next chunk. */
const BODY = 2;
const CHUNK_SIZE = 3;
const CHUNK_END = 4;
const TRAILER = 5;
/** The end of the connection is the end of the body. */
const UNTIL_CLOSED = 6;
const DONE = 7;

export class AnswerReader implements HttpAnswer {
  status = 0;
  contentType = "";
  commandId = "";
  protected limit: number;
  private state = STATUS;
  private readonly line = new Uint8Array(LINE_BYTES);
  private lineLength = 0;
  /** The line may have been longer than what is kept of it. */
  protected lineCut = false;
  protected chunked = false;
  /** Bytes of the body, or of the chunk, that are still to come; -1: not told. */
  protected left = -1;
  private kept: Uint8Array = new Uint8Array(0);
  private length = 0;

  /** @param limit bytes wanted of the body; reading ends with the first one beyond */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** What has come of it, no more than `limit` + 1 bytes. */
  get body(): Uint8Array {
    return this.kept.subarray(0, this.length);
  }

  /** True when the answer is whole, or has more than is wanted; what comes after is not read. Throws an Error otherwise. */
  read(bytes: Uint8Array): boolean {
    for (let at = 0; at < bytes.length && this.state !== DONE; ) {
      if (this.state === BODY || this.state === UNTIL_CLOSED) at += this.take(bytes, at);
      else this.character(bytes[at++]!);
    }
    return this.state === DONE;
  }

  /** The connection has ended. True when that was the end of the answer. */
  ended(): boolean {
    if (this.state === UNTIL_CLOSED) this.state = DONE;
    return this.state === DONE;
  }

  private character(code: number): void {
    if (code !== 10) {
      if (this.lineLength < LINE_BYTES) this.line[this.lineLength++] = code;
      return;
    }
    let text = "";
    for (let i = 0; i < this.lineLength; i++) text += String.fromCharCode(this.line[i]!);
    this.lineCut = this.lineLength === LINE_BYTES;
    this.lineLength = 0;
    this.lineIsWhole(trimmed(text));
  }

  private lineIsWhole(text: string): void {
    switch (this.state) {
      case STATUS:
        return this.statusLine(text);
      case HEADER:
        return text ? this.header(text) : this.headed();
      case CHUNK_SIZE:
        return this.chunk(text);
      case CHUNK_END:
        this.state = CHUNK_SIZE;
        return;
      default:
        if (!text) this.state = DONE;
    }
  }

  private statusLine(text: string): void {
    const version = hasForm(text.slice(0, 12), "HTTP/1.0 000") && "01".indexOf(text.charAt(7)) >= 0;
    const status = Number(text.slice(9, 12));
    if (!version || status < 100 || status > 599 || (text.length > 12 && text.charAt(12) !== " ")) {
      throw new Error("what answered does not speak HTTP");
    }
    this.status = status;
    this.state = HEADER;
  }

  protected header(text: string): void {
    const colon = text.indexOf(":");
    const value = trimmed(text.slice(colon + 1));
    switch (lowerCase(text.slice(0, Math.max(colon, 0)))) {
      case "content-type":
        this.contentType = value;
        return;
      case "x-commandid":
        // Its rest was skipped: it would name another command.
        if (this.lineCut) throw new Error(`X-commandId of more than ${LINE_BYTES} bytes`);
        this.commandId = utf8Of(value);
        return;
      case "content-length":
        if (!consistsOf(value, DIGITS) || value.length > 15) throw new Error("an answer whose length is no number");
        this.left = Number(value);
        return;
      case "transfer-encoding":
        if (lowerCase(value) !== "chunked") throw new Error("an answer in an encoding that is not known here");
        this.chunked = true;
    }
  }

  protected headed(): void {
    if (this.status < 200) {
      this.state = STATUS; // "100 Continue" and its like: the answer itself is to come
      this.left = -1;
      this.chunked = false;
    } else if (this.status === 204 || this.status === 304) this.state = DONE;
    else if (this.chunked) this.state = CHUNK_SIZE;
    else if (this.left < 0) this.state = UNTIL_CLOSED;
    else this.state = this.left ? BODY : DONE;
  }

  private chunk(text: string): void {
    const size = trimmed(text.split(";")[0]!);
    if (!consistsOf(size, HEX_DIGITS) || size.length > 7)
      throw new Error("an answer with a chunk whose size is no number");
    this.left = Number.parseInt(size, 16);
    this.state = this.left ? BODY : TRAILER;
  }

  /** Takes what belongs to the body; says how much that was. */
  private take(bytes: Uint8Array, from: number): number {
    const there = bytes.length - from;
    const count = this.state === BODY ? Math.min(there, this.left) : there;
    const wanted = Math.min(count, this.limit + 1 - this.length);
    this.keep(bytes.subarray(from, from + wanted));
    this.length += wanted;
    if (this.state === BODY) {
      this.left -= count;
      if (!this.left) this.state = this.chunked ? CHUNK_END : DONE;
    }
    if (this.length > this.limit) this.state = DONE;
    return count;
  }

  protected keep(bytes: Uint8Array): void {
    this.reserve(this.length + bytes.length);
    this.kept.set(bytes, this.length);
  }

  // At once where the length is told; else by doubling.
  private reserve(length: number): void {
    if (length <= this.kept.length) return;
    const told = this.chunked || this.left < 0 ? Math.max(length, 2 * this.kept.length) : this.length + this.left;
    const grown = new Uint8Array(Math.min(Math.max(told, length), this.limit + 1));
    grown.set(this.body);
    this.kept = grown;
  }
}

/** A header is bytes, one character each; ids are UTF-8 (docs/protocol.md 6). Not UTF-8: left as it is. */
function utf8Of(text: string): string {
  let escaped = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    escaped += code < 128 && code !== 37 ? text.charAt(i) : `%${(code + 256).toString(16).slice(1)}`;
  }
  try {
    return decodeURIComponent(escaped);
  } catch {
    return text;
  }
}

/** Without blanks at both ends. trim() also removes U+00A0, which may be the last byte of a command id in UTF-8. */
function trimmed(text: string): string {
  let end = text.length;
  while (end > 0 && BLANKS.indexOf(text.charAt(end - 1)) >= 0) end--;
  return text.slice(endOfSpan(text.slice(0, end), BLANKS, 0), end);
}
