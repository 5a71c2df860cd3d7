// Lines for people: time, who, direction, what, name, format, QoS, payload, in columns. Colours on a terminal only.

import { styleText } from "node:util";

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

export function print(line: Line): void {
  const { who, direction, what, name = "", format = "", qos, text = "", bad = false } = line;
  const time = new Date().toISOString().slice(11, 23);
  const level = qos === undefined ? "" : `QoS ${qos}`;
  const head = `${who.padEnd(8)} ${direction} ${what.padEnd(12)} ${name.padEnd(11)} ${format.padEnd(5)} ${level.padEnd(5)}`;
  process.stdout.write(
    `${time}  ${paint(COLOURS[who], head)}  ${bad ? paint("red", text) : text}`.trimEnd().concat("\n"),
  );
}

function paint(colour: "cyan" | "magenta" | "yellow" | "red", text: string): string {
  return process.stdout.isTTY && !process.env.NO_COLOR ? styleText(colour, text) : text;
}
