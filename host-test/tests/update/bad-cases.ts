// The cases of cases.ts. Node only: the files are signed here.

import { generateKeyPairSync } from "node:crypto";
import { sealFirmware } from "../../harness/update/seal.ts";
import { imageOf } from "./board.ts";
import type { Case } from "./cases.ts";
import { fileOf, NEXT, SIZE, signingKey } from "./files.ts";
import { SECTOR } from "./hardware.ts";
import type { Fault } from "./server.ts";

const good = fileOf(NEXT);
const head = good.length - SIZE;
const other = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
/** Another image in a file of the same length: the length of a signature varies by some bytes. */
let rebuilt: Uint8Array;
do rebuilt = fileOf({ version: NEXT.version, image: imageOf("1.11.0", SIZE) });
while (rebuilt.length !== good.length);

function changed(file: Uint8Array, at: number): Uint8Array {
  const copy = file.slice();
  copy[at]! ^= 1;
  return copy;
}

/** Signed or not, with this manifest. */
function withManifest(manifest: unknown): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(manifest));
  return Uint8Array.from([...good.slice(0, 8), json.length >> 8, json.length & 255, 0, 0, ...json, ...NEXT.image]);
}

/** In chunks of 900 bytes, and what follows the last one. */
function chunked(file: Uint8Array, behind: string): Uint8Array {
  const text = new TextEncoder();
  const parts: number[] = [];
  for (let at = 0; at < file.length; at += 900) {
    const chunk = file.subarray(at, at + 900);
    parts.push(...text.encode(`${chunk.length.toString(16)}\r\n`), ...chunk, 13, 10);
  }
  return Uint8Array.from([...parts, ...text.encode(behind)]);
}

function sealed(version: string, { type = "thermo", size = SIZE, key = signingKey } = {}): Uint8Array {
  return new Uint8Array(sealFirmware(imageOf(NEXT.version, size), type, version, key).file);
}

