// Lines for people: time, who, direction, what, name, format, QoS, payload, in columns. Colours on a terminal only.

import { printable } from "../platform/printable.ts";
import type { Io } from "./command.ts";
import { type Paint, painter } from "./paint.ts";

export type Who = "device" | "app" | "platform";

export interface Line {
  who: Who;
  /** "→" leaves `who`, "←" reaches it, " " happens inside. */
  direction: "→" | "←" | " ";
  what: string;
  name?: string | undefined;
  format?: string | undefined;
  qos?: number | undefined;
  text?: string | undefined;
  bad?: boolean;
}

const COLOURS = { device: "cyan", app: "magenta", platform: "yellow" } as const;

export class Console {
  readonly #io: Pick<Io, "stdout" | "env">;
  readonly #paint: Paint;

  constructor(io: Pick<Io, "stdout" | "env">) {
    this.#io = io;
    this.#paint = painter(io);
  }

  print({ who, direction, what, name = "", format = "", qos, text = "", bad = false }: Line): void {
    const time = new Date().toISOString().slice(11, 23);
    const level = qos === undefined ? "" : `QoS ${qos}`;
    const columns = [who.padEnd(8), direction, what.padEnd(12), name.padEnd(11), format.padEnd(5), level.padEnd(5)];
    const head = this.#paint(COLOURS[who], printable(columns.join(" ")));
    const rest = bad ? this.#paint("red", printable(text)) : printable(text);
    this.#io.stdout.write(`${time}  ${head}  ${rest}`.trimEnd().concat("\n"));
  }
}
