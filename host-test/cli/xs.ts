// `iotf-embedded xs`: a device program, or tests of it, in the real XS engine.

import { runInXs } from "../xs/run.ts";
import { testInBoth } from "../xs/test-files.ts";
import { parse } from "./args.ts";
import type { Command, Io } from "./command.ts";
import { UsageError } from "./errors.ts";

const HELP = `Usage: iotf-embedded xs <program> [key=value …] [options]
       iotf-embedded xs --test <file> … [--json]

Runs a device program, JavaScript or TypeScript, in the XS engine that devices have, with the sockets of this computer.
What it traces, or writes to the console, is printed. At the end (Ctrl-C, or when the program has neither connections
nor timers left) comes what its handlers cost, in instructions of the engine, and what its heap holds.

With --test: runs test files written with iotf-embedded/testing, node:test and node:assert on Node and in XS, and
compares what passed and what the devices said; no network is used.

  [key=value]             what the program imports as "mc/config", as with mcconfig

  --test                  what follows are test files
  --seconds N             end after N seconds
  --json                  one JSON object on stdout; what the program prints goes to stderr
  --help                  show this

Exit code 1 when something was thrown that nobody caught, a test failed, or the engines differ.
Needs the packages esbuild and @agoric/xsnap in the project, and Linux or macOS.
`;

const OPTIONS = {
  test: { type: "boolean", default: false },
  seconds: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

const SETTING = /^([A-Za-z_][\w.-]*)=(.*)$/s;

export const xs: Command = {
  name: "xs",
  summary: "run a device program, or tests of it, in the real XS engine",
  help: HELP,
  async run(args: readonly string[], io: Io): Promise<number> {
    const { values, words } = parse(args, OPTIONS, "any");
    const { json } = values;
    if (values.test) {
      if (values.seconds !== undefined) throw new UsageError("--seconds is for programs, not for --test");
      if (!words.length) throw new UsageError("xs --test needs test files");
      return testInBoth(words, { json }, io);
    }
    const [file, ...settings] = words;
    if (file === undefined) throw new UsageError("xs needs a program");
    return runInXs(file, { json, seconds: seconds(values.seconds), config: configOf(settings) }, io);
  },
};

function seconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value > 0 && value <= 1_000_000)) throw new UsageError(`--seconds must be a number above 0, not ${text}`);
  return value;
}

function configOf(settings: readonly string[]): Record<string, string> {
  const config: Record<string, string> = {};
  for (const [at, setting] of settings.entries()) {
    const parts = SETTING.exec(setting);
    // It may be the rest of a token that the shell has split.
    if (!parts) throw new UsageError(`word ${at + 1} behind the program is not key=value; is it quoted for the shell?`);
    config[parts[1]!] = parts[2]!;
  }
  return config;
}
