// Colours for terminals. None in files and pipes, or if NO_COLOR is set (no-color.org).

import type { EntryKind } from "../platform/log-entry.ts";
import type { Io } from "./command.ts";

const CODES = { red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36, dim: 2 } as const;

export type Colour = keyof typeof CODES;
export type Colourer = (colour: Colour, text: string) => string;

export function colours({ stdout, env }: Pick<Io, "stdout" | "env">): Colourer {
  if (!stdout.isTTY || env.NO_COLOR || env.TERM === "dumb") return (_, text) => text;
  return (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m`;
}

const ENTRY_COLOURS: Readonly<Record<EntryKind, Colour>> = {
  connect: "green",
  disconnect: "yellow",
  refused: "red",
  violation: "red",
  event: "cyan",
  command: "magenta",
  management: "cyan",
  action: "magenta",
  request: "dim",
};

export function entryColours(io: Pick<Io, "stdout" | "env">): (kind: EntryKind, text: string) => string {
  const colour = colours(io);
  return (kind, text) => colour(ENTRY_COLOURS[kind], text);
}
