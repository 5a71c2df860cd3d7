// How a command line is taken apart: options, words and their checks. What is wrong is told in one line, and what may be
// a token is not repeated.

import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./errors.ts";

export type Options = NonNullable<ParseArgsConfig["options"]>;

/** The options and the other words, of which there are at most as many as `words` names; or any. */
export function parse<T extends Options>(args: readonly string[], options: T, words: readonly string[] | "any" = []) {
  const { values, positionals } = split(args, options);
  if (words !== "any" && positionals.length > words.length) {
    // It may be the rest of a token that the shell has split.
    throw new UsageError(
      words.length ? `only ${words.join(", ")} and options are taken` : "only options are taken, no other words",
    );
  }
  return { values, words: positionals };
}

function split<T extends Options>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    const [first] = (error as Error).message.split(/\. |\.?\n/);
    throw new UsageError(first!.replace(/^Unknown option '(.*)'$/, "unknown option $1"));
  }
}

/** A whole number, or undefined where there is none. */
export function whole(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${name} must be a whole number ${least}..${most}, not '${text}'`);
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

/** `mqtt://host:port`, and with TLS `mqtts://host:port`; ports 1883 and 8883 may be left out. */
export function address(name: string, text: string): Address {
  const match = /^mqtt(s?):\/\/(\[[0-9a-fA-F:]+\]|[^:/@[\]]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const tls = match?.[1] === "s";
  const port = Number(match?.[3] ?? (tls ? 8883 : 1883));
  if (!match || port < 1 || port > 65535) {
    // What stands before an @ may be a password.
    throw new UsageError(
      `${name} must be mqtt://host:port or mqtts://host:port, not '${text.replace(/\/\/.*@/, "//…@")}'`,
    );
  }
  return { host: match[2]!.replace(/^\[|\]$/g, ""), port, tls };
}
