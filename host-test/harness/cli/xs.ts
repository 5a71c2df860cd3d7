// `iotf-embedded xs`: runs a device program, or its tests, in the XS engine.

import { runInXs } from "../xs/run.ts";
import { testInBoth } from "../xs/test-files.ts";
import { parse, positive, settingsOf } from "./args.ts";
import type { Command, Io } from "./command.ts";
import { UsageError } from "./errors.ts";

const HELP = `Usage: iotf-embedded xs <program> [key=value …] [options]
       iotf-embedded xs --test <file> … [--json]

Runs a device program, JavaScript or TypeScript, in the XS engine of the boards, with the sockets of this computer.
Prints the program's trace and console output. Ends with Ctrl-C, or when the program has no connections and no timers;
then prints the cost of its handlers, in instructions of the engine, and the size of its heap.

With --test: runs test files written with iotf-embedded/testing, node:test and node:assert on Node and in XS, and
compares the results and the messages of the devices. Uses no network.

  [key=value]             values that the program imports from "mc/config", as with mcconfig

  --test                  the words are test files
  --seconds N             end after N seconds
  --json                  print one JSON object on stdout, and the output of the program on stderr
  --help                  show this text

Exit code 1 after an uncaught exception, if a test failed, or if the engines differ.
Needs the packages esbuild and @agoric/xsnap in the project, and Linux or macOS.
`;

const OPTIONS = {
  test: { type: "boolean", default: false },
  seconds: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const xs: Command = {
  name: "xs",
  summary: "run a device program, or its tests, in the XS engine",
  help: HELP,
  options: OPTIONS,
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
    return runInXs(
      file,
      { json, seconds: positive("--seconds", values.seconds, 1_000_000), config: settingsOf(settings) },
      io,
    );
  },
};
