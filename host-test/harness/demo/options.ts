// Command line of `npm start`.

import { resolve } from "node:path";
import { ConfigurationException, type DeviceOptions, parseConfigFile } from "../../../dist/node.js";
import { address, oneOf, parse, qualityOfService, whole } from "../cli/args.ts";
import { UsageError } from "../cli/errors.ts";

export const HELP = `npm start -- [options]

Starts a local platform, a device that runs the built bundle, and an application that receives the device's events and
sends it commands. Ends with Ctrl-C.

  --events N             end with exit code 0 when the application has received N events and the device has handled both
                         commands, else with exit code 1 and the reason
  --timeout SECONDS      with --events: end with exit code 1 when no event arrives for this long (default 30)
  --engine node|xs       run the device in this process, or in an XS engine (default node)
  --qos 0|1|2            of events and commands (default 1; 0 for org quickstart)
  --managed              a managed device: an operator restarts it and updates its firmware, which it only pretends; with
                         --events N it ends when that is done, too
  --broker mqtt://HOST:PORT
                         use this MQTT broker, without TLS, instead of the local platform
  --config FILE          device ini file: [device] org, type, id, auth-method, auth-token, clean-session, and domain,
                         host, port, tls; without host and domain, the local platform registers this device
  --help                 this text
`;

export interface Settings {
  help: boolean;
  /** 0: no limit. */
  events: number;
  timeoutMs: number;
  engine: "node" | "xs";
  qos: 0 | 1 | 2 | undefined;
  managed: boolean;
  broker: { host: string; port: number } | undefined;
  config: DeviceOptions | undefined;
}

const OPTIONS = {
  events: { type: "string" },
  timeout: { type: "string" },
  engine: { type: "string" },
  qos: { type: "string" },
  managed: { type: "boolean" },
  broker: { type: "string" },
  config: { type: "string" },
  help: { type: "boolean" },
} as const;

export function parseOptions(args: string[]): Settings {
  const { values } = parse(args, OPTIONS);
  if (values.managed && values.broker !== undefined) {
    throw new UsageError("--managed needs the local platform: leave out --broker");
  }
  return {
    help: values.help === true,
    events: whole("--events", values.events, 1, 1_000_000) ?? 0,
    timeoutMs: 1000 * (whole("--timeout", values.timeout, 1, 86_400) ?? 30),
    engine: oneOf("--engine", values.engine, ["node", "xs"]) ?? "node",
    qos: qualityOfService(values.qos),
    managed: values.managed === true,
    broker: values.broker === undefined ? undefined : brokerAddress(values.broker),
    config: values.config === undefined ? undefined : readConfig(values.config),
  };
}

function brokerAddress(text: string): { host: string; port: number } {
  const { host, port, tls } = address("--broker", text);
  if (tls) {
    throw new UsageError(
      "--broker takes mqtt://host:port, without TLS; for TLS, name host, port and tls in a file: --config FILE",
    );
  }
  return { host, port };
}

function readConfig(path: string): DeviceOptions {
  try {
    // npm runs scripts in the folder of the project; INIT_CWD is the folder of the user.
    return parseConfigFile(resolve(process.env.INIT_CWD ?? "", path));
  } catch (error) {
    if (error instanceof ConfigurationException) throw new UsageError(error.message);
    throw error;
  }
}
