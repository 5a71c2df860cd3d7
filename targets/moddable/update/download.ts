// Gets one file over HTTP: continues where a lost connection ended, and gives up when there is no progress. Sends no
// credentials. Knows Ports only. Memory is bounded whatever the server sends: lines of 256 bytes, and the pieces of the
// body that the transport hands over.

import { consistsOf, DIGITS, lowerCase } from "../../../src/device/characters.ts";
import { ConfigurationException } from "../../../src/errors.ts";
import type { Ports, Timer, TlsOptions, Transport, TransportListener } from "../../../src/ports.ts";
import { encodeUtf8 } from "../../../src/utf8.ts";
import { authority } from "../authority.ts";
import { AnswerReader } from "../http-answer.ts";
import { CONNECTION_LOST, INVALID_URI, Refusal, VERIFICATION_FAILED } from "./image.ts";
import { type Location, parseUri, redirected } from "./uri.ts";

/** Who gets the file. What its functions throw ends the download. */
export interface Receiver {
  /** The file begins at its first byte, perhaps once more. */
  begin(): void;
  /** Takes the next bytes. Returns how many of them belong to the file. */
  take(bytes: Uint8Array): number;
  /** Bytes of the file as its header says; -1: not known yet. */
  readonly expected: number;
  /** Units of progress: 4 KiB each. */
  readonly chunks: number;
  /** @param error undefined: the file is there as a whole */
  ended(error: Refusal | undefined): void;
}

export interface DownloadOptions {
  /** Attempts without progress, the first one included, after which the connection counts as lost. */
  readonly attempts: number;
  /** Milliseconds within which a chunk has to arrive. */
  readonly stallMs: number;
  readonly tls: TlsOptions;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;
const MOST_REDIRECTS = 3;

const OK = 200;
const PARTIAL = 206;
const RANGE_NOT_SATISFIABLE = 416;

/** The head of an answer, and its body in pieces. */
class FileReader extends AnswerReader {
  etag = "";
  location = "";
  contentRange = "";
  /** Bytes of the body; -1: not told. */
  told = -1;
  private readonly attempt: Attempt;

  constructor(attempt: Attempt) {
    super(0);
    this.attempt = attempt;
  }

  /** The body is wanted. It is handed on and not kept, so that nothing limits it here. */
  accept(): void {
    this.limit = Number.MAX_SAFE_INTEGER;
  }

  protected override header(text: string): void {
    super.header(text);
    const colon = Math.max(text.indexOf(":"), 0);
    const value = text.slice(colon + 1).trim();
    switch (lowerCase(text.slice(0, colon))) {
      case "etag":
        this.etag = this.lineCut ? "" : value;
        return;
      case "location":
        this.location = this.lineCut ? "" : value;
        return;
      case "content-range":
        this.contentRange = value;
        return;
      case "content-encoding":
        if (lowerCase(value) !== "identity") throw new Error(`the server packs the file (${value})`);
    }
  }

  protected override headed(): void {
    this.told = this.chunked ? -1 : this.left;
    super.headed();
    if (this.status >= OK) this.attempt.headed(this);
  }

  protected override keep(bytes: Uint8Array): void {
    this.attempt.body(bytes);
  }
}

/** One request. Ends once, by itself or by close(). */
class Attempt implements TransportListener {
  private readonly download: Download;
  private readonly reader = new FileReader(this);
  private head: Uint8Array;
  private transport: Transport | undefined;

  constructor(download: Download, ports: Ports, location: Location, headers: string) {
    this.download = download;
    this.head = encodeUtf8(
      `GET ${location.path} HTTP/1.1\r\nhost: ${authority(location.endpoint)}\r\nconnection: close\r\n` +
        `accept-encoding: identity\r\n${headers}\r\n`,
    );
    this.transport = ports.open(location.endpoint, this);
  }

  close(): void {
    this.transport?.close();
    this.transport = undefined;
  }

  opened(): void {
    this.writableAgain();
  }

  writableAgain(): void {
    const { transport, head } = this;
    const count = transport ? Math.min(head.length, transport.writable) : 0;
    if (count) transport!.write(head.subarray(0, count));
    this.head = head.subarray(count);
  }

  received(bytes: Uint8Array): void {
    try {
      if (this.reader.read(bytes) && this.transport) this.download.tooShort();
    } catch (error) {
      this.download.failed(error as Error);
    }
  }

  closed(reason?: string): void {
    this.download.failed(new Error(reason || "the connection ended before the file did"));
  }

  /** @internal From the reader. */
  headed(reader: FileReader): void {
    this.download.headed(reader);
  }

  /** @internal From the reader. */
  body(bytes: Uint8Array): void {
    if (this.transport) this.download.body(bytes);
  }
}

export class Download {
  private readonly ports: Ports;
  private readonly options: DownloadOptions;
  private readonly receiver: Receiver;
  private readonly timer: Timer;
  private location: Location;
  private redirects = 0;
  /** undefined: between two attempts, or at the end. */
  private attempt: Attempt | undefined;
  private over = false;
  /** Failures since the last progress, and the most chunks there ever were. */
  private failures = 0;
  private best = 0;
  /** Bytes of the file so far, and what the server said of it when it began. */
  private offset = 0;
  private etag = "";
  private total = -1;
  /** Where the rest that is being received began, and the chunks there were; -1: it is the whole file. */
  private restFrom = -1;
  private restChunks = 0;

  /** @throws Refusal for a URI that is none */
  constructor(uri: string, options: DownloadOptions, ports: Ports, receiver: Receiver) {
    this.location = parseUri(uri, options.tls);
    this.options = options;
    this.ports = ports;
    this.receiver = receiver;
    this.timer = ports.clock.timer(() => this.due());
    this.timer.set(0);
  }

