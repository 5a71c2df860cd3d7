// A command as the page's form sends it: checked here, word by word, since the form is not the only one that can send.

import { MAX_PAYLOAD } from "../platform/frames.ts";
import { isLevel } from "../platform/identity.ts";
import type { QoS } from "../platform/platform.ts";

export interface Order {
  readonly device: string;
  readonly command: string;
  readonly format: string;
  readonly payload: Buffer;
  readonly qos: QoS;
}

/** The text says what is wrong, for the person at the form. */
export class OrderError extends Error {}

/** Characters of a command id or a format. */
const LONGEST_NAME = 100;

export function parseOrder(text: string): Order {
  const { device, command, format = "json", payload = "{}", qos = 1 } = Object(json(text, "the request"));
  if (typeof device !== "string") throw new OrderError("a device is missing");
  if (typeof payload !== "string") throw new OrderError("the payload is not text");
  if (format === "json") json(payload, "the payload");
  const bytes = Buffer.from(payload);
  if (bytes.length > MAX_PAYLOAD) throw new OrderError(`the payload is larger than ${MAX_PAYLOAD} bytes`);
  if (qos !== 0 && qos !== 1 && qos !== 2) throw new OrderError("QoS is 0, 1 or 2");
  return { device, command: name("command", command), format: name("format", format), payload: bytes, qos };
}

function name(what: string, value: unknown): string {
  if (typeof value === "string" && value.length <= LONGEST_NAME && isLevel(value)) return value;
  throw new OrderError(`the ${what} is 1 to ${LONGEST_NAME} characters without / + # and control characters`);
}

function json(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OrderError(`${what} is not JSON: ${(error as Error).message}`);
  }
}
