// `iotf-embedded platform`: runs a local WIoTP until Ctrl-C and shows what happens on it.

import { once } from "node:events";
import { History } from "../page/history.ts";
import { type Happening, toJson, toLine, watchPlatform } from "../platform/happening.ts";
import { deviceClientId } from "../platform/identity.ts";
import type { Page, Platform } from "../platform/index.ts";
import { printableJson } from "../platform/printable.ts";
import type { Command, Io } from "./command.ts";
import { DEMO_DEVICE } from "./demo-device.ts";
import { CommandError } from "./errors.ts";
import { painter } from "./paint.ts";
import { paintWhat } from "./paint-what.ts";
import { type CommandLine, HELP, parseCommandLine } from "./platform-options.ts";
import { Screen } from "./screen.ts";
import { table } from "./table.ts";

/** What the table needs of a history: no numbers, no messages. */
const ROWS = { devices: 100, fields: 0, points: 0, messages: 0 };

interface Place {
  readonly platform: Platform;
  readonly page: Page | undefined;
}

export const platform: Command = {
  name: "platform",
  summary: "run a local platform",
  help: HELP,
  async run(args, io) {
    const commandLine = parseCommandLine(args);
    const place = await open(commandLine);
    const ended = once(io.signal, "abort");
    const end = commandLine.json ? tellJson(place, io) : tellPeople(commandLine, place, io);
    if (!io.signal.aborted) await ended;
    await place.page?.close();
    await place.platform.close();
    end();
    return 0;
  },
};

async function open({ platform: options, page: port }: CommandLine): Promise<Place> {
  // Loaded only here: the broker in it is large.
  const { startPage, startPlatform } = await import("../platform/index.ts");
  const platform = await startPlatform(options).catch(error => {
    throw new CommandError(`cannot listen on ${options.host}:${options.port}: ${why(error, "--port")}`);
  });
  if (port === undefined) return { platform, page: undefined };
  try {
    return { platform, page: await startPage(platform, { port }) };
  } catch (error) {
    await platform.close();
    throw new CommandError(`the page cannot listen on 127.0.0.1:${port}: ${why(error as Error, "--page")}`);
  }
}

function why(error: NodeJS.ErrnoException, option: string): string {
  if (error.code !== "EADDRINUSE") return error.message;
  return `the port is in use, by another platform perhaps; ${option} takes another one, 0 any that is free`;
}

function tellJson({ platform, page }: Place, io: Io): () => void {
  const write = (line: string) => io.stdout.write(`${line}\n`);
  const now = () => new Date().toISOString();
  write(printableJson({ time: now(), what: "listening", url: platform.url, ...(page ? { page: page.url } : {}) }));
  watchPlatform(platform, happening => write(toJson(happening)));
  return () => write(printableJson({ time: now(), what: "closed" }));
}

function tellPeople(commandLine: CommandLine, place: Place, io: Io): () => void {
  const screen = new Screen(io.stdout, tableOf(place.platform, io));
  for (const line of introduction(commandLine, place)) screen.print(line);
  const paint = paintWhat(io);
  watchPlatform(place.platform, (happening: Happening) => screen.print(toLine(happening, new Date(), paint)));
  return () => {
    screen.end();
    io.stdout.write("closed\n");
  };
}

/** The table of devices, drawn below the lines on a terminal; elsewhere none. */
function tableOf(platform: Platform, io: Io): (columns: number, rows: number) => string[] {
  if (!io.stdout.isTTY) return () => [];
  const history = new History(platform, ROWS);
  const paint = painter(io);
  return (columns, rows) => table([...history.devices.values()], columns, rows, paint);
}

function introduction({ org, platform: options }: CommandLine, { platform, page }: Place): string[] {
  const { devices = [], open } = options;
  return [
    `local WIoTP listening on ${platform.url} (Ctrl-C stops it)`,
    ...(page ? [`  page         ${page.url}`] : []),
    ...devices.map(device => {
      // The demo device's token is no secret.
      const password = device === DEMO_DEVICE ? DEMO_DEVICE.token : "its token";
      return `  device       ${deviceClientId(device)}  user use-token-auth, password ${password}`;
    }),
    ...(open ? [`  device       d:${org}:<type>:<id>  user use-token-auth, any password`] : []),
    `  device       d:quickstart:<type>:<id>  no credentials; publishes iot-2/evt/<event>/fmt/json at QoS 0`,
    `  application  a:${org}:<name> or a:quickstart:<name>  no credentials`,
    ...(!open && devices.length === 0
      ? [`  No device of ${org} can connect: use --device TYPE:ID:TOKEN or --open.`]
      : []),
  ];
}
