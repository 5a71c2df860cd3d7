// What the HTTP endpoints of devices and of applications share: refusals, credentials, bodies.

import type { IncomingMessage } from "node:http";
import { MAX_PAYLOAD } from "./frames.ts";

export interface HttpCredentials {
  readonly user: string | undefined;
  readonly password: Buffer | undefined;
}

/** An answer other than 200, 202 and 204. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export function credentials(authorization: string | undefined): HttpCredentials {
  const [, encoded] = /^Basic ([A-Za-z0-9+/=]+)$/i.exec(authorization ?? "") ?? [];
  if (encoded === undefined) return { user: undefined, password: undefined };
  const bytes = Buffer.from(encoded, "base64");
  const colon = bytes.indexOf(":");
  if (colon < 0) return { user: bytes.toString(), password: undefined };
  return { user: bytes.toString("utf8", 0, colon), password: bytes.subarray(colon + 1) };
}

export async function read(request: IncomingMessage, mostBytes = MAX_PAYLOAD): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > mostBytes) throw new Refusal(413, "too large");
  }
  return Buffer.concat(chunks);
}