const FILES: Case[] = [
  { name: "a good file", file: good, status: 0, asked: [0] },
  { name: "its SHA-256 as verifier", file: good, verifier: shaOf(good), status: 0, asked: [0] },
  {
    name: "its SHA-256 as verifier, in capitals",
    file: good,
    verifier: shaOf(good).toUpperCase(),
    status: 0,
    asked: [0],
  },
  {
    name: "another SHA-256 as verifier",
    file: good,
    verifier: "0".repeat(64),
    status: 4,
    message: "verifier is not the SHA-256 of this image",
    asked: [0],
  },
  {
    name: "truncated on the server",
    file: good.slice(0, -1),
    status: 4,
    message: `the file has ${good.length - 1} bytes, its header says ${good.length}`,
    asked: [0],
  },
  {
    name: "truncated in the header",
    file: good.slice(0, head - 1),
    status: 4,
    message: `the file ends after ${head - 1} bytes`,
    asked: [0],
  },
  {
    name: "truncated, length not told",
    file: good.slice(0, -1),
    always: { headers: { "Content-Length": "", "Transfer-Encoding": "" } },
    status: 3,
    message: "gave up after 5 attempts: the connection ended before the file did",
    asked: [0, good.length - 1, 0, good.length - 1, 0],
  },
  {
    name: "longer than it says",
    file: new Uint8Array([...good, 0]),
    status: 4,
    message: `the file has ${good.length + 1} bytes, its header says ${good.length}`,
    asked: [0],
  },
  {
    name: "a bit of the image flipped",
    file: changed(good, good.length - 1),
    status: 4,
    message: "the image does not have the SHA-256 that was signed",
    asked: [0],
  },
  {
    name: "a bit of the signature flipped",
    file: changed(good, head - 1),
    status: 4,
    message: "the signature is not by the key of this device",
    asked: [0],
  },
  {
    name: "a bit of the manifest flipped",
    file: changed(good, 12 + 10),
    status: 4,
    message: "the signature is not by the key of this device",
    asked: [0],
  },
  {
    name: "a signature that is no DER",
    file: changed(good, signatureAt(good)),
    status: 4,
    message: "the signature is not by the key of this device",
    asked: [0],
  },
  {
    name: "signed by another key",
    file: sealed(NEXT.version, { key: other }),
    status: 4,
    message: "the signature is not by the key of this device",
    asked: [0],
  },
  {
    name: "not signed",
    file: fileOf(NEXT, { key: null }),
    status: 4,
    message: "the firmware file is not signed",
    asked: [0],
  },
  {
    name: "not signed, and allowed",
    file: fileOf(NEXT, { key: null }),
    options: { allowUnsigned: true },
    status: 0,
    asked: [0],
  },
  {
    name: "signed by another key, unsigned ones allowed",
    file: sealed(NEXT.version, { key: other }),
    options: { allowUnsigned: true },
    status: 4,
    message: "the signature is not by the key of this device",
    asked: [0],
  },
  {
    name: "for another device type",
    file: sealed(NEXT.version, { type: "pump" }),
    status: 5,
    message: "firmware for device type pump, not thermo",
    asked: [0],
  },
  {
    name: "an older version",
    file: sealed("1.1.9"),
    status: 5,
    message: "firmware 1.1.9 is not newer than 1.2.0",
    asked: [0],
  },
  {
    name: "the same version, written otherwise",
    file: sealed("1.2"),
    status: 5,
    message: "firmware 1.2 is not newer than 1.2.0",
    asked: [0],
  },
  { name: "an older version, allowed", file: sealed("1.1.9"), options: { allowOlder: true }, status: 0, asked: [0] },
  {
    name: "larger than the slot",
    file: sealed(NEXT.version, { size: 5 * SECTOR + 1 }),
    status: 2,
    message: `the image has ${5 * SECTOR + 1} bytes, the slot ${5 * SECTOR}`,
    asked: [0],
  },
  {
    name: "not a firmware file",
    file: NEXT.image,
    status: 5,
    message: "not a firmware file of iotf-embedded",
    asked: [0],
  },
  { name: "empty", file: new Uint8Array(0), status: 4, message: "the file ends after 0 bytes", asked: [0] },
  {
    name: "a header that is too long",
    file: Uint8Array.from([...good.slice(0, 8), 2, 1, 0, 0, ...good.slice(12)]),
    status: 5,
    message: "the header of the firmware file is malformed",
    asked: [0],
  },
  ...[
    ["without a manifest", [0, 0, 0, 0]],
    ["with a signature that is too long", [0, 100, 2, 1]],
  ].map(([name, lengths]) => ({
    name: `a header ${name}`,
    file: Uint8Array.from([...good.slice(0, 8), ...(lengths as number[]), ...good.slice(12)]),
    status: 5,
    message: "the header of the firmware file is malformed",
    asked: [0],
  })),
  ...[
    ["null", null],
    ["a size with a fraction", { size: SIZE + 0.5 }],
    ["a size of 0", { size: 0 }],
    ["a SHA-256 of 63 digits", { sha256: "0".repeat(63) }],
    ["a SHA-256 in capitals", { sha256: "A".repeat(64) }],
    ["a number as type", { type: 7 }],
    ["no version", { version: undefined }],
    ["a number as id", { id: 7 }],
    ["an empty id", { id: "" }],
  ].map(([name, change]) => ({
    name: `a manifest with ${name}`,
    file: withManifest(
      change && { type: "thermo", version: NEXT.version, size: SIZE, sha256: shaOf(good), ...(change as object) },
    ),
    options: { allowUnsigned: true },
    status: 5,
    message: "the manifest in the firmware file is malformed",
    asked: [0],
  })),
  ...(
    [
      ["this device", "t-01", undefined],
      ["another device", "t-02", "firmware for device t-01, not t-02"],
      [
        "a device, which does not know its id",
        undefined,
        "firmware for device t-01, and this updater has no option id",
      ],
    ] as const
  ).map(([name, id, message]) => ({
    name: `for ${name}`,
    file: withManifest({ type: "thermo", id: "t-01", version: NEXT.version, size: SIZE, sha256: shaOf(good) }),
    options: { allowUnsigned: true, ...(id && { id }) },
    status: message ? 5 : 0,
    ...(message && { message }),
    asked: [0],
  })),
  { name: "as large as the slot", file: sealed(NEXT.version, { size: 5 * SECTOR }), status: 0, asked: [0] },
  {
    name: "signed, with a version that is none",
    file: sealed("1.3-beta"),
    status: 5,
    message: "the manifest in the firmware file is malformed",
    asked: [0],
  },
];

const AFTER_A_CHUNK = head + SECTOR + 300;
const LOST = { cutAfter: AFTER_A_CHUNK };