  private due(): void {
    if (this.attempt) this.failed(new Error(`less than 4 KiB in ${this.options.stallMs / 1000} s`));
    else this.request();
  }

  private request(): void {
    let headers = "";
    if (this.offset) {
      headers = `range: bytes=${this.offset}-\r\n`;
      // A weak tag does not say that the bytes are the same (RFC 9110, 13.1.5).
      if (this.etag.slice(0, 1) === '"') headers += `if-range: ${this.etag}\r\n`;
    }
    this.timer.set(this.options.stallMs);
    try {
      this.attempt = new Attempt(this, this.ports, this.location, headers);
    } catch (error) {
      const { message } = error as Error;
      // For example no TLS in this program, or a broken certificate.
      this.failed(error instanceof ConfigurationException ? new Refusal(INVALID_URI, message) : (error as Error));
    }
  }

  /** @internal From the attempt: status and headers are there. */
  headed(reader: FileReader): void {
    const { status } = reader;
    if (status === OK) this.whole(reader);
    else if (status === PARTIAL) this.rest(reader);
    else if (status >= 301 && status <= 308 && reader.location && status !== 304) this.redirect(reader.location);
    else if (status === RANGE_NOT_SATISFIABLE && this.offset) this.changed("the file is shorter than it was");
    else if (status >= 500 || status === 408 || status === 429) throw new Error(`HTTP status ${status}`);
    else throw new Refusal(INVALID_URI, `HTTP status ${status} for the URI of the firmware`);
  }

  /** The answer begins with the first byte, also where the rest was asked for: the file has changed, or the server has no ranges. */
  private whole(reader: FileReader): void {
    this.offset = 0;
    this.restFrom = -1;
    this.etag = reader.etag;
    this.total = reader.told;
    this.receiver.begin();
    reader.accept();
  }

  private rest(reader: FileReader): void {
    const [from, total] = rangeOf(reader.contentRange);
    if (!this.offset || from !== this.offset) this.changed(`content-range ${reader.contentRange || "is missing"}`);
    const differs = this.total >= 0 && total >= 0 && total !== this.total;
    if (differs || (this.etag && reader.etag && reader.etag !== this.etag)) this.changed("the file has changed");
    this.restFrom = this.offset;
    this.restChunks = this.receiver.chunks;
    reader.accept();
  }

  /** What is there does not belong to what comes: the next attempt begins again. */
  private changed(reason: string): never {
    this.offset = 0;
    throw new Error(reason);
  }

  private redirect(location: string): void {
    if (++this.redirects > MOST_REDIRECTS) throw new Refusal(INVALID_URI, `more than ${MOST_REDIRECTS} redirects`);
    this.location = redirected(this.location, location, this.options.tls);
    this.close();
    this.timer.set(0);
  }

  /** @internal From the attempt. */
  body(bytes: Uint8Array): void {
    const { receiver } = this;
    const before = receiver.chunks;
    this.offset += receiver.take(bytes);
    if (this.over) return; // cancelled by what hears of the progress
    const { expected } = receiver;
    if (expected >= 0 && this.total >= 0 && this.total !== expected) {
      throw new Refusal(VERIFICATION_FAILED, `the file has ${this.total} bytes, its header says ${expected}`);
    }
    // Whatever a server sends behind it is not waited for.
    if (this.offset === expected) return this.end(undefined);
    if (receiver.chunks === before) return;
    this.timer.set(this.options.stallMs);
    if (receiver.chunks <= this.best) return;
    this.best = receiver.chunks;
    this.failures = 0;
  }

  /** @internal From the attempt: the answer is there, and was not the whole file. */
  tooShort(): void {
    if (this.restFrom < 0 || this.offset === this.restFrom) {
      return this.end(new Refusal(VERIFICATION_FAILED, `the file ends after ${this.offset} bytes`));
    }
    // A server may send less than was asked for (RFC 9110, 15.3.7). Less than a chunk counts as a failure: this bounds
    // the number of requests.
    if (this.receiver.chunks === this.restChunks) return this.failed(new Error("the server sends less than a chunk"));
    this.close();
    this.timer.set(0);
  }

  /** Ends it; the receiver is not called any more. */
  cancel(): void {
    this.over = true;
    this.close();
    this.timer.clear();
  }

  /** @internal From the attempt. */
  failed(error: Error): void {
    if (this.over) return;
    if (error instanceof Refusal) return this.end(error);
    this.close();
    if (++this.failures >= this.options.attempts) {
      return this.end(new Refusal(CONNECTION_LOST, `gave up after ${this.failures} attempts: ${error.message}`));
    }
    const wait = Math.min(FIRST_WAIT_MS * 2 ** (this.failures - 1), LONGEST_WAIT_MS);
    this.timer.set(Math.floor(wait * (0.5 + this.ports.random() / 2)));
  }

  private close(): void {
    this.attempt?.close();
    this.attempt = undefined;
  }

  private end(error: Refusal | undefined): void {
    this.cancel();
    this.receiver.ended(error);
  }
}

/** First byte and length of the whole, of "bytes 100-199/200"; -1: not told, or malformed. */
function rangeOf(text: string): [from: number, total: number] {
  if (lowerCase(text.slice(0, 6)) !== "bytes ") return [-1, -1];
  return [numberOf(text.slice(6).split("-")[0]!), numberOf(text.split("/")[1] ?? "")];
}

function numberOf(text: string): number {
  return consistsOf(text, DIGITS) && text.length < 12 ? Number(text) : -1;
}
