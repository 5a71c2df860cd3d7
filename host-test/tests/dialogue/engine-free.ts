// What programs that run on Node and in XS alike have in common: checks without node:assert, cases by name, and the packets
// of a client on fakes.

import { PacketStream, type SentPacket } from "../../harness/testing/packets.ts";
import type { FakeTransport } from "../../harness/testing/transport.ts";

export function check(right: boolean, what: string): void {
  if (!right) throw new Error(what);
}

export function same(actual: unknown, expected: unknown, what = "value"): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  check(a === b, `${what}: ${a} instead of ${b}`);
}

/** `play(name)` returns "" when the case went well, else what was wrong. */
export function player<L>(cases: Record<string, (lib: L) => void>, lib: L): { play(name: string): string } {
  return {
    play(name) {
      try {
        cases[name]!(lib);
        return "";
      } catch (error) {
        return (error as Error).message || String(error);
      }
    },
  };
}

/** Reads what a client writes to one connection after the other. */
export class LinkReader {
  private link: FakeTransport | undefined;
  private stream = new PacketStream();
  private readTo = 0;

  /** The packets that were written to this connection since the last call. */
  read(link: FakeTransport): SentPacket[] {
    if (link !== this.link) {
      this.link = link;
      this.stream = new PacketStream();
      this.readTo = 0;
    }
    const packets: SentPacket[] = [];
    for (; this.readTo < link.writes.length; this.readTo++)
      packets.push(...this.stream.read(link.writes[this.readTo]!));
    return packets;
  }
}
