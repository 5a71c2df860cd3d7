// A command, or an action of device management, as the forms of the page send it. Checked in full, because other programs
// can send requests too. The message of a Refusal is shown next to the form.

import { MAX_PAYLOAD } from "../frames.ts";
import { Refusal } from "../http-request.ts";
import { isLevel } from "../identity.ts";
import type { Parameter } from "../management/actions.ts";
import type { QoS } from "../platform.ts";

export interface CommandRequest {
  readonly device: string;
  readonly command: string;
  readonly format: string;
  readonly payload: Buffer;
  readonly qos: QoS;
}

/** Characters of a command id or a format. */
const MAX_NAME_LENGTH = 100;

export function parseCommandRequest(text: string): CommandRequest {
  const { device, command, format = "json", payload = "{}", qos = 1 } = Object(json(text, "the request"));
  if (typeof device !== "string") throw new Refusal(400, "the request has no device");
  if (typeof payload !== "string") throw new Refusal(400, "the payload is not text");
  if (format === "json") json(payload, "the payload");
  const bytes = Buffer.from(payload);
  if (bytes.length > MAX_PAYLOAD) throw new Refusal(400, `the payload is larger than ${MAX_PAYLOAD} bytes`);
  if (qos !== 0 && qos !== 1 && qos !== 2) throw new Refusal(400, "QoS is 0, 1 or 2");
  return { device, command: name("command", command), format: name("format", format), payload: bytes, qos };
}

/** An action on a managed device, as the buttons of the page send it. */
export interface ActionRequest {
  readonly device: string;
  readonly action: "device/reboot" | "firmware/download" | "firmware/update";
  readonly parameters: readonly Parameter[];
}

const ACTIONS: readonly unknown[] = ["device/reboot", "firmware/download", "firmware/update"];

export function parseActionRequest(text: string): ActionRequest {
  const { device, action, uri = "", version = "" } = Object(json(text, "the request"));
  if (typeof device !== "string") throw new Refusal(400, "the request has no device");
  if (!ACTIONS.includes(action)) throw new Refusal(400, `the action is one of ${ACTIONS.join(", ")}`);
  const parameters = Object.entries({ uri, version }).flatMap(([name, value]) => {
    if (typeof value !== "string") throw new Refusal(400, `the ${name} is not text`);
    return value === "" ? [] : [{ name, value }];
  });
  return { device, action, parameters };
}

function name(what: string, value: unknown): string {
  if (typeof value === "string" && value.length <= MAX_NAME_LENGTH && isLevel(value)) return value;
  throw new Refusal(400, `the ${what} is 1 to ${MAX_NAME_LENGTH} characters without / + # and control characters`);
}

function json(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal(400, `${what} is not JSON: ${(error as Error).message}`);
  }
}
