// The flash of a board with two slots, as far as a start needs it: stand-ins of `embedded:storage/flash` and of what the
// update client imports besides. Downloads and updates: host-test/tests/update.

import { world } from "./world.ts";

const SECTOR = 4096;

/** Partition `otadata`. */
export const otadata = new Uint8Array(2 * SECTOR).fill(0xff);

export const Flash = {
  open({ path }: { path: string }) {
    if (!["otadata", "nextota", "running"].includes(path)) throw new Error("can't find partition");
    return {
      status: () => ({ size: 0x1f0000, blockLength: SECTOR }),
      read: (into: Uint8Array, at: number) => into.set(otadata.subarray(at, at + into.length)),
      write: (bytes: Uint8Array, at: number) => otadata.set(bytes, at),
      // The SDK's native takes an end that is undefined for 0.
      eraseBlock: (from: number, to: number | undefined) => otadata.fill(0xff, from * SECTOR, Number(to ?? 0) * SECTOR),
    };
  },
};

/** See BoardSettings.oneSlot. */
export const OneSlot = {
  open(): never {
    throw new Error("can't find partition");
  },
};

export class Unused {
  constructor() {
    throw new Error("not on this board");
  }
}

export function restart(): void {
  world.trace("the board restarts\n");
}
