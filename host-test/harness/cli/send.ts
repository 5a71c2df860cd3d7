// `iotf-embedded send`: one command to one device.

import { deviceClientId, isLevel } from "../platform/identity.ts";
import { printableJson } from "../platform/printable.ts";
import { Application } from "./application.ts";
import { jsonValue, parse, qualityOfService, whole } from "./args.ts";
import type { Command } from "./command.ts";
import { deviceName } from "./device-name.ts";
import { CommandError, UsageError } from "./errors.ts";
import { parseMonitorMessage } from "./monitor.ts";
import { PAYLOAD_OPTIONS, readPayload } from "./payload.ts";
import { findTarget, TARGET_HELP, TARGET_OPTIONS } from "./target.ts";
import { within } from "./within.ts";

const HELP = `Usage: iotf-embedded send <device> <command> [payload] [options]

Sends a command, and ends when the platform has accepted it. Says whether the device is connected: another device
receives the command later, and only if it has a durable session.

  <device>                TYPE:ID, for example thermo:t-01
  <command>               command id, for example setInterval
  [payload]               JSON (default {}); with another --format any text

  --hex HEX               payload as hexadecimal bytes, for example "00 ff"; default format bin
  --base64 TEXT           payload in base64; default format bin
  --file FILE             payload from a file; - is standard input
  --format FORMAT         format of the payload (default json)
  --qos 0|1|2             default 1
  --timeout SECONDS       to connect (default 30)
  --json                  print the result as a JSON object
  --help                  show this text

${TARGET_HELP}`;

const OPTIONS = {
  ...TARGET_OPTIONS,
  ...PAYLOAD_OPTIONS,
  format: { type: "string" },
  qos: { type: "string" },
  timeout: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

/** A platform sends the state of a device with the acknowledgement of the subscription, or never. */
const STATE_TIMEOUT_MS = 500;

/** Unknown: the platform refuses the subscription. */
type State = "connected" | "disconnected" | "never connected" | "unknown";

export const send: Command = {
  name: "send",
  summary: "send a command to a device",
  help: HELP,
  options: OPTIONS,
  async run(args, io) {
    const { values, words } = parse(args, OPTIONS, ["<device>", "<command>", "[payload]"]);
    const target = findTarget(values, io.env);
    const [device, command, word] = words;
    if (device === undefined || command === undefined) throw new UsageError("a device and a command are needed");
    const { type, id } = deviceName(device, target.org);
    const { format = values.hex === undefined && values.base64 === undefined ? "json" : "bin" } = values;
    for (const level of [command, format]) {
      if (!isLevel(level)) {
        throw new UsageError(`'${level}' cannot be a topic level: / + # and control characters are not allowed`);
      }
    }
    const qos = qualityOfService(values.qos) ?? 1;
    const timeoutMs = 1000 * (whole("--timeout", values.timeout, 1, 65_535) ?? 30);
    const payload = await readPayload(word, values, io.stdin);
    if (format === "json") jsonValue("the payload", payload.toString());
    const application = await Application.connect(target, io.signal, timeoutMs);
    const topic = `iot-2/type/${type}/id/${id}`;
    let state: State;
    try {
      state = await readState(application, `${topic}/mon`);
      await application.publish(`${topic}/cmd/${command}/fmt/${format}`, payload, qos);
    } finally {
      await application.close();
    }
    const client = deviceClientId({ org: target.org, type, id });
    const result = { time: new Date().toISOString(), what: "sent", client, command, format, qos, state };
    io.stdout.write(values.json ? `${printableJson(result)}\n` : `sent ${command} to ${client}${HINTS[state]}\n`);
    return 0;
  },
};

const HINTS: Readonly<Record<State, string>> = {
  connected: "",
  unknown: "",
  disconnected: ", which is not connected: it receives the command only if it has a durable session",
  "never connected": ", which has never connected to this platform with MQTT",
};

/** The platform retains the last connect or disconnect of each device. */
async function readState(application: Application, topic: string): Promise<State> {
  const received = new Promise<State>(resolve => {
    application.onMessage(message => {
      const kind = parseMonitorMessage(message.payload)?.kind;
      // A refused CONNECT does not change the state.
      if (kind === "connect" || kind === "disconnect") resolve(`${kind}ed`);
    });
  });
  try {
    await application.subscribe([topic]);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return "unknown"; // if the connection is lost, publish() fails
  }
  return within(STATE_TIMEOUT_MS, received, "never connected");
}
