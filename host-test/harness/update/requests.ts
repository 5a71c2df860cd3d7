// Starts an action on a device through the REST API of the platform (docs/protocol.md 7.3), and waits for its end.

import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import type { MqttOptions } from "../../../targets/node/index.ts";
import type { DeviceName } from "../cli/device-name.ts";
import { CommandError } from "../cli/errors.ts";

export interface Operator {
  readonly org: string;
  /** Where applications connect; the REST API has the same credentials. */
  readonly mqtt: MqttOptions;
}

/** As the platform reports it. */
interface DeviceStatus {
  readonly complete?: boolean;
  /** The local platform: "done" for success. WIoTP: 0. */
  readonly status?: unknown;
  readonly message?: string;
}

const REQUESTS = "/api/v0002/mgmt/requests";
const POLL_MS = 250;
const ANSWER_MS = 30_000;
const MOST_BYTES = 1 << 20;

/** @throws CommandError saying what became of the action */
export async function runAction(
  operator: Operator,
  action: string,
  { type, id }: DeviceName,
  parameters: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const started = await call(operator, signal, "POST", REQUESTS, {
    action,
    parameters: Object.entries(parameters).map(([name, value]) => ({ name, value })),
    devices: [{ typeId: type, deviceId: id }],
  });
  const { reqId } = started as { reqId?: unknown };
  if (typeof reqId !== "string" || !/^[\w-]{1,64}$/.test(reqId))
    throw new CommandError(`${action}: the platform gave no reqId`);
  for (;;) {
    await wait(POLL_MS, undefined, { signal });
    const answer = (await call(operator, signal, "GET", `${REQUESTS}/${reqId}/deviceStatus`)) as {
      results?: readonly DeviceStatus[];
    };
    const [device] = answer.results ?? [];
    if (!device?.complete) continue;
    if (device.status === 0 || device.status === "done") return;
    throw new CommandError(
      `${action} ${device.status === undefined ? "failed" : device.status}: ${device.message ?? ""}`,
    );
  }
}

/** `https://ORG.DOMAIN` for a platform with a domain; else the port that MQTT uses too, as the local platform has it. */
export function restUrl({ org, mqtt: { endpoint } }: Operator): string {
  const { host, port, tls } = endpoint;
  const messaging = `${org}.messaging.`;
  if (host.startsWith(messaging)) return `https://${org}.${host.slice(messaging.length)}`;
  return `http${tls ? "s" : ""}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function call(operator: Operator, signal: AbortSignal, method: string, path: string, body?: unknown): Promise<unknown> {
  const { username, password, endpoint } = operator.mqtt;
  const base = restUrl(operator);
  const text = body === undefined ? "" : JSON.stringify(body);
  const headers = {
    ...(text && { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
    ...(username !== undefined && {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
    }),
  };
  const ca = endpoint.tls?.ca;
  const options = { method, headers, signal, timeout: ANSWER_MS, ...(ca && { ca: Buffer.from(ca) }) };
  return new Promise((resolve, reject) => {
    const failed = (reason: string) => reject(new CommandError(`cannot ask ${base}: ${reason}`));
    const request = (base.startsWith("https:") ? requestHttps : requestHttp)(`${base}${path}`, options, response => {
      let answer = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        answer += part;
        if (answer.length > MOST_BYTES) request.destroy(new Error("an answer without end"));
      });
      response.on("error", error => failed(error.message));
      response.on("end", () => {
        const { statusCode = 0 } = response;
        if (statusCode < 200 || statusCode > 299) return failed(`${statusCode} ${answer.slice(0, 200)}`.trim());
        try {
          resolve(JSON.parse(answer));
        } catch {
          failed("the answer is not JSON");
        }
      });
    });
    request.on("timeout", () => request.destroy(new Error("no answer")));
    request.on("error", error => (signal.aborted ? reject(error) : failed(error.message)));
    request.end(text);
  });
}
