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

const MANIFEST = { type: "thermo", version: NEXT.version, size: SIZE, sha256: shaOf(good) };
const FOR_T_01 = withManifest({ ...MANIFEST, id: "t-01" });

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

type Setup = Partial<Omit<Case, "name" | "status" | "message">>;

/** The device accepts the file. Unless `setup` says otherwise, that is the good one, in one request. */
function accepted(name: string, setup: Setup = {}): Case {
  return { name, file: good, asked: [0], status: 0, ...setup };
}

/** The device refuses the file with this updateStatus. */
function refused(name: string, status: number, message: string, setup: Setup = {}): Case {
  return { ...accepted(name, setup), status, message };
}

const FILES: Case[] = [
  accepted("a good file"),
  accepted("its SHA-256 as verifier", { verifier: shaOf(good) }),
  accepted("its SHA-256 as verifier, in capitals", { verifier: shaOf(good).toUpperCase() }),
  refused("another SHA-256 as verifier", 4, "verifier is not the SHA-256 of this image", { verifier: "0".repeat(64) }),
  refused("truncated on the server", 4, `the file has ${good.length - 1} bytes, its header says ${good.length}`, {
    file: good.slice(0, -1),
  }),
  refused("truncated in the header", 4, `the file ends after ${head - 1} bytes`, { file: good.slice(0, head - 1) }),
  refused("truncated, length not told", 3, "gave up after 5 attempts: the connection ended before the file did", {
    file: good.slice(0, -1),
    always: { headers: { "Content-Length": "", "Transfer-Encoding": "" } },
    asked: [0, good.length - 1, 0, good.length - 1, 0],
  }),
  refused("longer than it says", 4, `the file has ${good.length + 1} bytes, its header says ${good.length}`, {
    file: new Uint8Array([...good, 0]),
  }),
  refused("a bit of the image flipped", 4, "the image does not have the SHA-256 that was signed", {
    file: changed(good, good.length - 1),
  }),
  refused("a bit of the signature flipped", 4, "the signature is not by the key of this device", {
    file: changed(good, head - 1),
  }),
  refused("a bit of the manifest flipped", 4, "the signature is not by the key of this device", {
    file: changed(good, 12 + 10),
  }),
  refused("a signature that is no DER", 4, "the signature is not by the key of this device", {
    file: changed(good, signatureAt(good)),
  }),
  refused("signed by another key", 4, "the signature is not by the key of this device", {
    file: sealed(NEXT.version, { key: other }),
  }),
  refused("not signed", 4, "the firmware file is not signed", { file: fileOf(NEXT, { key: null }) }),
  accepted("not signed, and allowed", { file: fileOf(NEXT, { key: null }), options: { allowUnsigned: true } }),
  refused("signed by another key, unsigned ones allowed", 4, "the signature is not by the key of this device", {
    file: sealed(NEXT.version, { key: other }),
    options: { allowUnsigned: true },
  }),
  refused("for another device type", 5, "firmware for device type pump, not thermo", {
    file: sealed(NEXT.version, { type: "pump" }),
  }),
  refused("an older version", 5, "firmware 1.1.9 is not newer than 1.2.0", { file: sealed("1.1.9") }),
  refused("the same version, written otherwise", 5, "firmware 1.2 is not newer than 1.2.0", { file: sealed("1.2") }),
  accepted("an older version, allowed", { file: sealed("1.1.9"), options: { allowOlder: true } }),
  refused("larger than the slot", 2, `the image has ${5 * SECTOR + 1} bytes, the slot ${5 * SECTOR}`, {
    file: sealed(NEXT.version, { size: 5 * SECTOR + 1 }),
  }),
  refused("not a firmware file", 5, "not a firmware file of iotf-embedded", { file: NEXT.image }),
  refused("empty", 4, "the file ends after 0 bytes", { file: new Uint8Array(0) }),
  ...(
    [
      ["that is too long", [2, 1, 0, 0]],
      ["without a manifest", [0, 0, 0, 0]],
      ["with a signature that is too long", [0, 100, 2, 1]],
    ] as const
  ).map(([name, lengths]) =>
    refused(`a header ${name}`, 5, "the header of the firmware file is malformed", {
      file: Uint8Array.from([...good.slice(0, 8), ...lengths, ...good.slice(12)]),
    }),
  ),
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
  ].map(([name, change]) =>
    refused(`a manifest with ${name}`, 5, "the manifest in the firmware file is malformed", {
      file: withManifest(change && { ...MANIFEST, ...(change as object) }),
      options: { allowUnsigned: true },
    }),
  ),
  accepted("for this device", { file: FOR_T_01, options: { allowUnsigned: true, id: "t-01" } }),
  refused("for another device", 5, "firmware for device t-01, not t-02", {
    file: FOR_T_01,
    options: { allowUnsigned: true, id: "t-02" },
  }),
  refused(
    "for a device, which does not know its id",
    5,
    "firmware for device t-01, and this updater has no option id",
    {
      file: FOR_T_01,
      options: { allowUnsigned: true },
    },
  ),
  accepted("as large as the slot", { file: sealed(NEXT.version, { size: 5 * SECTOR }) }),
  refused("signed, with a version that is none", 5, "the manifest in the firmware file is malformed", {
    file: sealed("1.3-beta"),
  }),
];

