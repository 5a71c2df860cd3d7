// Device management over HTTP, for applications (docs/protocol.md 7.3): starts actions and reports how they end. The paths
// and the body of a request are those of the REST API; the answers have what this platform knows.

import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { Refusal, read } from "./http-request.ts";
import { deviceClientId, isName } from "./identity.ts";
import { type ActionOutcome, type Parameter, plan } from "./management/actions.ts";
import { isObject, type Json, shown } from "./management/checks.ts";
import { type ActionTimeouts, ManagementRefusal } from "./management/managed-device.ts";
import type { Management } from "./management.ts";

interface DeviceResult {
  readonly typeId: string;
  readonly deviceId: string;
  complete: boolean;
  status: ActionOutcome["status"] | "refused" | "pending";
  rc?: number | undefined;
  message: string;
  fields?: ActionOutcome["fields"] | undefined;
}

interface StartedRequest {
  readonly org: string;
  readonly action: string;
  readonly started: string;
  updated: string;
  readonly results: readonly DeviceResult[];
}

/** docs/protocol.md 7.3. */
const MAX_DEVICES = 5000;
/** Bytes; so many devices fit. */
const MAX_BODY = 1024 * 1024;
/** Requests that are kept; the oldest complete one goes. */
const MAX_REQUESTS = 200;
const MAX_TIMEOUT_SECS = 86_400;

const REQUESTS = /^\/api\/v0002\/mgmt\/requests(?:\/([0-9a-f-]{36})(\/deviceStatus)?)?$/;
const STATE = /^\/api\/v0002\/device\/types\/([^/]+)\/devices\/([^/]+)\/mgmt$/;

export class ManagementHttp {
  readonly #management: Management;
  readonly #requests = new Map<string, StartedRequest>();

  constructor(management: Management) {
    this.#management = management;
  }

  serves(url: string): boolean {
    return REQUESTS.test(url) || STATE.test(url);
  }

  /** @throws Refusal */
  checkMethod({ url = "", method = "" }: IncomingMessage): void {
    const [, reqId, status] = REQUESTS.exec(url) ?? [];
    const allowed = STATE.test(url) || status ? ["GET"] : reqId ? ["GET", "DELETE"] : ["POST"];
    if (!allowed.includes(method)) throw new Refusal(405, `only ${allowed.join(" and ")}`);
  }

