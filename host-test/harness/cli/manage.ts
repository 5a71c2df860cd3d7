// `iotf-embedded manage`: one action on a managed device, or what it told.

import { deviceClientId } from "../platform/identity.ts";
import { type Parameter, plan } from "../platform/management/actions.ts";
import { toNames } from "../platform/management/operator.ts";
import { printable, printableJson } from "../platform/printable.ts";
import { jsonValue, parse, whole } from "./args.ts";
import type { Command, Io } from "./command.ts";
import { deviceName } from "./device-name.ts";
import { UsageError } from "./errors.ts";
import { RestClient } from "./rest.ts";
import { findTarget, TARGET_HELP, TARGET_OPTIONS } from "./target.ts";

const HELP = `Usage: iotf-embedded manage <device> <request> [options]

Asks a managed device to do something, and ends when it has done it (exit code 0), or has refused it or not finished in
time (exit code 1).

  <device>                TYPE:ID, for example thermo:t-01

  show                    what the platform knows about the device
  reboot                  done when the device has sent manage again
  factory-reset           as reboot
  firmware-download       done when the device has downloaded and verified the image
  firmware-update         installs what was downloaded
  observe FIELD...        the device reports each change, for example of location, metadata or mgmt.firmware
  cancel FIELD...         ends that
  set FIELD JSON          changes location, metadata, deviceInfo or mgmt.firmware
  custom BUNDLE/ACTION [name=value...]
                          an action of a bundle that the device supports

  --version TEXT          firmware: offers this version
  --name TEXT             firmware: its name
  --uri URI               firmware: where the device downloads it
  --verifier TEXT         firmware: what the device checks it with
  --unanswered            set: the device must not answer
  --answer SECONDS        for each answer of the device (default 30)
  --complete SECONDS      from the acceptance of an action to its end (default 600)
  --json                  print the result as a JSON object
  --help                  show this text

${TARGET_HELP}`;

const OPTIONS = {
  ...TARGET_OPTIONS,
  version: { type: "string" },
  name: { type: "string" },
  uri: { type: "string" },
  verifier: { type: "string" },
  unanswered: { type: "boolean", default: false },
  answer: { type: "string" },
  complete: { type: "string" },
  json: { type: "boolean", default: false },
} as const;

const FIRMWARE_OPTIONS = ["version", "name", "uri", "verifier"] as const;
const MAX_SECONDS = 86_400;

type Values = ReturnType<typeof parse<typeof OPTIONS>>["values"];

/** Words of each request, for the text when they are missing. */
const REQUESTS: Readonly<Record<string, { readonly action: string; readonly words: string }>> = {
  show: { action: "", words: "" },
  reboot: { action: "device/reboot", words: "" },
  "factory-reset": { action: "device/factoryReset", words: "" },
  "firmware-download": { action: "firmware/download", words: "" },
  "firmware-update": { action: "firmware/update", words: "" },
  observe: { action: "device/observe", words: "FIELD..." },
  cancel: { action: "device/cancel", words: "FIELD..." },
  set: { action: "device/update", words: "FIELD JSON" },
  custom: { action: "", words: "BUNDLE/ACTION" },
};

export const manage: Command = {
  name: "manage",
  summary: "reboot a managed device, update its firmware, …",
  help: HELP,
  options: OPTIONS,
  async run(args, io) {
    const { values, words } = parse(args, OPTIONS, "any");
    const target = findTarget(values, io.env);
    const [device, request, ...more] = words;
    if (device === undefined || request === undefined) throw new UsageError("a device and a request are needed");
    const { type, id } = deviceName(device, target.org);
    const { action, parameters } = actionOf(request, more, values);
    const seconds = {
      answerSecs: whole("--answer", values.answer, 1, MAX_SECONDS),
      completeSecs: whole("--complete", values.complete, 1, MAX_SECONDS),
    };
    const rest = new RestClient(target, io.signal);
    const client = deviceClientId({ org: target.org, type, id });
    if (request === "show") return show(rest, client, `/api/v0002/device/types/${type}/devices/${id}/mgmt`, values, io);
    const settings = { ...seconds, ...(values.unanswered ? { unanswered: true } : {}) };
    const { done, status, rc, message, fields } = await rest.run({ action, parameters }, { type, id }, settings);
    const result = {
      time: new Date().toISOString(),
      what: "action",
      client,
      action,
      status,
      rc,
      text: message,
      fields,
    };
    const lines = [printable(`${action} ${client} ${status}: ${message}`), ...Object.entries(fields ?? {}).map(line)];
    io.stdout.write(values.json ? `${printableJson(result)}\n` : `${lines.join("\n")}\n`);
    return done ? 0 : 1;
  },
};

async function show(rest: RestClient, client: string, path: string, { json }: Values, io: Io): Promise<number> {
  const state = (await rest.ask("GET", path)) as Readonly<Record<string, unknown>>;
  if (json) {
    io.stdout.write(`${printableJson({ time: new Date().toISOString(), what: "device", client, ...state })}\n`);
  } else io.stdout.write(`${[client, ...Object.entries(state).map(line)].join("\n")}\n`);
  return 0;
}

function line([name, value]: readonly [string, unknown]): string {
  return `  ${printableJson(name).slice(1, -1).padEnd(16)} ${printableJson(value)}`;
}

function actionOf(
  request: string,
  words: readonly string[],
  values: Values,
): { action: string; parameters: Parameter[] } {
  if (!Object.hasOwn(REQUESTS, request)) {
    throw new UsageError(`a request is one of ${Object.keys(REQUESTS).join(", ")}, not '${request.slice(0, 40)}'`);
  }
  const { action, words: needed } = REQUESTS[request]!;
  if (needed === "" && words.length > 0) throw new UsageError(`too many words: ${request} takes none`);
  const enough = request === "set" ? words.length === 2 : needed === "" || words.length > 0;
  if (!enough) throw new UsageError(`${request} needs ${needed}`);
  const firmware = firmwareParameters(values);
  const [unfit] = request.startsWith("firmware-") ? [] : firmware;
  if (unfit) throw new UsageError(`--${unfit.name} is for firmware-download and firmware-update`);
  if (values.unanswered && request !== "set") throw new UsageError("--unanswered is for set");
  const result =
    request === "custom"
      ? { action: words[0]!, parameters: words.slice(1).map(parameter) }
      : { action, parameters: parametersOf(request, words, firmware) };
  if (request !== "show") check(request, result.action, result.parameters);
  return result;
}

function parametersOf(request: string, words: readonly string[], firmware: Parameter[]): Parameter[] {
  if (request === "set") return [{ name: words[0]!, value: jsonValue(`'${words[1]!.slice(0, 40)}'`, words[1]!) }];
  return request.startsWith("firmware-") ? firmware : toNames(words);
}

function firmwareParameters(values: Values): Parameter[] {
  return FIRMWARE_OPTIONS.flatMap(name => (values[name] === undefined ? [] : [{ name, value: values[name] }]));
}

function parameter(word: string): Parameter {
  const split = word.indexOf("=");
  if (split < 1) throw new UsageError(`a parameter is name=value, not '${word.slice(0, 40)}'`);
  return { name: word.slice(0, split), value: word.slice(split + 1) };
}

/** Before anything is sent. */
function check(request: string, action: string, parameters: readonly Parameter[]): void {
  if (request === "custom" && /^(device|firmware)\//.test(action)) {
    throw new UsageError(`'${action.slice(0, 40)}' is not an action of a bundle`);
  }
  try {
    plan(action, parameters);
  } catch (error) {
    throw error instanceof TypeError ? new UsageError(error.message) : error;
  }
}
