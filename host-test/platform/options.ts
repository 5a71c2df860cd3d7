// What did the user ask for on the command line of `npm run platform`?

import { parseArgs } from "node:util";
import { isName, isOrg } from "./identity.ts";
import type { DeviceEntry, PlatformOptions } from "./platform.ts";

export const HELP = `Usage: npm run platform -- [options]

A local WIoTP: devices and applications connect to it over plain MQTT 3.1.1.

  --port N                port to listen on, 0 for a free one (default 1883)
  --host ADDRESS          address to listen on (default 127.0.0.1)
  --org ORG               the organization of the devices below (default abc123)
  --device TYPE:ID:TOKEN  let this device in; repeat for more
  --open                  let any device of the organization in, whatever its token
  --help                  show this

Devices connect as d:<org>:<type>:<id>, user use-token-auth, password their token; applications as a:<org>:<name>.
Organization quickstart takes any device without credentials: events in format json at QoS 0 only.
`;

export interface CommandLine {
  readonly help: boolean;
  readonly org: string;
  readonly platform: PlatformOptions & { readonly port: number; readonly host: string };
}

/** A mistake in the command line, told in one line that never repeats a token. */
export class UsageError extends Error {}

export function parseCommandLine(args: readonly string[]): CommandLine {
  const { port, host, org, device, open, help } = parseValues(args);
  if (!isOrg(org)) throw new UsageError(`option --org: ${org} is not an organization id`);
  const devices = device.map(text => parseDevice(org, text));
  return { help, org, platform: { port: parsePort(port), host, orgs: [org], devices, open } };
}

function parseValues(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(describe(error as Error & { code?: string }));
  }
}

const OPTIONS = {
  port: { type: "string", default: "1883" },
  host: { type: "string", default: "127.0.0.1" },
  org: { type: "string", default: "abc123" },
  device: { type: "string", multiple: true, default: [] as string[] },
  open: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;

function describe({ code, message }: Error & { code?: string }): string {
  // A stray word may be the rest of a token that the shell has split, so it is not repeated.
  if (code === "ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL") return "only options are taken, no other words";
  const [first = message] = message.split(/\. |\n/);
  return first.replace(/^Unknown option '(.*)'$/, "unknown option $1");
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new UsageError(`option --port: ${text} is not a port`);
  return port;
}

// Tokens may contain colons; types and ids cannot.
function parseDevice(org: string, text: string): DeviceEntry {
  const [type = "", id = "", ...rest] = text.split(":");
  const token = rest.join(":");
  if (!isName(type) || !isName(id) || token === "") throw new UsageError("option --device takes TYPE:ID:TOKEN");
  return { org, type, id, token };
}
