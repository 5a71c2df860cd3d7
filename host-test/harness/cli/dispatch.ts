// `iotf-embedded <command> …`: finds the command, runs it, and prints errors.

import { readFileSync } from "node:fs";
import { printable } from "../platform/printable.ts";
import type { Command, Io } from "./command.ts";
import { CommandError, UsageError } from "./errors.ts";

// Loaded on demand, because some need large modules.
export const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["platform", async () => (await import("./platform.ts")).platform],
  ["device", async () => (await import("./device.ts")).device],
  ["send", async () => (await import("./send.ts")).send],
  ["manage", async () => (await import("./manage.ts")).manage],
  ["update", async () => (await import("./update.ts")).update],
  ["watch", async () => (await import("./watch.ts")).watch],
  ["fleet", async () => (await import("./fleet.ts")).fleet],
  ["xs", async () => (await import("./xs.ts")).xs],
]);

/** Resolves with the exit code: 0 success, 1 failure, 2 wrong use. */
export async function dispatch(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  let prefix = "iotf-embedded";
  try {
    if (name === undefined) {
      io.stderr.write(await overview());
      return 2;
    }
    if (name === "--version") return print(io, `${version()}\n`);
    if (["help", "--help", "-h"].includes(name)) return print(io, await helpOn(rest[0]));
    const command = await find(name);
    prefix += ` ${name}`;
    if (asksForHelp(rest)) return print(io, command.help);
    return await command.run(rest, io);
  } catch (error) {
    return printError(error as Error, prefix, io);
  }
}

function printError(error: Error, prefix: string, io: Io): number {
  const expected = error instanceof UsageError || error instanceof CommandError;
  // Any other error is a bug and needs its stack.
  io.stderr.write(`${prefix}: ${expected ? printable(error.message) : error.stack}\n`);
  return error instanceof UsageError ? 2 : 1;
}

function print(io: Io, text: string): number {
  io.stdout.write(text);
  return 0;
}

async function find(name: string): Promise<Command> {
  const load = COMMANDS.get(name);
  if (!load)
    throw new UsageError(`unknown command '${name.slice(0, 40)}'; commands: ${[...COMMANDS.keys()].join(", ")}`);
  return load();
}

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end < 0 ? undefined : end).some(arg => arg === "--help" || arg === "-h");
}

async function helpOn(name: string | undefined): Promise<string> {
  return name === undefined ? overview() : (await find(name)).help;
}

async function overview(): Promise<string> {
  const commands = await Promise.all([...COMMANDS.values()].map(load => load()));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`);
  return `Usage: iotf-embedded <command> [options]

Tools for devices of the IBM Watson IoT Platform protocol.

${lines.join("\n")}

  'help COMMAND' or 'COMMAND --help' shows the options of a command; --version shows the version.
Exit codes: 0 success, 1 failure, 2 wrong use.
`;
}

function version(): string {
  // In the package this is dist/cli.js.
  const path = import.meta.url.endsWith(".ts") ? "../../../package.json" : "../package.json";
  return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")).version;
}
