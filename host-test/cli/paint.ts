// Colours, on a terminal only, and not where NO_COLOR says so (no-color.org).

import type { Io } from "./command.ts";

const CODES = { red: 31, green: 32, yellow: 33, magenta: 35, cyan: 36, dim: 2 } as const;

export type Colour = keyof typeof CODES;
export type Paint = (colour: Colour, text: string) => string;

export function painter({ stdout, env }: Pick<Io, "stdout" | "env">): Paint {
  if (!stdout.isTTY || env.NO_COLOR || env.TERM === "dumb") return (_, text) => text;
  return (colour, text) => `\x1b[${CODES[colour]}m${text}\x1b[0m`;
}
