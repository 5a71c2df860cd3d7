// The far end of a download: a server of one file on the fake network, which makes the faults that a test asks for.
// Runs on Node and in XS.

import { joined } from "../../harness/testing/bytes.ts";
import type { FakeTransport } from "../../harness/testing/transport.ts";

export interface Request {
  path: string;
  headers: Record<string, string>;
  /** First byte asked for; 0: the whole file. */
  from: number;
}

/** What one request gets, in place of the file. */
export interface Fault {
  /** The connection ends after so many bytes of the body. */
  cutAfter?: number;
  /** Nothing comes after so many bytes of the body; the connection stays. */
  stallAfter?: number;
  /** The connection does not come up. */
  unreachable?: boolean;
  status?: number;
  /** With `status`: sent as it is. */
  body?: Uint8Array;
  /** Before the answer. */
  before?: string;
  /** Replace those of the answer; an empty value leaves one out. */
  headers?: Record<string, string>;
  /** Bytes 0, without end, behind what is sent. */
  endless?: boolean;
  /** The file is another one from now on. */
  file?: Uint8Array;
  etag?: string;
}

const PIECE = 1000;
/** What `endless` sends before the test gives up. */
const MOST_ENDLESS = 1 << 20;

export class FileServer {
  file: Uint8Array;
  etag = '"1"';
  ranges = true;
  /** Of the first request, the second one, and so on. */
  faults: (Fault | undefined)[] = [];
  /** Of all further requests. */
  always: Fault | undefined;
  readonly requests: Request[] = [];
  /** Bytes that `endless` could send. */
  flood = 0;

  constructor(file: Uint8Array) {
    this.file = file;
  }

  serve(link: FakeTransport): void {
    const fault = this.faults[this.requests.length] ?? this.always ?? {};
    if (fault.file) this.file = fault.file;
    if (fault.etag !== undefined) this.etag = fault.etag;
    if (fault.unreachable) {
      this.requests.push({ path: "", headers: {}, from: 0 });
      return link.ends("no connection");
    }
    link.opens();
    const request = parse(link.sent);
    this.requests.push(request);
    this.answer(link, request, fault);
  }

  private answer(link: FakeTransport, { headers, from }: Request, fault: Fault): void {
    const matches = headers["if-range"] === undefined || headers["if-range"] === this.etag;
    const partial = this.ranges && from > 0 && matches;
    const tooFar = partial && from >= this.file.length;
    const body =
      tooFar || fault.status !== undefined ? (fault.body ?? new Uint8Array(0)) : this.file.subarray(partial ? from : 0);
    const status = fault.status ?? (tooFar ? 416 : partial ? 206 : 200);
    const told: Record<string, string> = { "Content-Length": String(body.length), ETag: this.etag };
    if (partial) told["Content-Range"] = `bytes ${from}-${this.file.length - 1}/${this.file.length}`;
    Object.assign(told, fault.headers);
    const lines = Object.entries(told).map(([name, value]) => (value ? `${name}: ${value}\r\n` : ""));
    const head = new TextEncoder().encode(`${fault.before ?? ""}HTTP/1.1 ${status} -\r\n${lines.join("")}\r\n`);
    // A body that a test brings arrives with the head, in one piece.
    if (fault.body) link.receives(head, fault.body);
    else link.receives(head);
    const end = Math.min(body.length, fault.cutAfter ?? body.length, fault.stallAfter ?? body.length);
    for (let at = 0; at < end && !fault.body; at += PIECE) link.receives(body.slice(at, Math.min(at + PIECE, end)));
    if (fault.endless) this.pour(link);
    else if (fault.stallAfter === undefined) link.ends();
  }

  private pour(link: FakeTransport): void {
    const zeros = new Uint8Array(PIECE);
    for (; link.alive && this.flood < MOST_ENDLESS; this.flood += PIECE) link.receives(zeros);
  }
}

function parse(sent: Uint8Array): Request {
  const text = new TextDecoder().decode(joined([sent]));
  const [first, ...lines] = text.split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(": ");
    if (colon > 0) headers[line.slice(0, colon)] = line.slice(colon + 2);
  }
  const from = Number(/^bytes=(\d+)-$/.exec(headers.range ?? "")?.[1] ?? 0);
  return { path: first!.split(" ")[1]!, headers, from };
}