/** 206 with `count` bytes, although the rest was asked for. */
function piece(from: number, count: number): Fault {
  const range = `bytes ${from}-${from + count - 1}/${good.length}`;
  return { status: 206, body: good.slice(from, from + count), headers: { "Content-Range": range } };
}

const SERVERS: Case[] = [
  {
    name: "a link that is lost once: continues",
    file: good,
    faults: [LOST],
    ifRange: true,
    status: 0,
    asked: [0, AFTER_A_CHUNK],
  },
  ...[
    ["a weak tag", 'W/"1"'],
    ["a tag of more than 256 bytes", `"${"x".repeat(300)}"`],
  ].map(([name, etag]) => ({
    name: `${name}: continues without If-Range`,
    file: good,
    etag: etag!,
    faults: [LOST],
    ifRange: false,
    status: 0,
    asked: [0, AFTER_A_CHUNK],
  })),
  {
    name: "the tag is missing in the rest: continues",
    file: good,
    faults: [LOST, { headers: { ETag: "" } }],
    status: 0,
    asked: [0, AFTER_A_CHUNK],
  },
  {
    name: "ranges of which the server sends a part: asks for the next one",
    file: good,
    faults: [LOST, piece(AFTER_A_CHUNK, SECTOR), piece(AFTER_A_CHUNK + SECTOR, 10)],
    status: 0,
    asked: [0, AFTER_A_CHUNK, AFTER_A_CHUNK + SECTOR, AFTER_A_CHUNK + SECTOR + 10],
  },
  {
    name: "ranges of which the server sends a byte each: no progress",
    file: good,
    faults: [LOST, piece(AFTER_A_CHUNK, 1), piece(AFTER_A_CHUNK + 1, 1), piece(AFTER_A_CHUNK + 2, 1)],
    options: { attempts: 4 },
    status: 3,
    message: "gave up after 4 attempts: the server sends less than a chunk",
    asked: [0, AFTER_A_CHUNK, AFTER_A_CHUNK + 1, AFTER_A_CHUNK + 2],
  },
  {
    name: "ranges of which the server sends nothing",
    file: good,
    faults: [LOST, piece(AFTER_A_CHUNK, 0)],
    status: 4,
    message: `the file ends after ${AFTER_A_CHUNK} bytes`,
    asked: [0, AFTER_A_CHUNK],
  },
  {
    name: "content-range without the length of the whole: continues",
    file: good,
    faults: [LOST, { headers: { "Content-Range": `bytes ${AFTER_A_CHUNK}-${good.length - 1}/*` } }],
    status: 0,
    asked: [0, AFTER_A_CHUNK],
  },
  {
    name: "content-range in another unit: begins again",
    file: good,
    faults: [LOST, { headers: { "Content-Range": `lines ${AFTER_A_CHUNK}-${good.length - 1}/${good.length}` } }],
    status: 0,
    asked: [0, AFTER_A_CHUNK, 0],
  },
  {
    name: "a part though the whole was asked for: begins again",
    file: good,
    faults: [
      LOST,
      { headers: { "Content-Range": "" } },
      { status: 206, body: good, headers: { "Content-Range": `bytes 0-${good.length - 1}/${good.length}` } },
    ],
    status: 0,
    asked: [0, AFTER_A_CHUNK, 0, 0],
  },
  {
    name: "100 Continue before the answer",
    file: good,
    faults: [{ before: "HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\n" }],
    status: 0,
    asked: [0],
  },
  ...[
    ["in chunks", "0\r\n\r\n"],
    ["in chunks, with garbage behind them", "what is that?\r\n"],
  ].map(([name, behind]) => ({
    name: `${name}; the length does not count`,
    file: good,
    faults: [
      {
        status: 200,
        body: chunked(good, behind!),
        headers: { "Content-Length": "7", "Transfer-Encoding": "chunked" },
      },
    ],
    status: 0,
    asked: [0],
  })),
  {
    name: "a byte behind the file, length not told",
    file: new Uint8Array([...good, 0]),
    faults: [{ headers: { "Content-Length": "" } }],
    status: 0,
    asked: [0],
  },
  {
    name: "a link that is lost in the header",
    file: good,
    faults: [{ cutAfter: 5 }, { cutAfter: head - 10 }],
    status: 0,
    asked: [0, 5, head - 5],
  },
  { name: "lost after the last byte", file: good, faults: [{ cutAfter: good.length }], status: 0, asked: [0] },
  {
    name: "lost for good",
    file: good,
    faults: [LOST],
    always: { unreachable: true },
    status: 3,
    message: "gave up after 5 attempts: no connection",
    asked: 5,
  },
  {
    name: "lost after each chunk: goes on as long as there is progress",
    file: good,
    always: { cutAfter: SECTOR },
    options: { attempts: 2 },
    status: 0,
    asked: [0, SECTOR, 2 * SECTOR],
  },
  {
    name: "lost after each byte: no progress",
    file: good,
    always: { cutAfter: 1 },
    status: 3,
    message: "gave up after 5 attempts: the connection ended before the file did",
    asked: [0, 1, 2, 3, 4],
  },
  {
    name: "a server without ranges: begins again",
    file: good,
    faults: [LOST],
    ranges: false,
    status: 0,
    asked: [0, AFTER_A_CHUNK],
  },
  {
    name: "a server without ranges, and a link that is always lost",
    file: good,
    always: LOST,
    ranges: false,
    status: 3,
    message: "gave up after 5 attempts: the connection ended before the file did",
    asked: 5,
  },
  {
    name: "content-range of another place: begins again",
    file: good,
    faults: [LOST, { headers: { "Content-Range": `bytes ${AFTER_A_CHUNK - 1}-${good.length - 1}/${good.length}` } }],
    status: 0,
    asked: [0, AFTER_A_CHUNK, 0],
  },
  {
    name: "content-range of another length: begins again",
    file: good,
    faults: [LOST, { headers: { "Content-Range": `bytes ${AFTER_A_CHUNK}-${good.length}/${good.length + 1}` } }],
    status: 0,
    asked: [0, AFTER_A_CHUNK, 0],
  },
  {
    name: "no content-range: begins again",
    file: good,
    faults: [LOST, { headers: { "Content-Range": "" } }],
    status: 0,
    asked: [0, AFTER_A_CHUNK, 0],
  },
  {
    name: "wrong content-range always",
    file: good,
    faults: [LOST],
    always: { headers: { "Content-Range": "bytes 7-8/9" }, cutAfter: AFTER_A_CHUNK },
    status: 3,
    message: "gave up after 5 attempts: the connection ended before the file did",
    asked: [0, AFTER_A_CHUNK, 0, AFTER_A_CHUNK, 0],
  },
  {
    name: "another file since (If-Range): begins again with that",
    file: changed(good, good.length - 1),
    faults: [LOST, { file: good, etag: '"2"' }],
    status: 0,
    asked: [0, AFTER_A_CHUNK],
  },
  {
    name: "another file since, and a server that ignores If-Range: begins again",
    file: rebuilt,
    faults: [LOST, { headers: { ETag: '"2"' } }, { file: good, etag: '"2"' }],
    status: 0,
    asked: [0, AFTER_A_CHUNK, 0],
  },
  {
    name: "another file since, and a server without tags: the digest tells",
    file: rebuilt,
    etag: "",
    faults: [LOST, { file: good }],
    status: 4,
    message: "the image does not have the SHA-256 that was signed",
    asked: [0, AFTER_A_CHUNK],
  },
  {
    name: "a shorter file since: begins again",
    file: good,
    faults: [LOST, { status: 416 }],
    status: 0,
    asked: [0, AFTER_A_CHUNK, 0],
  },
  {
    name: "stalls once",
    file: good,
    faults: [{ stallAfter: AFTER_A_CHUNK }],
    status: 0,
    asked: [0, AFTER_A_CHUNK],
  },
  {
    name: "stalls before the first byte, always",
    file: good,
    always: { stallAfter: 0 },
    status: 3,
    message: "gave up after 5 attempts: less than 4 KiB in 30 s",
    asked: [0, 0, 0, 0, 0],
  },
  {
    name: "sends without end, length not told: the rest is not waited for",
    file: good,
    faults: [{ headers: { "Content-Length": "" }, endless: true }],
    status: 0,
    asked: [0],
  },
  {
    name: "sends zeros without end",
    file: new Uint8Array(0),
    faults: [{ headers: { "Content-Length": "" }, endless: true }],
    status: 5,
    message: "not a firmware file of iotf-embedded",
    asked: [0],
  },
  ...[404, 403, 410, 204, 416].map(status => ({
    name: `HTTP status ${status}`,
    file: good,
    faults: [{ status }],
    status: 6,
    message: `HTTP status ${status} for the URI of the firmware`,
    asked: [0],
  })),
  {
    name: "HTTP status 503, then the file",
    file: good,
    faults: [{ status: 503 }, { status: 429 }, { status: 408 }],
    status: 0,
    asked: [0, 0, 0, 0],
  },
  {
    name: "HTTP status 500 always",
    file: good,
    always: { status: 500 },
    status: 3,
    message: "gave up after 5 attempts: HTTP status 500",
    asked: 5,
  },
  {
    name: "a packed file",
    file: good,
    always: { headers: { "Content-Encoding": "gzip" } },
    status: 3,
    message: "gave up after 5 attempts: the server packs the file (gzip)",
    asked: 5,
  },
  {
    name: "a redirect to another path of the server",
    file: good,
    faults: [{ status: 302, headers: { Location: "/other?v=2" } }],
    status: 0,
    asked: [0, 0],
  },
  {
    name: "a redirect with a body",
    file: good,
    faults: [{ status: 302, headers: { Location: "/other" }, body: new Uint8Array(500) }],
    status: 0,
    asked: [0, 0],
  },
  ...[300, 304, 309].map(status => ({
    name: `HTTP status ${status} with a location`,
    file: good,
    faults: [{ status, headers: { Location: "/other" } }],
    status: 6,
    message: `HTTP status ${status} for the URI of the firmware`,
    asked: [0],
  })),
  {
    name: "a redirect to more than 256 bytes",
    file: good,
    faults: [{ status: 302, headers: { Location: `/${"x".repeat(300)}` } }],
    status: 6,
    message: "HTTP status 302 for the URI of the firmware",
    asked: [0],
  },
  ...[
    ["to another host", "http://192.0.2.8:8080/firmware", "192.0.2.8:8080"],
    ["to another port", "http://192.0.2.7/firmware", "192.0.2.7"],
    ["to TLS", "https://192.0.2.7:8080/firmware", "192.0.2.7:8080"],
  ].map(([name, Location, authority]) => ({
    name: `a redirect ${name}`,
    file: good,
    faults: [{ status: 301, headers: { Location: Location! } }],
    status: 6,
    message: `redirected to another server, ${authority}: refused`,
    asked: [0],
  })),
  {
    name: "a redirect without a scheme, to another host",
    file: good,
    faults: [{ status: 301, headers: { Location: "//192.0.2.8/firmware" } }],
    status: 6,
    message: "the URI of the firmware has neither http:// nor https://",
    asked: [0],
  },
  {
    name: "redirects without end",
    file: good,
    always: { status: 307, headers: { Location: "/again" } },
    status: 6,
    message: "more than 3 redirects",
    asked: [0, 0, 0, 0],
  },
];

