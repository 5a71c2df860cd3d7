// Which packet identifier does the next PUBLISH, SUBSCRIBE or UNSUBSCRIBE get? The first free one after the one assigned
// last; after 65535 follows 1 [MQTT-2.3.1-2].

/** Whatever holds packet identifiers. */
export interface PacketIdHolder {
  /** Number of identifiers after `last` that come before the first one in use; {@link NO_ID_IN_USE} if none is. */
  freeIdsAfter(last: number): number;
}

const IDS = 65535;
/** All identifiers are free. */
export const NO_ID_IN_USE: number = IDS;

/** The smaller of `free` and the number of identifiers after `last` and before `id`. 0 is no identifier. */
export function fewerFree(id: number, last: number, free: number): number {
  return id ? Math.min(free, (id - last + 2 * IDS - 1) % IDS) : free;
}

export class PacketIds {
  private last = 0;
  // Number of free identifiers after `last`, cached so that not every message scans those in use.
  private free: number = IDS;

  /** The next identifier will be the first free one after `last`, 0..65535. */
  startAfter(last: number): void {
    this.last = last;
    this.free = 0;
  }

  /** 1..65535, not used by `users`. Their bounds leave at least one free. */
  next(users: PacketIdHolder): number {
    if (this.free === 0) this.skipUsed(users);
    this.free--;
    this.last = (this.last % IDS) + 1;
    return this.last;
  }

  private skipUsed(users: PacketIdHolder): void {
    for (;;) {
      this.free = users.freeIdsAfter(this.last);
      if (this.free > 0) return;
      this.last = (this.last % IDS) + 1;
    }
  }
}
