// The recorder: everything that happened between a device and its platform, with the time, to be read by people.

import type { FakeClock } from "./clock.ts";
import { ExpectationError } from "./expect.ts";
import { type SentPacket, told } from "./packets.ts";

export type Direction = "sent" | "received";

/** One thing that happened. */
export interface Entry {
  /** Milliseconds since the device was switched on. */
  readonly atMs: number;
  /** `sent` and `received`, by the device, have a packet; the others a text. */
  readonly kind: Direction | "device" | "platform" | "network";
  readonly packet?: SentPacket;
  readonly text?: string;
}

/** How many lines at most stand under a failure. */
const SHOWN = 60;
const SIGNS = { sent: "device  →", received: "device  ←", device: "device", platform: "platform", network: "network" };

export class Dialogue {
  readonly entries: Entry[] = [];
  private readonly clock: FakeClock;
  /** What stands at the end of each failure, for example the seed. */
  private readonly signature: string;

  constructor(clock: FakeClock, signature: string) {
    this.clock = clock;
    this.signature = signature;
  }

  note(kind: "device" | "platform" | "network", text: string): void {
    this.entries.push({ atMs: this.clock.elapsed, kind, text });
  }

  packet(kind: Direction, packet: SentPacket): void {
    this.entries.push({ atMs: this.clock.elapsed, kind, packet });
  }

  /** A line for each entry. */
  lines(): string[] {
    return this.entries.map(({ atMs, kind, packet, text }) => {
      const what = packet ? told(packet) : text!;
      return `${String(atMs).padStart(8)} ms  ${SIGNS[kind].padEnd(9)} ${what}`;
    });
  }

  failure(message: string): ExpectationError {
    const lines = this.lines();
    const last = lines.slice(-SHOWN);
    if (last.length < lines.length) last.unshift(`  (${lines.length - last.length} lines before)`);
    return new ExpectationError(`${message}\n\n${last.join("\n") || "  (nothing happened)"}\n  (${this.signature})`);
  }
}
