// Actions that an operator starts on a device, as sequences of requests (docs/protocol.md 7.3, 7.4). A flow yields what it
// needs next, and is resumed with what came of it. It knows no time and no transport.

import { attributeFault, FIRMWARE_PARAMETERS, type Field, ROOTS } from "./attributes.ts";
import { isId, shown } from "./checks.ts";
import { type Accepted, type Condition, statusText } from "./firmware-states.ts";
import type { Answer, Supports } from "./messages.ts";

/** As in the REST API: `{"name": "version", "value": "1.3.0"}`. */
export interface Parameter {
  readonly name: string;
  readonly value?: unknown;
}

/** The end of an action. */
export interface ActionOutcome {
  readonly action: string;
  /**
   * `done`: the device has finished it. `failed`: the device refused it or could not do it. `timeout`: no answer, or it did
   * not finish in time.
   */
  readonly status: "done" | "failed" | "timeout";
  /** The last code of the device; absent if it gave none. */
  readonly rc?: number;
  /** For people: what happened. */
  readonly text: string;
  /** What the device answered to observe: attributes by name. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

export type Result = Omit<ActionOutcome, "action">;

/** A request to the device. */
export interface ServerRequest {
  /** Below `iotdm-1/`. */
  readonly topic: string;
  readonly fields?: readonly Field[];
  /** The code of success. */
  readonly good: number;
  /** Whether a code of failure is allowed. */
  readonly bad: (rc: number) => boolean;
  /** Firmware changes that the device may notify after success. */
  readonly accepts?: Accepted;
  /** True: no reqId, so that the device must not answer. */
  readonly unanswered?: boolean;
}

export type Step = { readonly request: ServerRequest } | { readonly wait: "manage" | "firmware" };

export type Reply =
  | Answer
  | { readonly kind: "manage" }
  /** A notify changed mgmt.firmware. */
  | {
      readonly kind: "firmware";
      readonly before: Condition;
      readonly after: Condition;
      readonly told: Partial<Condition>;
    }
  | { readonly kind: "timeout"; readonly text: string }
  /** mgmt.firmware is no longer observed. */
  | { readonly kind: "cancelled"; readonly text: string };

export type Flow = Generator<Step, Result, Reply>;

/** An action that is legal, and what the device must claim for it. */
export interface Plan {
  readonly action: string;
  /** What `supports` lacks; undefined: nothing. */
  lacks(supports: Supports): string | undefined;
  /** True: it uses mgmt.firmware, as only one action at a time may. */
  readonly firmware: boolean;
  /** Attributes that it observes. */
  readonly observes: readonly string[];
  flow(): Flow;
}

export interface PlanOptions {
  /** Device updates only: without reqId, so that the device must not answer. Default false. */
  readonly unanswered?: boolean;
}

/** Attributes in one observe or cancel. */
const MAX_FIELDS = 32;

const only =
  (...codes: readonly number[]) =>
  (rc: number) =>
    codes.includes(rc);

const FIRMWARE = "mgmt.firmware";

/**
 * @param action `device/reboot`, `device/factoryReset`, `firmware/download`, `firmware/update`, `<bundleId>/<actionId>`;
 * and of this platform only: `device/observe`, `device/cancel`, `device/update`, whose parameters are attributes
 * @throws TypeError for an action or parameter that is not legal
 */
export function plan(action: string, parameters: readonly Parameter[] = [], options: PlanOptions = {}): Plan {
  const base = { action, firmware: false, observes: [], lacks: () => undefined };
  const make = (rest: Partial<Plan> & Pick<Plan, "flow">): Plan => ({ ...base, ...rest });
  switch (action) {
    case "device/reboot":
    case "device/factoryReset":
      if (parameters.length > 0) throw new TypeError(`${action} takes no parameters`);
      return make({
        lacks: deviceActions,
        flow: () => restart(action === "device/reboot" ? "reboot" : "factory_reset"),
      });
    case "firmware/download":
    case "firmware/update": {
      const values = firmwareValues(parameters);
      const flow = () => firmware(action === "firmware/download" ? "download" : "update", values);
      return make({ lacks: firmwareActions, firmware: true, flow });
    }
    case "device/observe": {
      const fields = names(parameters);
      return make({ observes: fields, flow: () => observe(fields) });
    }
    case "device/cancel": {
      const fields = names(parameters);
      return make({ flow: () => cancel(fields) });
    }
    case "device/update": {
      const fields = attributes(parameters);
      return make({ flow: () => update(fields, options.unanswered ?? false) });
    }
    default: {
      const [bundle, id] = customAction(action);
      const fields = parameters.map(parameterField);
      const lacks = ({ bundles }: Supports) => (bundles.includes(bundle) ? undefined : bundle);
      return make({ lacks, flow: () => custom(`mgmt/custom/${bundle}/${id}`, fields) });
    }
  }
}

const deviceActions = (supports: Supports) => (supports.deviceActions ? undefined : "deviceActions");
const firmwareActions = (supports: Supports) => (supports.firmwareActions ? undefined : "firmwareActions");

// --- flows ---

function* restart(name: "reboot" | "factory_reset"): Flow {
  const reply = yield* ask({ topic: `mgmt/initiate/device/${name}`, good: 202, bad: only(500, 501) });
  if (!succeeded(reply, 202)) return failure(reply);
  const end = yield { wait: "manage" };
  if (end.kind === "timeout") return unfinished(end.text);
  return { status: "done", rc: 202, text: "the device accepted it and has sent manage" };
}

function* firmware(kind: "download" | "update", values: Readonly<Record<string, string>>): Flow {
  if (Object.keys(values).length > 0) {
    // IBM's platform sends these members too before a download. The device decides what its state is.
    const begin = kind === "download" ? { state: 0, updateStatus: 0, updatedDateTime: "" } : {};
    const reply = yield* ask(deviceUpdate([{ field: FIRMWARE, value: { ...values, ...begin } }]));
    if (!succeeded(reply, 204)) return failure(reply);
  }
  const observed = yield* ask(observation([FIRMWARE]));
  if (!succeeded(observed, 200)) return failure(observed);
  const topic = `mgmt/initiate/firmware/${kind}`;
  const reply = yield* ask({ topic, good: 202, bad: only(400, 500, 501), accepts: kind });
  if (!succeeded(reply, 202)) {
    yield* ask(cancellation([FIRMWARE]));
    return failure(reply);
  }
  for (;;) {
    const reply = yield { wait: "firmware" };
    if (reply.kind === "cancelled") return { status: "failed", rc: 202, text: reply.text };
    const result = kind === "download" ? downloadResult(reply) : updateResult(reply);
    if (!result) continue;
    yield* ask(cancellation([FIRMWARE]));
    return { ...result, rc: 202 };
  }
}

/** Undefined: not at its end. */
function downloadResult(reply: Reply): Result | undefined {
  if (reply.kind === "timeout") return unfinished(reply.text);
  if (reply.kind !== "firmware") return undefined;
  const { after, told } = reply;
  if (after.state === 2) return { status: "done", text: "downloaded" };
  if (after.state === 0 && (told.updateStatus ?? 0) > 1)
    return { status: "failed", text: statusText(after.updateStatus) };
  if (after.state === 0 && reply.before.state === 1)
    return { status: "failed", text: "the device went back to state 0" };
  return undefined;
}

function updateResult(reply: Reply): Result | undefined {
  if (reply.kind === "timeout") return unfinished(reply.text);
  if (reply.kind !== "firmware") return undefined;
  const { before, after, told } = reply;
  if ((told.updateStatus ?? 0) > 1) return { status: "failed", text: statusText(after.updateStatus) };
  const changed = before.state !== after.state || before.updateStatus !== after.updateStatus;
  if (changed && after.state === 0 && after.updateStatus === 0) return { status: "done", text: "installed" };
  return undefined;
}

function unfinished(text: string): Result {
  return { status: "timeout", rc: 202, text: `the device accepted it, but ${text}` };
}

function* observe(names: readonly string[]): Flow {
  const reply = yield* ask(observation(names));
  if (!succeeded(reply, 200)) return failure(reply);
  const fields = Object.fromEntries(reply.fields.map(({ field, value }) => [field, value]));
  return { status: "done", rc: 200, text: "observed", fields };
}

function* cancel(names: readonly string[]): Flow {
  const reply = yield* ask(cancellation(names));
  return succeeded(reply, 200) ? { status: "done", rc: 200, text: "cancelled" } : failure(reply);
}

function* update(fields: readonly Field[], unanswered: boolean): Flow {
  const reply = yield* ask({ ...deviceUpdate(fields), unanswered });
  if (unanswered) return { status: "done", text: "sent without reqId" };
  return succeeded(reply, 204) ? { status: "done", rc: 204, text: "changed" } : failure(reply);
}

function* custom(topic: string, fields: readonly Field[]): Flow {
  const request = { topic, ...(fields.length > 0 ? { fields } : {}), good: 200, bad: (rc: number) => rc >= 400 };
  const reply = yield* ask(request);
  return succeeded(reply, 200) ? { status: "done", rc: 200, text: reply.message ?? "done" } : failure(reply);
}

function* ask(request: ServerRequest): Generator<Step, Reply, Reply> {
  return yield { request };
}

const deviceUpdate = (fields: readonly Field[]): ServerRequest => ({
  topic: "device/update",
  fields,
  good: 204,
  bad: only(400, 404, 500),
});

const observation = (names: readonly string[]): ServerRequest => ({
  topic: "observe",
  fields: names.map(field => ({ field })),
  good: 200,
  bad: only(404, 500),
});

const cancellation = (names: readonly string[]): ServerRequest => ({
  topic: "cancel",
  fields: names.map(field => ({ field })),
  good: 200,
  bad: () => false,
});

function succeeded(reply: Reply, rc: number): reply is Answer {
  return reply.kind === "response" && reply.rc === rc;
}

function failure(reply: Reply): Result {
  if (reply.kind === "timeout") return { status: "timeout", text: reply.text };
  const { rc, message, fields } = reply as Answer;
  const named = fields.length > 0 ? ` (${fields.map(({ field }) => field).join(", ")})` : "";
  return { status: "failed", rc, text: `the device answered ${rc}${message ? `: ${message}` : ""}${named}` };
}

// --- what an operator may ask for ---

function firmwareValues(parameters: readonly Parameter[]): Readonly<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const { name, value } of parameters) {
    if (!FIRMWARE_PARAMETERS.includes(name)) {
      throw new TypeError(`a parameter of firmware is one of ${FIRMWARE_PARAMETERS.join(", ")}, not ${shown(name)}`);
    }
    if (typeof value !== "string") throw new TypeError(`${name} must be a string, not ${shown(value)}`);
    values[name] = value;
  }
  return values;
}

