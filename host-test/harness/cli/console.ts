// Lines in columns: time, sender or receiver, direction, kind, name, format, QoS, payload.

import { printable } from "../platform/printable.ts";
import { type Colourer, colours } from "./colour.ts";
import type { Io } from "./command.ts";

export type Party = "device" | "app" | "platform";

export interface Line {
  party: Party;
  /** "→" sent by the party, "←" received by it, " " neither. */
  direction: "→" | "←" | " ";
  kind: string;
  name?: string | undefined;
  format?: string | undefined;
  qos?: number | undefined;
  text?: string | undefined;
  bad?: boolean;
}

const COLOURS = { device: "cyan", app: "magenta", platform: "yellow" } as const;

export class Console {
  readonly #io: Pick<Io, "stdout" | "env">;
  readonly #colour: Colourer;

  constructor(io: Pick<Io, "stdout" | "env">) {
    this.#io = io;
    this.#colour = colours(io);
  }

  print({ party, direction, kind, name = "", format = "", qos, text = "", bad = false }: Line): void {
    const time = new Date().toISOString().slice(11, 23);
    const level = qos === undefined ? "" : `QoS ${qos}`;
    const columns = [party.padEnd(8), direction, kind.padEnd(12), name.padEnd(11), format.padEnd(5), level.padEnd(5)];
    const head = this.#colour(COLOURS[party], printable(columns.join(" ")));
    const rest = bad ? this.#colour("red", printable(text)) : printable(text);
    this.#io.stdout.write(`${time}  ${head}  ${rest}`.trimEnd().concat("\n"));
  }
}
