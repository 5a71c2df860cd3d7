// Formats figures of XS for people.

import type { HandlerCost } from "./device/meter.ts";
import type { Footprint } from "./session.ts";

/** Bytes of a slot on a 32-bit chip. */
const SLOT = 16;

export function count(value: number): string {
  return value.toLocaleString("en");
}

/** A heading, then one line for each handler, in the given order. */
export function costTable(handlers: readonly HandlerCost[]): string[] {
  if (!handlers.length) return [];
  const rows = [
    ["handler", "calls", "instructions", "most", "slots"],
    ...handlers.map(one => [
      one.name,
      count(one.calls),
      count(Math.round(one.instructions / one.calls)),
      count(one.most),
      one.slots === undefined ? "" : count(Math.round(one.slots)),
    ]),
  ];
  // In tests many handlers run in one command of the engine, so slots are unknown.
  if (handlers.every(({ slots }) => slots === undefined)) for (const row of rows) row.pop();
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  const padded = (cell: string, column: number) =>
    column ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  return rows.map(row => row.map(padded).join("  ").trimEnd());
}

export function heapText({ slots, chunkBytes }: Footprint): string {
  return `${count(slots)} slots (${count(slots * SLOT)} bytes on a chip), ${count(chunkBytes)} bytes of chunks`;
}