const URIS: Case[] = (
  [
    ["", "neither http:// nor https://"],
    ["ftp://192.0.2.7/firmware", "neither http:// nor https://"],
    ["http://", "no host, or a port that is none"],
    ["http://192.0.2.7:0/", "no host, or a port that is none"],
    ["http://192.0.2.7:65536/", "no host, or a port that is none"],
    ["http://192.0.2.7:8o/", "no host, or a port that is none"],
    ["http://[::1/", "no host, or a port that is none"],
    ["http://user:secret@192.0.2.7/", "a user or password"],
    ["http://192.0.2.7/a b", "a blank, a control character or one outside ASCII"],
    ["http://192.0.2.7/\r\nx: y", "a blank, a control character or one outside ASCII"],
    [`http://192.0.2.7/${"x".repeat(512)}`, "more than 512 characters"],
  ] as const
).map(([uri, what]) => ({
  name: `URI ${JSON.stringify(uri.slice(0, 40))}`,
  file: good,
  uri,
  status: -1,
  message: `the URI of the firmware has ${what}`,
  asked: [],
}));

export const BAD_CASES: readonly Case[] = [...FILES, ...SERVERS, ...URIS];

function shaOf(file: Uint8Array): string {
  const end = 12 + ((file[8]! << 8) | file[9]!);
  return JSON.parse(new TextDecoder().decode(file.slice(12, end))).sha256;
}

function signatureAt(file: Uint8Array): number {
  return 12 + ((file[8]! << 8) | file[9]!);
}
