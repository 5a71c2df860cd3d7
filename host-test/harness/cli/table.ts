// Table of the devices of a platform, for a terminal.

import type { DeviceRecord } from "../platform/page/history.ts";
import { printable, shorten } from "../platform/printable.ts";
import type { Colourer } from "./colour.ts";

type Row = Pick<DeviceRecord, "clientId" | "connected" | "since" | "events" | "commands" | "lastEvent" | "heap">;

const HEAD = ["DEVICE", "STATE", "SINCE", "EVENTS", "COMMANDS", "LAST EVENT", "FREE HEAP"];
const NUMBERS = new Set([3, 4, 6]);

/** Connected devices first. Shows as many as fit in `rows`; no lines without devices. */
export function table(devices: readonly Row[], columns: number, rows: number, colour: Colourer): string[] {
  if (devices.length === 0) return [];
  const sorted = [...devices].sort((a, b) => Number(b.connected) - Number(a.connected) || order(a, b));
  const shown = sorted.slice(0, Math.max(1, sorted.length > rows - 2 ? rows - 3 : rows - 2));
  const cells = shown.map(cellsOf);
  const widths = HEAD.map((head, column) => Math.max(head.length, ...cells.map(row => row[column]!.length)));
  const line = (row: readonly string[]) => {
    const padded = row.map((cell, i) => (NUMBERS.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)));
    return shorten(padded.join("  ").trimEnd(), columns - 1);
  };
  const rest = sorted.length - shown.length;
  return [
    "",
    colour("dim", line(HEAD)),
    ...cells.map((row, index) => (shown[index]!.connected ? line(row) : colour("dim", line(row)))),
    ...(rest > 0 ? [colour("dim", `and ${rest} more`)] : []),
  ];
}

function cellsOf({ clientId, connected, since, events, commands, lastEvent, heap }: Row): string[] {
  const last = lastEvent ? `${clock(lastEvent.at)} ${shorten(lastEvent.name, 20)}` : "";
  const state = connected ? "connected" : since === undefined ? "-" : "disconnected";
  return [
    printable(clientId),
    state,
    since === undefined ? "" : clock(since),
    String(events),
    String(commands),
    last,
    heap === undefined ? "" : String(heap),
  ];
}

function order(a: Row, b: Row): number {
  return a.clientId < b.clientId ? -1 : 1;
}

function clock(ms: number): string {
  return new Date(ms).toTimeString().slice(0, 8);
}