function names(parameters: readonly Parameter[]): string[] {
  if (parameters.length === 0 || parameters.length > MAX_FIELDS) {
    throw new TypeError(`1 to ${MAX_FIELDS} attributes are needed, not ${parameters.length}`);
  }
  for (const { name } of parameters) if (!isId(name)) throw new TypeError(`${shown(name)} cannot be an attribute`);
  return parameters.map(({ name }) => name);
}

function attributes(parameters: readonly Parameter[]): Field[] {
  names(parameters);
  return parameters.map(({ name, value }) => {
    if (!ROOTS.some(root => root === name)) {
      throw new TypeError(`an operator sets one of ${ROOTS.join(", ")}, not ${shown(name)}`);
    }
    const field = { field: name, value };
    const fault = attributeFault(field);
    if (fault) throw new TypeError(fault);
    return field;
  });
}

function customAction(action: string): [bundle: string, id: string] {
  const [bundle, id, ...rest] = action.split("/");
  if (!isId(bundle) || !isId(id) || rest.length > 0 || bundle === "device" || bundle === "firmware") {
    const known = "device/reboot, device/factoryReset, firmware/download, firmware/update";
    throw new TypeError(`an action is ${known} or <bundleId>/<actionId>, not ${shown(action)}`);
  }
  return [bundle, id];
}

function parameterField({ name, value }: Parameter): Field {
  if (!isId(name)) throw new TypeError(`a parameter name is 1 to 255 of A-Z a-z 0-9 - _ ., not ${shown(name)}`);
  if (value === undefined) throw new TypeError(`parameter ${name} has no value`);
  return { field: name, value };
}
