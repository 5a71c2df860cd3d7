// One X.509 certificate (RFC 5280): the parts that deciding about a TLS server takes. An extension that is critical and
// not known here is refused, as the standard asks.

import {
  BIT_STRING,
  Der,
  GENERALIZED_TIME,
  INTEGER,
  OBJECT_IDENTIFIER,
  OCTET_STRING,
  SEQUENCE,
  sameBytes,
  UTC_TIME,
} from "./der.ts";
import { type PublicKey, readPublicKey } from "./signature.ts";

/** Bits of keyUsage, in its first byte. */
export const DIGITAL_SIGNATURE = 0x80;
export const KEY_ENCIPHERMENT = 0x20;
export const KEY_AGREEMENT = 0x08;
export const KEY_CERT_SIGN = 0x04;

const VERSION: number = 0xa0;
const V3 = 2;
const ISSUER_UNIQUE_ID = 0x81;
const SUBJECT_UNIQUE_ID = 0x82;
const EXTENSIONS = 0xa3;

/** Extensions named 2.5.29.n. */
const ID_CE = "\x55\x1d";
const SUBJECT_KEY_IDENTIFIER = 14;
const KEY_USAGE = 15;
const SUBJECT_ALT_NAME = 17;
const ISSUER_ALT_NAME = 18;
const BASIC_CONSTRAINTS = 19;
const NAME_CONSTRAINTS = 30;
const CERTIFICATE_POLICIES = 32;
const AUTHORITY_KEY_IDENTIFIER = 35;
const EXTENDED_KEY_USAGE = 37;

const KEY_IDENTIFIER = 0x80;
const SERVER_AUTH = "\x2b\x06\x01\x05\x05\x07\x03\x01";

export class Certificate {
  /** The part that is signed, with its head. */
  readonly signed: Uint8Array;
  /** The content of signatureAlgorithm. */
  readonly algorithm: Der;
  readonly signature: Uint8Array;
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** In ms since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly key: PublicKey;
  isAuthority = false;
  /** How many authorities may stand between this one and the server. */
  pathLength = Number.POSITIVE_INFINITY;
  /** All bits are set when the extension is absent. */
  keyUsage = 0xff;
  forServers = true;
  /** The content of subjectAltName. */
  names: Der | undefined;
  /** Names the issuer's key. */
  issuerKeyId: Uint8Array | undefined;
  /** Bit n: extension 2.5.29.n has been read. */
  private seen = 0;
  private seenHigh = 0;

  /** @throws Error saying what is wrong with it */
  constructor(bytes: Uint8Array) {
    const file = new Der(bytes);
    const whole = file.read(SEQUENCE);
    file.finish();
    const start = whole.offset;
    const body = whole.read(SEQUENCE);
    this.signed = bytes.subarray(start, whole.offset);
    this.algorithm = whole.read(SEQUENCE);
    this.signature = whole.readBytes().rest();
    whole.finish();

    if (body.tag !== VERSION) throw new Error("certificate: not of version 3");
    const version = body.read(VERSION);
    const number = version.read(INTEGER);
    version.finish();
    if (number.length !== 1 || number.tag !== V3) throw new Error("certificate: not of version 3");
    if (body.read(INTEGER).length === 0) body.malformed();
    if (!sameBytes(body.read(SEQUENCE).rest(), this.algorithm.rest())) {
      throw new Error("certificate: two different signature algorithms");
    }
    this.issuer = body.read(SEQUENCE).rest();
    const validity = body.read(SEQUENCE);
    this.notBefore = readTime(validity);
    this.notAfter = readTime(validity);
    validity.finish();
    this.subject = body.read(SEQUENCE).rest();
    this.key = readPublicKey(body.read(SEQUENCE));
    if (body.tag === ISSUER_UNIQUE_ID) body.read(ISSUER_UNIQUE_ID);
    if (body.tag === SUBJECT_UNIQUE_ID) body.read(SUBJECT_UNIQUE_ID);
    if (body.length) {
      const outer = body.read(EXTENSIONS);
      const extensions = outer.read(SEQUENCE);
      outer.finish();
      while (extensions.length) this.readExtension(extensions.read(SEQUENCE));
    }
    body.finish();
  }

  /** Issuer and subject are the same name. */
  get isSelfIssued(): boolean {
    return sameBytes(this.issuer, this.subject);
  }

