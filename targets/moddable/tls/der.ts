// Reads DER (X.690) from front to back, without recursion and without a copy. Everything that BER allows and DER does not,
// and that could give one certificate two readings, is refused: indefinite lengths, lengths with leading zeros, tags of
// several bytes, bytes left over.

export const BOOLEAN = 0x01;
export const INTEGER = 0x02;
export const BIT_STRING = 0x03;
export const OCTET_STRING = 0x04;
export const NULL = 0x05;
export const OBJECT_IDENTIFIER = 0x06;
export const UTC_TIME = 0x17;
export const GENERALIZED_TIME = 0x18;
export const SEQUENCE = 0x30;

/** The content of one element, and how far it has been read. */
export class Der {
  readonly bytes: Uint8Array;
  offset: number;
  readonly end: number;

  constructor(bytes: Uint8Array, offset = 0, end = bytes.length) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = end;
  }

  get length(): number {
    return this.end - this.offset;
  }

  /** Tag of the next element; -1 at the end. */
  get tag(): number {
    return this.offset < this.end ? this.bytes[this.offset]! : -1;
  }

  /** Returns the content of the next element. @throws Error if that has another tag, or a length that is not DER */
  read(tag: number): Der {
    const { bytes, end } = this;
    if (this.length < 2 || bytes[this.offset] !== tag || (tag & 0x1f) === 0x1f) this.malformed();
    let at = this.offset + 1;
    let length = bytes[at++]!;
    if (length >= 0x80) {
      const count = length - 0x80;
      if (count < 1 || count > 2 || end - at < count) this.malformed();
      length = bytes[at++]!;
      if (count === 2) length = (length << 8) | bytes[at++]!;
      if (length < (count === 1 ? 0x80 : 0x100)) this.malformed();
    }
    if (length > end - at) this.malformed();
    this.offset = at + length;
    return new Der(bytes, at, this.offset);
  }

  /** The bytes that are not read yet. */
  rest(): Uint8Array {
    return this.bytes.subarray(this.offset, this.end);
  }

  /** The last element of its parent has been read. */
  finish(): void {
    if (this.offset !== this.end) this.malformed();
  }

  /** The content of a BIT STRING of whole bytes. */
  readBytes(): Der {
    const bits = this.read(BIT_STRING);
    if (bits.tag !== 0) this.malformed();
    bits.offset++;
    return bits;
  }

  /** An INTEGER above zero, without leading zeros. */
  readPositive(): Uint8Array {
    const integer = this.read(INTEGER);
    const { bytes, offset, length } = integer;
    const first = bytes[offset]!;
    if (length === 0 || first >= 0x80 || (first === 0 && (length === 1 || bytes[offset + 1]! < 0x80))) this.malformed();
    return bytes.subarray(first === 0 ? offset + 1 : offset, integer.end);
  }

  /** A BOOLEAN that is false when absent. Some issuers write down the false. */
  readFlag(): boolean {
    if (this.tag !== BOOLEAN) return false;
    const flag = this.read(BOOLEAN);
    if (flag.length !== 1 || (flag.tag !== 0 && flag.tag !== 0xff)) this.malformed();
    return flag.tag !== 0;
  }

  /** Whether the content is this text, one character for each byte. */
  equals(text: string): boolean {
    if (text.length !== this.length) return false;
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== this.bytes[this.offset + i]) return false;
    return true;
  }

  malformed(): never {
    throw new Error(`certificate: malformed at byte ${this.offset}`);
  }
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
