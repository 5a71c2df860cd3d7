// The colour of each kind of happening.

import type { What } from "../platform/happening.ts";
import type { Io } from "./command.ts";
import { type Colour, painter } from "./paint.ts";

const COLOURS: Readonly<Record<What, Colour>> = {
  connect: "green",
  disconnect: "yellow",
  refused: "red",
  violation: "red",
  event: "cyan",
  command: "magenta",
  management: "cyan",
  request: "dim",
};

export function paintWhat(io: Pick<Io, "stdout" | "env">): (what: What, text: string) => string {
  const paint = painter(io);
  return (what, text) => paint(COLOURS[what], text);
}
