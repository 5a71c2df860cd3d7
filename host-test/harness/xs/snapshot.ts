// Reads the size of the heap from a snapshot of an XS machine, without keeping the snapshot.
//
// In: the bytes of snapshots, one after the other, in any pieces. Out: per snapshot, the live slots and chunks. XS
// collects garbage before it writes, so the figures are exact and the same in every run. The format is a list of atoms,
// big-endian size and name (xsSnapshot.c): VERS ends with the slot size in bytes, CREA begins with the bytes there are
// for chunks (in the machine's own order, little-endian here), BLOC holds the chunks, HEAP the slots.

/** Heap of an XS machine after a collection. Sizes are those of the worker: 64-bit, unless it was built for 32 bits. */
export interface Heap {
  /** Slots in use. A slot is a property, a value or a part of an object. */
  slots: number;
  /** Bytes per slot: 32 on a 64-bit worker, 16 on a 32-bit one as on a microcontroller. */
  slotSize: number;
  /** Bytes of chunks (strings, buffers, code, array elements), their headers included. */
  chunkBytes: number;
  /** Sum: `slots * slotSize + chunkBytes`. */
  bytes: number;
  /** Bytes of chunks that can still be allocated before XS collects garbage. */
  chunkRoom: number;
}

const HEADER = 8;
const KEPT = 4;
const LAST_ATOM = "SYMB";

export class SnapshotReader {
  private readonly waiting: ((heap: Heap) => void)[] = [];
  private readonly header = Buffer.alloc(HEADER);
  private headerHave = 0;
  private name = "";
  /** The first bytes of the body; no atom that is read here needs more. */
  private readonly body = Buffer.alloc(KEPT);
  private bodyHave = 0;
  private bodySize = 0;
  private slotSize = 0;
  private slotBytes = 0;
  private chunkBytes = 0;
  private chunkCapacity = 0;

  /** Calls `resolve` with the next snapshot that has no other receiver. */
  expect(resolve: (heap: Heap) => void): void {
    this.waiting.push(resolve);
  }

  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at += this.headerHave < HEADER ? this.takeHeader(chunk, at) : this.takeBody(chunk, at);
  }

  private takeHeader(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.header, this.headerHave, at);
    this.headerHave += taken;
    if (this.headerHave === HEADER) this.atomStarts();
    return taken;
  }

  private atomStarts(): void {
    this.name = this.header.toString("latin1", 4);
    // The outermost atom contains all others: the next header follows its header.
    this.bodySize = this.name === "XS_M" ? 0 : this.header.readUInt32BE(0) - HEADER;
    this.bodyHave = 0;
    if (this.bodySize === 0) this.atomEnds();
  }

  private takeBody(chunk: Buffer, at: number): number {
    const taken = Math.min(this.bodySize - this.bodyHave, chunk.length - at);
    if (this.bodyHave < KEPT) chunk.copy(this.body, this.bodyHave, at, at + taken);
    this.bodyHave += taken;
    if (this.bodyHave === this.bodySize) this.atomEnds();
    return taken;
  }

  private atomEnds(): void {
    this.headerHave = 0;
    if (this.name === "VERS") this.slotSize = this.body[3]!;
    else if (this.name === "CREA") this.chunkCapacity = this.body.readUInt32LE();
    else if (this.name === "BLOC") this.chunkBytes = this.bodySize;
    else if (this.name === "HEAP") this.slotBytes = this.bodySize;
    else if (this.name === LAST_ATOM) this.waiting.shift()?.(this.figures());
  }

  private figures(): Heap {
    const { slotSize, slotBytes, chunkBytes, chunkCapacity } = this;
    const bytes = slotBytes + chunkBytes;
    return { slots: slotBytes / slotSize, slotSize, chunkBytes, bytes, chunkRoom: chunkCapacity - chunkBytes };
  }
}
