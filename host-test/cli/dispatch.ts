// `iotf-embedded <command> …`: finds the command, runs it, and tells errors in one line.

import { readFileSync } from "node:fs";
import type { Command, Io } from "./command.ts";
import { CommandError, UsageError } from "./errors.ts";

// Loaded when they are named, so that none pays for what another needs.
const COMMANDS: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["platform", async () => (await import("./platform.ts")).platform],
  ["device", async () => (await import("./device.ts")).device],
  ["send", async () => (await import("./send.ts")).send],
  ["watch", async () => (await import("./watch.ts")).watch],
  ["xs", async () => (await import("./xs.ts")).xs],
]);

/** Resolves with the exit code: 0 done, 1 it failed, 2 wrong use. */
export async function dispatch(args: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = args;
  let told = "iotf-embedded";
  try {
    if (name === undefined) {
      io.stderr.write(await overview());
      return 2;
    }
    if (name === "--version") return print(io, `${version()}\n`);
    if (["help", "--help", "-h"].includes(name)) return print(io, await helpOn(rest[0]));
    const command = await find(name);
    told += ` ${name}`;
    if (asksForHelp(rest)) return print(io, command.help);
    return await command.run(rest, io);
  } catch (error) {
    return explain(error as Error, told, io);
  }
}

function explain(error: Error, told: string, io: Io): number {
  const mendable = error instanceof UsageError || error instanceof CommandError;
  // Anything else is a bug, and shows where it is.
  io.stderr.write(`${told}: ${mendable ? error.message : error.stack}\n`);
  return error instanceof UsageError ? 2 : 1;
}

function print(io: Io, text: string): number {
  io.stdout.write(text);
  return 0;
}

async function find(name: string): Promise<Command> {
  const load = COMMANDS.get(name);
  if (!load) throw new UsageError(`no command '${name.slice(0, 40)}'; there are ${[...COMMANDS.keys()].join(", ")}`);
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

  help COMMAND, or COMMAND --help, explains one; --version shows the version.
Exit codes: 0 done, 1 it failed, 2 wrong use.
`;
}

function version(): string {
  // In the package this is dist/cli.js.
  const path = import.meta.url.endsWith(".ts") ? "../../package.json" : "../package.json";
  return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8")).version;
}
