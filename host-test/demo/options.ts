// The command line of `npm start`: what was asked for, or one line saying what is wrong with it.

import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { ConfigurationException, type DeviceOptions, parseConfigFile } from "../../dist/node.js";

export const HELP = `npm start -- [options]

Starts a local platform, a device that runs the built bundle, and an application that watches the device's events and
sends it commands. Ends with Ctrl-C.

  --events N             stop with exit code 0 when the application has received N events and the device has handled
                         both commands; else with exit code 1 and the reason
  --timeout SECONDS      with --events: give up when no event arrives for this long (default 30)
  --engine node|xs       where the device runs: in this process, or in a real XS engine (default node)
  --qos 0|1|2            of events and commands (default 1; 0 for org quickstart)
  --broker mqtt://HOST:PORT
                         use this MQTT broker instead of the local platform
  --config FILE          device ini file: [device] org, type, id, auth-method, auth-token, clean-session, and domain,
                         host, port, tls; without host and domain, the local platform learns of this device
  --help                 this text
`;

/** Something about the command line is wrong; the text says what, in one line. */
export class UsageError extends Error {}

export interface Settings {
  help: boolean;
  /** 0: until Ctrl-C. */
  events: number;
  timeoutMs: number;
  engine: "node" | "xs";
  qos: 0 | 1 | 2 | undefined;
  broker: { host: string; port: number } | undefined;
  config: DeviceOptions | undefined;
}

export function parseOptions(args: string[]): Settings {
  const values = split(args);
  return {
    help: values.help === true,
    events: whole("--events", values.events, 1, 1_000_000) ?? 0,
    timeoutMs: 1000 * (whole("--timeout", values.timeout, 1, 86_400) ?? 30),
    engine: oneOf("--engine", values.engine, ["node", "xs"]) ?? "node",
    qos: qualityOfService(values.qos),
    broker: values.broker === undefined ? undefined : brokerAddress(values.broker),
    config: values.config === undefined ? undefined : readConfig(values.config),
  };
}

function split(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        events: { type: "string" },
        timeout: { type: "string" },
        engine: { type: "string" },
        qos: { type: "string" },
        broker: { type: "string" },
        config: { type: "string" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.split(". ")[0]);
  }
}

function whole(name: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`${name} must be a whole number ${least}..${most}, not '${text}'`);
}

function oneOf<T extends string>(name: string, text: string | undefined, choices: readonly T[]): T | undefined {
  if (text === undefined) return undefined;
  const found = choices.find(choice => choice === text);
  if (found === undefined) throw new UsageError(`${name} must be one of ${choices.join(", ")}, not '${text}'`);
  return found;
}

function qualityOfService(text: string | undefined): 0 | 1 | 2 | undefined {
  const level = oneOf("--qos", text, ["0", "1", "2"]);
  return level === undefined ? undefined : (Number(level) as 0 | 1 | 2);
}

function brokerAddress(text: string): { host: string; port: number } {
  const match = /^mqtt:\/\/(\[[0-9a-fA-F:]+\]|[^:/@[\]]+)(?::(\d{1,5}))?\/?$/.exec(text);
  const port = Number(match?.[2] ?? 1883);
  if (!match || port < 1 || port > 65535) throw new UsageError(`--broker must be mqtt://host:port, not '${text}'`);
  return { host: match[1]!.replace(/^\[|\]$/g, ""), port };
}

function readConfig(path: string): DeviceOptions {
  try {
    // npm runs scripts in the project's folder; the path is relative to where the user is.
    return parseConfigFile(resolve(process.env.INIT_CWD ?? "", path));
  } catch (error) {
    if (error instanceof ConfigurationException) throw new UsageError(error.message);
    throw error;
  }
}
