// Finds packets that are longer than any legal one. The parser of aedes would buffer a packet of up to 256 MB, so this
// reads the packet lengths first, from the same bytes.

/** Payload limit of the platform in bytes (docs/protocol.md 2.2). */
export const MAX_PAYLOAD = 131_072;

/** Largest legal remaining length: topic length field, longest topic, packet id, largest payload. */
export const MAX_REMAINING_LENGTH = 2 + 65_535 + 2 + MAX_PAYLOAD;

export const PUBLISH_TYPE = 3;

// The weight of the fourth length byte, the last one.
const MAX_WEIGHT = 128 ** 3;

/** Follows the packet boundaries of one byte stream. Keeps four numbers and no bytes. */
export class FrameMeter {
  readonly #onTooLong: (packetType: number) => void;
  #packetType = -1;
  #length = 0;
  #weight = 1;
  #bodyLeft = 0;

  constructor(onTooLong: (packetType: number) => void) {
    this.#onTooLong = onTooLong;
  }

  read(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#bodyLeft > 0) at += this.#skipBody(chunk.length - at);
      else this.#readHeaderByte(chunk[at++]!);
    }
  }

  #skipBody(available: number): number {
    const skipped = Math.min(available, this.#bodyLeft);
    this.#bodyLeft -= skipped;
    return skipped;
  }

  #readHeaderByte(byte: number): void {
    if (this.#packetType < 0) {
      this.#packetType = byte >> 4;
      return;
    }
    this.#length += (byte & 0x7f) * this.#weight;
    this.#weight *= 128;
    if (byte < 0x80) this.#endHeader();
    // A fifth length byte is an error, which the parser reports; the rest of the stream has no packet boundaries.
    else if (this.#weight > MAX_WEIGHT) this.#bodyLeft = Number.POSITIVE_INFINITY;
  }

  #endHeader(): void {
    if (this.#length > MAX_REMAINING_LENGTH) this.#onTooLong(this.#packetType);
    this.#bodyLeft = this.#length;
    this.#packetType = -1;
    this.#length = 0;
    this.#weight = 1;
  }
}
