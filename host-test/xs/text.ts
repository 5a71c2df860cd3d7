// Figures of XS for people.

import type { HandlerCost } from "./device/meter.ts";
import type { Footprint } from "./session.ts";

/** Bytes of a slot on a chip of 32 bits. */
const SLOT = 16;

export function count(value: number): string {
  return value.toLocaleString("en");
}

/** One line for each handler, the dearest first, under a heading. */
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
  // In tests many handlers run in one turn of the engine: then there are no slots to tell.
  if (handlers.every(({ slots }) => slots === undefined)) for (const row of rows) row.pop();
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map(row => row[column]!.length)));
  const padded = (cell: string, column: number) =>
    column ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!);
  return rows.map(row => row.map(padded).join("  ").trimEnd());
}

export function heapText({ slots, chunkBytes }: Footprint): string {
  return `${count(slots)} slots (${count(slots * SLOT)} bytes on a chip), ${count(chunkBytes)} bytes of chunks`;
}