  private readExtension(extension: Der): void {
    const name = extension.read(OBJECT_IDENTIFIER);
    const critical = extension.readFlag();
    const content = extension.read(OCTET_STRING);
    extension.finish();
    const number = name.length === 3 && name.bytes[name.end - 1]!;
    const known =
      number !== false && name.equals(ID_CE + String.fromCharCode(number)) && this.readKnown(number, content);
    if (critical && !known) throw new Error("certificate: critical extension that is not known");
  }

  private readKnown(number: number, content: Der): boolean {
    this.noteOnce(number);
    switch (number) {
      case SUBJECT_KEY_IDENTIFIER:
      case ISSUER_ALT_NAME:
      case CERTIFICATE_POLICIES:
        return true;
      case KEY_USAGE:
        this.keyUsage = readKeyUsage(content);
        return true;
      case SUBJECT_ALT_NAME:
        this.names = content.read(SEQUENCE);
        content.finish();
        return true;
      case BASIC_CONSTRAINTS:
        this.readBasicConstraints(content);
        return true;
      case NAME_CONSTRAINTS:
        // To leave them out of account would let an authority for one domain speak for all.
        throw new Error("certificate: name constraints are not supported");
      case AUTHORITY_KEY_IDENTIFIER: {
        const parts = content.read(SEQUENCE);
        content.finish();
        if (parts.tag === KEY_IDENTIFIER) this.issuerKeyId = parts.read(KEY_IDENTIFIER).rest();
        return true;
      }
      case EXTENDED_KEY_USAGE:
        this.forServers = readServerAuth(content);
        return true;
      default:
        return false;
    }
  }

  /** The same extension twice could be read in two ways. */
  private noteOnce(number: number): void {
    const bit = 1 << (number & 31);
    const seen = number < 32 ? this.seen : this.seenHigh;
    if (number < 64 && seen & bit) throw new Error(`certificate: extension 2.5.29.${number} twice`);
    if (number < 32) this.seen |= bit;
    else if (number < 64) this.seenHigh |= bit;
  }

  private readBasicConstraints(content: Der): void {
    const parts = content.read(SEQUENCE);
    content.finish();
    this.isAuthority = parts.readFlag();
    if (parts.tag === INTEGER) {
      const number = parts.read(INTEGER);
      // Longer, or negative: no chain is that long.
      if (number.length !== 1 || number.tag >= 0x80 || !this.isAuthority) number.malformed();
      this.pathLength = number.tag;
    }
    parts.finish();
  }
}

function readKeyUsage(content: Der): number {
  const bits = content.read(BIT_STRING);
  content.finish();
  if (bits.length < 2 || bits.length > 3 || bits.tag > 7) bits.malformed();
  return bits.bytes[bits.offset + 1]!;
}

function readServerAuth(content: Der): boolean {
  const purposes = content.read(SEQUENCE);
  content.finish();
  let found = false;
  while (purposes.length) if (purposes.read(OBJECT_IDENTIFIER).equals(SERVER_AUTH)) found = true;
  return found;
}

/** YYMMDDhhmmssZ as UTCTime, YYYYMMDDhhmmssZ as GeneralizedTime; RFC 5280 allows no other form. */
function readTime(parent: Der): number {
  const general = parent.tag === GENERALIZED_TIME;
  const time = parent.read(general ? GENERALIZED_TIME : UTC_TIME);
  if (time.length !== (general ? 15 : 13) || time.bytes[time.end - 1] !== 0x5a) time.malformed();
  const first = readTwoDigits(time);
  const year = general ? first * 100 + readTwoDigits(time) : first + (first < 50 ? 2000 : 1900);
  const month = readTwoDigits(time);
  const day = readTwoDigits(time);
  const hours = readTwoDigits(time);
  const minutes = readTwoDigits(time);
  const seconds = readTwoDigits(time);
  if (month < 1 || month > 12 || day < 1 || day > 31 || hours > 23 || minutes > 59 || seconds > 59) time.malformed();
  return Date.UTC(year, month - 1, day, hours, minutes, seconds);
}

function readTwoDigits(time: Der): number {
  const tens = time.bytes[time.offset++]! - 0x30;
  const ones = time.bytes[time.offset++]! - 0x30;
  if (tens < 0 || tens > 9 || ones < 0 || ones > 9) time.malformed();
  return tens * 10 + ones;
}