  /** @throws Refusal */
  async answer(request: IncomingMessage, response: ServerResponse, org: string): Promise<void> {
    const url = request.url!;
    const [, type, id] = STATE.exec(url) ?? [];
    if (type !== undefined) return send(response, 200, this.#state(org, type, id!));
    const [, reqId, status] = REQUESTS.exec(url)!;
    if (reqId === undefined) {
      const body = await read(request, MAX_BODY);
      return send(response, 202, { reqId: this.#start(org, body.toString()) });
    }
    const started = this.#requests.get(reqId);
    if (started?.org !== org) throw new Refusal(404, "no such request");
    if (request.method === "DELETE") {
      this.#requests.delete(reqId);
      response.writeHead(204).end();
    } else if (status) send(response, 200, { results: started.results });
    else {
      const { action, started: begun, updated, results } = started;
      const complete = isComplete(started);
      send(response, 200, { id: reqId, action, complete, deviceCount: results.length, started: begun, updated });
    }
  }

  #state(org: string, type: string, id: string): unknown {
    if (!isName(type) || !isName(id)) throw new Refusal(404, "no such device");
    const { managedUntil, ...state } = this.#management.state(deviceClientId({ org, type, id }));
    return {
      ...state,
      ...(managedUntil === undefined ? {} : { dormantDateTime: new Date(managedUntil).toISOString() }),
    };
  }

  #start(org: string, body: string): string {
    const { action, parameters, devices, timeouts, unanswered } = parseBody(body);
    const actionPlan = planned(action, parameters, unanswered);
    this.#makeRoom();
    const started = new Date().toISOString();
    const results = devices.map(device => ({ ...device, complete: false, status: "pending" as const, message: "" }));
    const request: StartedRequest = { org, action, started, updated: started, results };
    for (const result of results as DeviceResult[]) {
      const { typeId, deviceId } = result;
      const over = (change: Omit<DeviceResult, "typeId" | "deviceId" | "complete">) => {
        request.updated = new Date().toISOString();
        Object.assign(result, change, { complete: true });
      };
      try {
        const clientId = deviceClientId({ org, type: typeId, id: deviceId });
        this.#management
          .start(clientId, actionPlan, timeouts)
          .then(({ status, rc, text, fields }) => over({ status, rc, message: text, fields }));
      } catch (error) {
        if (!(error instanceof ManagementRefusal)) throw error;
        if (devices.length === 1) throw new Refusal(409, error.message);
        over({ status: "refused", message: error.message });
      }
    }
    const reqId = randomUUID();
    this.#requests.set(reqId, request);
    return reqId;
  }

  #makeRoom(): void {
    if (this.#requests.size < MAX_REQUESTS) return;
    const done = [...this.#requests].find(([, request]) => isComplete(request));
    if (!done) throw new Refusal(503, `${MAX_REQUESTS} requests are under way`);
    this.#requests.delete(done[0]);
  }
}

function isComplete({ results }: StartedRequest): boolean {
  return results.every(({ complete }) => complete);
}

function planned(action: string, parameters: readonly Parameter[], unanswered: boolean) {
  try {
    return plan(action, parameters, { unanswered });
  } catch (error) {
    if (error instanceof TypeError) throw new Refusal(400, error.message);
    throw error;
  }
}

interface Body {
  readonly action: string;
  readonly parameters: readonly Parameter[];
  readonly devices: readonly { readonly typeId: string; readonly deviceId: string }[];
  /** `answerSecs`, `completeSecs`: of this platform only, as is `unanswered`. */
  readonly timeouts: ActionTimeouts;
  readonly unanswered: boolean;
}

function parseBody(text: string): Body {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new Refusal(400, "the body is not JSON");
  }
  if (!isObject(body)) throw new Refusal(400, `the body must be an object, not ${shown(body)}`);
  const { action, parameters = [], devices, answerSecs, completeSecs, unanswered = false, ...others } = body;
  for (const name of Object.keys(others)) throw new Refusal(400, `unknown member ${shown(name)}`);
  if (typeof action !== "string") throw new Refusal(400, `action must be a string, not ${shown(action)}`);
  if (typeof unanswered !== "boolean")
    throw new Refusal(400, `unanswered must be true or false, not ${shown(unanswered)}`);
  return {
    action,
    parameters: listOf("parameters", parameters, 0).map(entry => {
      if (typeof entry.name !== "string") throw new Refusal(400, `a parameter has no name: ${shown(entry)}`);
      return { name: entry.name, value: entry.value };
    }),
    devices: listOf("devices", devices, 1).map(({ typeId, deviceId }) => {
      if (typeof typeId === "string" && isName(typeId) && typeof deviceId === "string" && isName(deviceId)) {
        return { typeId, deviceId };
      }
      throw new Refusal(400, `a device has typeId and deviceId, not ${shown({ typeId, deviceId })}`);
    }),
    timeouts: { ...timeout("answer", answerSecs), ...timeout("complete", completeSecs) },
    unanswered,
  };
}

function timeout(name: "answer" | "complete", secs: unknown): ActionTimeouts {
  if (secs === undefined) return {};
  if (typeof secs === "number" && secs > 0 && secs <= MAX_TIMEOUT_SECS) return { [`${name}Ms`]: secs * 1000 };
  throw new Refusal(400, `${name}Secs must be a number above 0 and at most ${MAX_TIMEOUT_SECS}, not ${shown(secs)}`);
}

function listOf(name: string, value: unknown, least: number): Json[] {
  if (!Array.isArray(value) || value.length < least || value.length > MAX_DEVICES || !value.every(isObject)) {
    throw new Refusal(400, `${name} must be an array of ${least} to ${MAX_DEVICES} objects, not ${shown(value)}`);
  }
  return value;
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
