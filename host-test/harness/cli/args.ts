// Parses command lines. Errors take one line and never repeat a word that may be a token.

import { type ParseArgsConfig, parseArgs } from "node:util";
import { originOf } from "../platform/origin.ts";
import { UsageError } from "./errors.ts";

export type Options = NonNullable<ParseArgsConfig["options"]>;

/** @param words names of the words that are not options; "any": any number of words */
export function parse<T extends Options>(args: readonly string[], options: T, words: readonly string[] | "any" = []) {
  const { values, positionals } = split(args, options);
  if (words !== "any" && positionals.length > words.length) {
    // The word is not shown: it may be part of a token that the shell has split.
    throw new UsageError(
      words.length
        ? `too many words: expected ${words.join(", ")} and options`
        : "expected options only, no other words",
    );
  }
  return { values, words: positionals };
}

function split<T extends Options>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: joinNegative(args, options), options, allowPositionals: true, strict: true });
  } catch (error) {
    const [first] = (error as Error).message.split(/\. |\.?\n/);
    throw new UsageError(
      first!
        .replace(/^Unknown option '(.*)'$/, "unknown option $1")
        .replace(/^Option '(?:-\w, )?(--[\w-]+).*' argument (missing|is ambiguous)$/, "$1 needs a value"),
    );
  }
}

/** Makes `--events -1` one argument: parseArgs() takes -1 for an option, and the check of --events is not reached. */
function joinNegative(args: readonly string[], options: Options): string[] {
  const joined: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const [arg, next] = [args[i]!, args[i + 1]];
    const takesValue = arg.startsWith("--") && options[arg.slice(2)]?.type === "string";
    if (takesValue && next !== undefined && /^-\d/.test(next)) {
      joined.push(`${arg}=${next}`);
      i++;
    } else joined.push(arg);
  }
  return joined;
}

const SETTING = /^([A-Za-z_][\w.-]*)=(.*)$/s;

/** What a program imports from "mc/config": the words key=value after its file. */
export function settingsOf(words: readonly string[]): Record<string, string> {
  const settings: Record<string, string> = {};
  for (const [at, word] of words.entries()) {
    const parts = SETTING.exec(word);
    // The word is not shown: it may be part of a token that the shell has split.
    if (!parts) throw new UsageError(`word ${at + 1} after the program is not key=value; is it quoted for the shell?`);
    settings[parts[1]!] = parts[2]!;
  }
  return settings;
}

/** A JSON value. @param what stands for the text in the error */
export function jsonValue(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${what} is not JSON (${(error as Error).message}); is it quoted for the shell?`);
  }
}

/** A whole number; undefined if `text` is. */
export function whole(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${name} must be a whole number ${least}..${most}, not '${text}'`);
}

/** A number above 0; undefined if `text` is. */
export function positive(name: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+(\.\d+)?$/.test(text) && value > 0 && value <= most) return value;
  throw new UsageError(`${name} must be a number above 0, at most ${most}, not '${text}'`);
}

export function oneOf<T extends string>(name: string, text: string | undefined, choices: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = choices.find(choice => choice === text);
  if (found === undefined) throw new UsageError(`${name} must be one of ${choices.join(", ")}, not '${text}'`);
  return found;
}

export function qualityOfService(text: string | undefined): 0 | 1 | 2 | undefined {
  const level = oneOf("--qos", text, ["0", "1", "2"]);
  return level === undefined ? undefined : (Number(level) as 0 | 1 | 2);
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** Parses `mqtt://host:port` or `mqtts://host:port` (TLS). Default ports 1883 and 8883. */
export function address(name: string, text: string): Address {
  const match = /^mqtt(s?):\/\/(\[[0-9a-fA-F:]+\]|[^:/@[\]]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const tls = match?.[1] === "s";
  const port = Number(match?.[3] ?? (tls ? 8883 : 1883));
  if (!match || port < 1 || port > 65535) {
    // Text before an @ may be a password.
    throw new UsageError(
      `${name} must be mqtt://host:port or mqtts://host:port, not '${text.replace(/\/\/.*@/, "//…@")}'`,
    );
  }
  return { host: match[2]!.replace(/^\[|\]$/g, ""), port, tls };
}

/** The inverse of {@link address}. */
export function addressUrl({ host, port, tls }: Address): string {
  return originOf(tls ? "mqtts" : "mqtt", host, port);
}
