// A command that arrived, by MQTT or HTTP. Types only.

import type { Formats } from "./codec/codec.ts";

/**
 * A command from an application. Comparing `format` narrows the type of `data`:
 * `if (command.format === "utf8") command.data.length`.
 * @typeParam F formats that the program expects; default: all that are declared in {@link Formats}. A command in a format
 * that the application registered without declaring it arrives too; its `format` is then none of these.
 */
export type Command<F extends keyof Formats = keyof Formats> = CommandOf<Formats, F>;

/** Union of the commands in the formats `F` of `Map`. */
export type CommandOf<Map, F extends keyof Map> = { [Name in F]: CommandIn<Name, Map[Name]> }[F];

/** A command in one format. */
export interface CommandIn<Name, Data> {
  /** Its id, for example "setInterval". */
  command: string;
  format: Name;
  /** What the codec of the format made of the payload. The application may keep it. */
  data: Data;
  /** When the application sent it, if the format says so; else when the device received it. */
  timestamp: Date;
}