const AFTER_A_CHUNK = head + SECTOR + 300;
const LOST = { cutAfter: AFTER_A_CHUNK };
const LAST = good.length - 1;

/** The link is lost after a chunk. `faults` are those of the next requests: for the rest, then from the bytes in `more`. */
function lostOnce(faults: Fault[] = [], ...more: number[]): Setup {
  return { faults: [LOST, ...faults], asked: [0, AFTER_A_CHUNK, ...more] };
}

function contentRange(text: string): Fault {
  return { headers: { "Content-Range": text } };
}

/** 206 with `count` bytes, although the rest was asked for. */
function piece(from: number, count: number): Fault {
  const range = `bytes ${from}-${from + count - 1}/${good.length}`;
  return { status: 206, body: good.slice(from, from + count), headers: { "Content-Range": range } };
}

const SERVERS: Case[] = [
  accepted("a link that is lost once: continues", { ...lostOnce(), ifRange: true }),
  ...[
    ["a weak tag", 'W/"1"'],
    ["a tag of more than 256 bytes", `"${"x".repeat(300)}"`],
  ].map(([name, etag]) =>
    accepted(`${name}: continues without If-Range`, { ...lostOnce(), etag: etag!, ifRange: false }),
  ),
  accepted("the tag is missing in the rest: continues", lostOnce([{ headers: { ETag: "" } }])),
  accepted("ranges of which the server sends a part: asks for the next one", {
    faults: [LOST, piece(AFTER_A_CHUNK, SECTOR), piece(AFTER_A_CHUNK + SECTOR, 10)],
    asked: [0, AFTER_A_CHUNK, AFTER_A_CHUNK + SECTOR, AFTER_A_CHUNK + SECTOR + 10],
  }),
  refused(
    "ranges of which the server sends a byte each: no progress",
    3,
    "gave up after 4 attempts: the server sends less than a chunk",
    {
      faults: [LOST, piece(AFTER_A_CHUNK, 1), piece(AFTER_A_CHUNK + 1, 1), piece(AFTER_A_CHUNK + 2, 1)],
      options: { attempts: 4 },
      asked: [0, AFTER_A_CHUNK, AFTER_A_CHUNK + 1, AFTER_A_CHUNK + 2],
    },
  ),
  refused(
    "ranges of which the server sends nothing",
    4,
    `the file ends after ${AFTER_A_CHUNK} bytes`,
    lostOnce([piece(AFTER_A_CHUNK, 0)]),
  ),
  accepted(
    "content-range without the length of the whole: continues",
    lostOnce([contentRange(`bytes ${AFTER_A_CHUNK}-${LAST}/*`)]),
  ),
  ...[
    ["in another unit", `lines ${AFTER_A_CHUNK}-${LAST}/${good.length}`],
    ["of another place", `bytes ${AFTER_A_CHUNK - 1}-${LAST}/${good.length}`],
    ["of another length", `bytes ${AFTER_A_CHUNK}-${good.length}/${good.length + 1}`],
  ].map(([name, text]) => accepted(`content-range ${name}: begins again`, lostOnce([contentRange(text!)], 0))),
  accepted("no content-range: begins again", lostOnce([contentRange("")], 0)),
  accepted(
    "a part though the whole was asked for: begins again",
    lostOnce([contentRange(""), piece(0, good.length)], 0, 0),
  ),
  accepted("100 Continue before the answer", {
    faults: [{ before: "HTTP/1.1 100 Continue\r\nContent-Length: 7\r\n\r\n" }],
  }),
  ...[
    ["in chunks", "0\r\n\r\n"],
    ["in chunks, with garbage behind them", "what is that?\r\n"],
  ].map(([name, behind]) =>
    accepted(`${name}; the length does not count`, {
      faults: [
        {
          status: 200,
          body: chunked(good, behind!),
          headers: { "Content-Length": "7", "Transfer-Encoding": "chunked" },
        },
      ],
    }),
  ),
  accepted("a byte behind the file, length not told", {
    file: new Uint8Array([...good, 0]),
    faults: [{ headers: { "Content-Length": "" } }],
  }),
  accepted("a link that is lost in the header", {
    faults: [{ cutAfter: 5 }, { cutAfter: head - 10 }],
    asked: [0, 5, head - 5],
  }),
  accepted("lost after the last byte", { faults: [{ cutAfter: good.length }] }),
  refused("lost for good", 3, "gave up after 5 attempts: no connection", {
    faults: [LOST],
    always: { unreachable: true },
    asked: 5,
  }),
  accepted("lost after each chunk: goes on as long as there is progress", {
    always: { cutAfter: SECTOR },
    options: { attempts: 2 },
    asked: [0, SECTOR, 2 * SECTOR],
  }),
  refused(
    "lost after each byte: no progress",
    3,
    "gave up after 5 attempts: the connection ended before the file did",
    { always: { cutAfter: 1 }, asked: [0, 1, 2, 3, 4] },
  ),
  accepted("a server without ranges: begins again", { ...lostOnce(), ranges: false }),
  refused(
    "a server without ranges, and a link that is always lost",
    3,
    "gave up after 5 attempts: the connection ended before the file did",
    { always: LOST, ranges: false, asked: 5 },
  ),
  refused("wrong content-range always", 3, "gave up after 5 attempts: the connection ended before the file did", {
    faults: [LOST],
    always: { ...contentRange("bytes 7-8/9"), ...LOST },
    asked: [0, AFTER_A_CHUNK, 0, AFTER_A_CHUNK, 0],
  }),
  accepted("another file since (If-Range): begins again with that", {
    ...lostOnce([{ file: good, etag: '"2"' }]),
    file: changed(good, LAST),
  }),
  accepted("another file since, and a server that ignores If-Range: begins again", {
    ...lostOnce([{ headers: { ETag: '"2"' } }, { file: good, etag: '"2"' }], 0),
    file: rebuilt,
  }),
  refused(
    "another file since, and a server without tags: the digest tells",
    4,
    "the image does not have the SHA-256 that was signed",
    { ...lostOnce([{ file: good }]), file: rebuilt, etag: "" },
  ),
  accepted("a shorter file since: begins again", lostOnce([{ status: 416 }], 0)),
  accepted("stalls once", { faults: [{ stallAfter: AFTER_A_CHUNK }], asked: [0, AFTER_A_CHUNK] }),
  refused("stalls before the first byte, always", 3, "gave up after 5 attempts: less than 4 KiB in 30 s", {
    always: { stallAfter: 0 },
    asked: [0, 0, 0, 0, 0],
  }),
  accepted("sends without end, length not told: the rest is not waited for", {
    faults: [{ headers: { "Content-Length": "" }, endless: true }],
  }),
  refused("sends zeros without end", 5, "not a firmware file of iotf-embedded", {
    file: new Uint8Array(0),
    faults: [{ headers: { "Content-Length": "" }, endless: true }],
  }),
  ...[404, 403, 410, 204, 416].map(status =>
    refused(`HTTP status ${status}`, 6, `HTTP status ${status} for the URI of the firmware`, { faults: [{ status }] }),
  ),
  accepted("HTTP status 503, then the file", {
    faults: [{ status: 503 }, { status: 429 }, { status: 408 }],
    asked: [0, 0, 0, 0],
  }),
  refused("HTTP status 500 always", 3, "gave up after 5 attempts: HTTP status 500", {
    always: { status: 500 },
    asked: 5,
  }),
  refused("a packed file", 3, "gave up after 5 attempts: the server packs the file (gzip)", {
    always: { headers: { "Content-Encoding": "gzip" } },
    asked: 5,
  }),
  accepted("a redirect to another path of the server", {
    faults: [{ status: 302, headers: { Location: "/other?v=2" } }],
    asked: [0, 0],
  }),
  accepted("a redirect with a body", {
    faults: [{ status: 302, headers: { Location: "/other" }, body: new Uint8Array(500) }],
    asked: [0, 0],
  }),
  ...[300, 304, 309].map(status =>
    refused(`HTTP status ${status} with a location`, 6, `HTTP status ${status} for the URI of the firmware`, {
      faults: [{ status, headers: { Location: "/other" } }],
    }),
  ),
  refused("a redirect to more than 256 bytes", 6, "HTTP status 302 for the URI of the firmware", {
    faults: [{ status: 302, headers: { Location: `/${"x".repeat(300)}` } }],
  }),
  ...[
    ["to another host", "http://192.0.2.8:8080/firmware", "192.0.2.8:8080"],
    ["to another port", "http://192.0.2.7/firmware", "192.0.2.7"],
    ["to TLS", "https://192.0.2.7:8080/firmware", "192.0.2.7:8080"],
  ].map(([name, Location, authority]) =>
    refused(`a redirect ${name}`, 6, `redirected to another server, ${authority}: refused`, {
      faults: [{ status: 301, headers: { Location: Location! } }],
    }),
  ),
  refused(
    "a redirect without a scheme, to another host",
    6,
    "the URI of the firmware has neither http:// nor https://",
    { faults: [{ status: 301, headers: { Location: "//192.0.2.8/firmware" } }] },
  ),
  refused("redirects without end", 6, "more than 3 redirects", {
    always: { status: 307, headers: { Location: "/again" } },
    asked: [0, 0, 0, 0],
  }),
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
).map(([uri, what]) =>
  refused(`URI ${JSON.stringify(uri.slice(0, 40))}`, -1, `the URI of the firmware has ${what}`, { uri, asked: [] }),
);

export const BAD_CASES: readonly Case[] = [...FILES, ...SERVERS, ...URIS];

function shaOf(file: Uint8Array): string {
  return JSON.parse(new TextDecoder().decode(file.slice(12, signatureAt(file)))).sha256;
}

function signatureAt(file: Uint8Array): number {
  return 12 + ((file[8]! << 8) | file[9]!);
}
