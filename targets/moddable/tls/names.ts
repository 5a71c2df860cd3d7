// Whether a certificate is one for the server that was asked for (RFC 6125, RFC 9525): by subjectAltName only, never by
// the common name.

import type { Certificate } from "./certificate.ts";
import type { Der } from "./der.ts";

const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;
const DOT = 0x2e;
const STAR = 0x2a;

/** @throws Error saying that the certificate is not for `name`, a host name or an IPv4 address */
export function checkName({ names }: Certificate, name: string): void {
  if (!names) throw new Error("certificate: has no subjectAltName");
  const address = readAddress(name);
  let found = false;
  while (names.length) {
    const { tag } = names;
    const entry = names.read(tag);
    if (address ? tag === IP_ADDRESS && entry.equals(address) : tag === DNS_NAME && isName(entry, name)) found = true;
  }
  if (!found) throw new Error(`certificate: not for ${name}`);
}

/** The four bytes of an IPv4 address as characters; undefined for a host name. */
function readAddress(name: string): string | undefined {
  if (name.indexOf(":") >= 0) throw new Error(`certificate: the IPv6 address ${name} cannot be checked`);
  let address = "";
  for (const part of name.split(".")) {
    const value = part.length <= 3 ? digits(part) : -1;
    if (value < 0 || value > 255) {
      // A last label of digits is no top-level domain: such a name must not be matched by a wildcard.
      if (digits(name.slice(name.lastIndexOf(".") + 1)) >= 0) throw new Error(`certificate: ${name} is no host name`);
      return undefined;
    }
    address += String.fromCharCode(value);
  }
  if (address.length !== 4) throw new Error(`certificate: ${name} is no host name`);
  return address;
}

/** -1: not a decimal number. */
function digits(text: string): number {
  let value = text ? 0 : -1;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/** A star is the whole of the leftmost label, stands for one label, and has two labels or more behind it. */
function isName(entry: Der, wanted: string): boolean {
  const { bytes, offset, end } = entry;
  if (bytes[offset] !== STAR) return isText(bytes, offset, end, wanted, 0);
  const dot = wanted.indexOf(".");
  if (dot <= 0 || bytes[offset + 1] !== DOT || wanted.indexOf(".", dot + 1) < 0) return false;
  return isText(bytes, offset + 1, end, wanted, dot);
}

function isText(bytes: Uint8Array, at: number, end: number, text: string, from: number): boolean {
  if (end - at !== text.length - from) return false;
  for (let i = at; i < end; i++) if (lower(bytes[i]!) !== lower(text.charCodeAt(from + i - at))) return false;
  return true;
}

function lower(character: number): number {
  return character >= 0x41 && character <= 0x5a ? character + 0x20 : character;
}
