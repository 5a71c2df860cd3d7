// `iotf-embedded send`: one command to one device.

import { isLevel } from "../platform/identity.ts";
import { printableJson } from "../platform/printable.ts";
import { Application } from "./application.ts";
import { parse, qualityOfService, whole } from "./args.ts";
import type { Command } from "./command.ts";
import { deviceName } from "./device-name.ts";
import { UsageError } from "./errors.ts";
import { findTarget, TARGET_HELP, TARGET_OPTIONS } from "./target.ts";

const HELP = `Usage: iotf-embedded send <device> <command> [payload] [options]

Sends a command and ends when the platform has it. A device that is not connected gets it later only if it has a
durable session.

  <device>                TYPE:ID, as thermo:t-01
  <command>               its id, as setInterval
  [payload]               JSON (default {}); with another --format than json any text

  --format FORMAT         default json
  --qos 0|1|2             default 1
  --timeout SECONDS       to connect, and then to send (default 30)
  --json                  the result as a JSON object
  --help                  show this

${TARGET_HELP}`;

const OPTIONS = {
  ...TARGET_OPTIONS,
  format: { type: "string", default: "json" },
  qos: { type: "string" },
  timeout: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

export const send: Command = {
  name: "send",
  summary: "send a command to a device",
  help: HELP,
  async run(args, io) {
    const { values, words } = parse(args, OPTIONS, ["<device>", "<command>", "[payload]"]);
    const target = findTarget(values, io.env);
    const [device, command, payload = "{}"] = words;
    if (device === undefined || command === undefined) throw new UsageError("a device and a command are needed");
    const { type, id } = deviceName(device, target.org);
    const { format } = values;
    for (const level of [command, format]) {
      if (!isLevel(level))
        throw new UsageError(`'${level}' cannot be part of a topic: no / + # and control characters`);
    }
    if (format === "json") checkJson(payload);
    const qos = qualityOfService(values.qos) ?? 1;
    const patienceMs = 1000 * (whole("--timeout", values.timeout, 1, 86_400) ?? 30);
    const application = await Application.connect(target, io.signal, patienceMs);
    try {
      const topic = `iot-2/type/${type}/id/${id}/cmd/${command}/fmt/${format}`;
      await application.publish(topic, Buffer.from(payload), qos);
    } finally {
      await application.close();
    }
    const client = `d:${target.org}:${type}:${id}`;
    const sent = { time: new Date().toISOString(), what: "sent", client, command, format, qos };
    io.stdout.write(values.json ? `${printableJson(sent)}\n` : `sent ${command} to ${client}\n`);
    return 0;
  },
};

function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new UsageError(`the payload is not JSON (${(error as Error).message}); is it quoted for the shell?`);
  }
}
