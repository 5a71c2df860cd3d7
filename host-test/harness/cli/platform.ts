// `iotf-embedded platform`: runs a local WIoTP until Ctrl-C and prints what happens.

import { once } from "node:events";
import { deviceClientId } from "../platform/identity.ts";
import type { Page, Platform } from "../platform/index.ts";
import { formatJson, formatLine, listenForEntries } from "../platform/log-entry.ts";
import { History } from "../platform/page/history.ts";
import { printableJson } from "../platform/printable.ts";
import { colours, entryColours } from "./colour.ts";
import type { Command, Io } from "./command.ts";
import { DEMO_DEVICE } from "./demo-device.ts";
import { CommandError } from "./errors.ts";
import { type CommandLine, HELP, OPTIONS, parseCommandLine } from "./platform-options.ts";
import { Screen } from "./screen.ts";
import { table } from "./table.ts";

/** The table needs no numbers and no messages. */
const TABLE_LIMITS = { devices: 100, fields: 0, points: 0, messages: 0 };

/** Bytes of output that nobody has read, at which the platform stops accepting messages until there are none. */
const MAX_UNREAD = 256 * 1024;

interface Servers {
  readonly platform: Platform;
  readonly page: Page | undefined;
}

export const platform: Command = {
  name: "platform",
  summary: "run a local platform",
  help: HELP,
  options: OPTIONS,
  async run(args, io) {
    const commandLine = parseCommandLine(args);
    const servers = await start(commandLine);
    const aborted = once(io.signal, "abort");
    waitForReader(servers.platform, io);
    const end = commandLine.json ? printJson(commandLine, servers, io) : printLines(commandLine, servers, io);
    if (!io.signal.aborted) await aborted;
    await servers.page?.close();
    await servers.platform.close();
    end();
    return 0;
  },
};

async function start({ platform: options, page: port }: CommandLine): Promise<Servers> {
  // Loaded only here, because the broker in it is large.
  const { startPage, startPlatform } = await import("../platform/index.ts");
  const platform = await startPlatform(options).catch(error => {
    throw new CommandError(`cannot listen on ${options.host}:${options.port}: ${reasonOf(error, "--port")}`);
  });
  if (port === undefined) return { platform, page: undefined };
  try {
    return { platform, page: await startPage(platform, { port }) };
  } catch (error) {
    await platform.close();
    throw new CommandError(`the page cannot listen on 127.0.0.1:${port}: ${reasonOf(error as Error, "--page")}`);
  }
}

function reasonOf(error: NodeJS.ErrnoException, option: string): string {
  if (error.code !== "EADDRINUSE") return error.message;
  return `the port is in use, perhaps by another platform; choose another one with ${option}, or 0 for any free one`;
}

/** Without this, output that nobody reads fills the memory. */
function waitForReader(platform: Platform, { stdout }: Io): void {
  listenForEntries(platform, () => {
    if (stdout.writableLength > MAX_UNREAD) platform.pause();
  });
  stdout.on("drain", () => platform.resume());
}

function printJson({ apiKey }: CommandLine, { platform, page }: Servers, io: Io): () => void {
  const print = (line: string) => io.stdout.write(`${line}\n`);
  const now = () => new Date().toISOString();
  const details = { url: platform.url, ...(page ? { page: page.url } : {}), ...(apiKey ? { apiKey } : {}) };
  print(printableJson({ time: now(), what: "listening", ...details }));
  listenForEntries(platform, entry => print(formatJson(entry)));
  return () => print(printableJson({ time: now(), what: "closed" }));
}

function printLines(commandLine: CommandLine, servers: Servers, io: Io): () => void {
  const screen = new Screen(io.stdout, tableOf(servers.platform, io));
  for (const line of introduction(commandLine, servers)) screen.print(line);
  const colour = entryColours(io);
  listenForEntries(servers.platform, entry => screen.print(formatLine(entry, new Date(), colour)));
  return () => {
    screen.end();
    io.stdout.write("closed\n");
  };
}

/** The table of devices below the lines, on a terminal only. */
function tableOf(platform: Platform, io: Io): (columns: number, rows: number) => string[] {
  if (!io.stdout.isTTY) return () => [];
  const history = new History(platform, TABLE_LIMITS);
  const colour = colours(io);
  return (columns, rows) => table([...history.devices.values()], columns, rows, colour);
}

function introduction({ org, platform: options, apiKey }: CommandLine, { platform, page }: Servers): string[] {
  const { devices = [], applications = [], open } = options;
  return [
    `local WIoTP listening on ${platform.url} (Ctrl-C stops it)`,
    ...(page ? [`  page         ${page.url}`] : []),
    ...devices.map(device => {
      // The token of the demo device is no secret.
      const password = device === DEMO_DEVICE ? DEMO_DEVICE.token : "its token";
      return `  device       ${deviceClientId(device)}  user use-token-auth, password ${password}`;
    }),
    ...(open ? [`  device       d:${org}:<type>:<id>  user use-token-auth, any password`] : []),
    `  device       d:quickstart:<type>:<id>  no credentials; publishes iot-2/evt/<event>/fmt/json at QoS 0`,
    ...(applications.length === 0 ? [`  application  a:${org}:<name>  no credentials`] : []),
    ...applications.map(({ key }) => {
      const password = apiKey ? apiKey.token : "its token";
      return `  application  a:${org}:<name>  user a-${org}-${key}, password ${password}`;
    }),
    `  application  a:quickstart:<name>  no credentials`,
    ...(apiKey
      ? ["  The platform made this API key, because other machines can reach it; --application sets another one."]
      : []),
    ...(!open && devices.length === 0
      ? [`  No device of ${org} can connect: use --device TYPE:ID:TOKEN or --open.`]
      : []),
  ];
}
