// The server's half of device management for one device: answers its requests, runs the operator's actions, and reports
// what breaks the rules of docs/protocol.md 7. It has no clock and no transport of its own: the local platform and the
// platform of a test bring theirs.

import type { ActionOutcome, Flow, Plan, Reply, Result, ServerRequest, Step } from "./actions.ts";
import { attributeFault, FIRMWARE_PARAMETERS, type Field, store } from "./attributes.ts";
import { isObject, type Json, shown } from "./checks.ts";
import { type Accepted, type Condition, transitionFault } from "./firmware-states.ts";
import { type Answer, type DeviceRequest, MessageFault, parseMessage } from "./messages.ts";
import { DeviceRecord, MAX_METADATA, MAX_OBSERVED, type ManagementState } from "./record.ts";

/** What device management needs of the platform around it. */
export interface ManagementHost {
  /** Milliseconds. */
  now(): number;
  /** Publishes to the device at QoS 1. */
  send(topic: string, payload: string): void;
  /** Calls `due` after `ms`, unless the returned function is called before. */
  later(ms: number, due: () => void): () => void;
  /** The device broke a rule; its connection stays open. */
  violation(text: string): void;
  /** The state, or an action, has changed. */
  changed(): void;
  connected(): boolean;
  /** Code that answers the next request of the device instead of executing it; undefined: execute it. */
  verdict?(): number | "silence" | undefined;
  /** Begins every reqId. Two servers that talk to the same device need different ones. */
  readonly reqIdPrefix: string;
}

export interface ActionTimeouts {
  /** Milliseconds for each answer of the device. Default 30,000. */
  readonly answerMs?: number;
  /** Milliseconds from the acceptance of an action to its end. Default 600,000. */
  readonly completeMs?: number;
}

/** An action of the operator under way. */
export interface ManagementAction {
  readonly action: string;
  /** The last code of the device; undefined before its first answer. */
  readonly rc: number | undefined;
  /** Undefined while it is under way. */
  readonly outcome: ActionOutcome | undefined;
}

/** The platform refuses an action: the device is not managed, does not claim it, or another one is under way. */
export class ManagementRefusal extends Error {
  override name = "ManagementRefusal";
}

/** Requests to one device that wait for an answer (docs/protocol.md 7.3). */
const MAX_OPEN = 200;
/** Requests of either side whose reqId is remembered. */
const MAX_REMEMBERED = 256;
const ANSWER_MS = 30_000;
const COMPLETE_MS = 600_000;

interface Running extends ManagementAction {
  rc: number | undefined;
  outcome: ActionOutcome | undefined;
  readonly plan: Plan;
  readonly flow: Flow;
  readonly timeouts: ActionTimeouts;
  readonly ended: (outcome: ActionOutcome) => void;
  waitsFor: "answer" | "manage" | "firmware";
  stopTimer: () => void;
}

interface Open {
  readonly request: ServerRequest;
  /** Attributes that were not observed before. */
  readonly added: readonly string[];
  /** Undefined: a test sent it by hand. */
  readonly running: Running | undefined;
}

export class ManagedDevice {
  private readonly name: string;
  private readonly host: ManagementHost;
  private readonly record = new DeviceRecord();
  private readonly running = new Set<Running>();
  private readonly open = new Map<string, Open>();
  /** Requests of the platform that no longer wait for an answer. */
  private readonly closed = new Map<string, { readonly topic: string; answered: boolean }>();
  /** Requests of the device on this connection, with the answer. */
  private readonly seen = new Map<string, { readonly signature: string; readonly answer: string | undefined }>();
  private lastId = 0;
  /** False after manage: the device may have restarted, and begun at another state. */
  private firmwareKnown = false;
  private accepted: Accepted;

  /** @param name in texts */
  constructor(name: string, host: ManagementHost) {
    this.name = name;
    this.host = host;
  }

  get state(): ManagementState {
    return this.record.snapshot(this.host.now());
  }

  /** Actions under way and requests that wait for an answer; 0: nothing is lost with this object. */
  get busy(): number {
    return this.running.size + this.open.size;
  }

  /** The device has a new connection. After a restart it may use the same reqIds again. */
  connected(): void {
    this.seen.clear();
  }

  /** Ends all actions. */
  close(text: string): void {
    for (const running of [...this.running]) this.finish(running, { status: "failed", text });
    this.open.clear();
  }

  /**
   * A message of the device.
   * @param payload undefined: it is not UTF-8
   * @param dup it may have arrived before
   */
  receive(topic: string, payload: string | undefined, dup = false): void {
    try {
      const message = parseMessage(topic, payload);
      if (message.kind === "response") this.answered(message.reqId, message, dup);
      else this.request(message, message.reqId, signature(topic, payload!));
    } catch (error) {
      if (!(error instanceof MessageFault)) throw error;
      this.host.violation(`${topic}: ${error.message}`);
      this.reply(error.reqId, error.rc, error.message);
    }
    this.host.changed();
  }

  /**
   * Starts an action.
   * @param ended called once, perhaps within this call
   * @throws ManagementRefusal
   */
  start(plan: Plan, timeouts: ActionTimeouts, ended: (outcome: ActionOutcome) => void): ManagementAction {
    this.checkAllowed(plan);
    const flow = plan.flow();
    const running: Running = {
      action: plan.action,
      rc: undefined,
      outcome: undefined,
      plan,
      flow,
      timeouts,
      ended,
      waitsFor: "answer",
      stopTimer: () => {},
    };
    this.running.add(running);
    this.advance(running, flow.next());
    this.host.changed();
    return running;
  }

  /** A test sends a request by hand: its answer is no violation, whatever its code. */
  sent(topic: string, payload: string): void {
    let message: unknown;
    try {
      message = JSON.parse(payload);
    } catch {
      return;
    }
    const { reqId, d } = isObject(message) ? message : ({} as Json);
    const fields = (isObject(d) && Array.isArray(d.fields) ? d.fields : []).filter(
      (field): field is Field => isObject(field) && typeof field.field === "string",
    );
    const path = topic.slice("iotdm-1/".length);
    const accepts = /^mgmt\/initiate\/firmware\/(download|update)$/.exec(path)?.[1] as Accepted;
    const request = { topic: path, fields, good: goodCode(path), bad: () => true, accepts };
    if (typeof reqId === "string" && path !== "response") this.expect(reqId, request, undefined);
  }

  // --- requests of the device ---

  private request(request: DeviceRequest, reqId: string | undefined, signature: string): void {
    const before = reqId === undefined ? undefined : this.seen.get(reqId);
    if (before && before.signature !== signature) {
      throw new MessageFault(400, `reqId ${shown(reqId)} was used before, for another request`, reqId);
    }
    if (before) {
      if (before.answer !== undefined) this.host.send("iotdm-1/response", before.answer);
      return;
    }
    const verdict = this.host.verdict?.();
    const [rc, message] =
      verdict === undefined || verdict === 200 ? this.execute(request, reqId) : [verdict, undefined];
    const answer = rc === "silence" ? undefined : this.reply(reqId, rc, message);
    if (reqId !== undefined) remember(this.seen, reqId, { signature, answer });
    if (rc !== 200) return;
    if (request.kind === "manage") this.resume("manage", { kind: "manage" });
    if (request.kind === "unmanage") this.resume("firmware", { kind: "cancelled", text: "the device sent unmanage" });
  }

  private execute(request: DeviceRequest, reqId: string | undefined): [rc: number, message?: string] {
    const now = this.host.now();
    switch (request.kind) {
      case "manage":
        this.record.manage(request, now);
        this.firmwareKnown = false;
        return [200];
      case "unmanage": {
        const managed = this.record.isManaged(now);
        this.record.unmanage();
        return managed ? [200] : [409, "the device is not managed"];
      }
      case "notify":
        return this.notified(request.fields, reqId);
      default:
        this.record.keep(request);
        return [200];
    }
  }

  private notified(fields: readonly Field[], reqId: string | undefined): [rc: number, message?: string] {
    const stray = fields.find(({ field }) => !this.mayNotify(field));
    if (stray) {
      const text = `a notify of ${stray.field}, which is not observed`;
      this.host.violation(`iotdevice-1/notify: ${text}`);
      return [409, text];
    }
    const before = this.condition;
    if (!this.record.notify(fields)) {
      throw new MessageFault(400, `the metadata are longer than ${MAX_METADATA} characters`, reqId);
    }
    const firmware = fields.filter(({ field }) => field.startsWith("mgmt.firmware"));
    if (firmware.length > 0) this.firmwareChanged(before, firmware);
    return [200];
  }

  /**
   * Not observed, and allowed: the new version after an update, and how an update has ended, once after manage, if the
   * observation was lost meanwhile.
   */
  private mayNotify(field: string): boolean {
    if (this.record.isObserved(field)) return true;
    if (field.startsWith("mgmt.firmware")) return !this.firmwareKnown && this.record.isManaged(this.host.now());
    const updating = [...this.running].some(({ action }) => action === "firmware/update");
    return updating && /^deviceInfo(\.fwVersion)?$/.test(field);
  }

  private firmwareChanged(before: Condition, fields: readonly Field[]): void {
    const after = this.condition;
    if (this.firmwareKnown) {
      const fault = transitionFault(before, after, this.accepted);
      if (fault) this.host.violation(`iotdevice-1/notify: ${fault}`);
    }
    this.firmwareKnown = true;
    const told = { firmware: {} } as { firmware: Partial<Condition> };
    for (const field of fields) store(told as never, field);
    this.resume("firmware", { kind: "firmware", before, after, told: told.firmware });
  }

  private get condition(): Condition {
    const { state = 0, updateStatus = 0 } = this.record.firmware;
    return { state, updateStatus };
  }

  private reply(reqId: string | undefined, rc: number, message?: string): string | undefined {
    if (reqId === undefined) return undefined;
    const answer = JSON.stringify({ rc, ...(message === undefined ? {} : { message }), reqId });
    this.host.send("iotdm-1/response", answer);
    return answer;
  }

  // --- actions of the operator ---

  private checkAllowed({ action, lacks, firmware, observes }: Plan): void {
    const refuse = (text: string) => {
      throw new ManagementRefusal(`${action}: ${this.name} ${text}`);
    };
    if (!this.record.isManaged(this.host.now())) refuse(this.record.unmanagedText());
    const lacking = lacks(this.record.supports);
    if (lacking !== undefined) refuse(`does not claim ${lacking} in the supports of its manage request`);
    const other = firmware && [...this.running].find(({ plan }) => plan.firmware);
    if (other) refuse(`has not finished ${other.action}`);
    if (this.busy >= MAX_OPEN) refuse(`has ${MAX_OPEN} requests that are not finished`);
    if (new Set([...this.record.observed, ...observes]).size > MAX_OBSERVED) {
      refuse(`has ${this.record.observed.size} observed attributes; ${MAX_OBSERVED} are the most`);
    }
  }

  private advance(running: Running, { done, value }: IteratorResult<Step, Result>): void {
    if (done) return this.finish(running, value);
    const step = value as Step;
    if ("wait" in step) {
      running.waitsFor = step.wait;
      const { completeMs = COMPLETE_MS } = running.timeouts;
      const wanted = step.wait === "manage" ? "did not send manage" : "did not finish";
      this.arm(running, completeMs, `${wanted} within ${completeMs} ms${this.away}`);
      return;
    }
    const { request } = step;
    running.waitsFor = "answer";
    if (request.unanswered) {
      this.host.send(`iotdm-1/${request.topic}`, payloadOf(request));
      this.changedByServer(request);
      this.advance(running, running.flow.next({ kind: "timeout", text: "" }));
      return;
    }
    const reqId = `${this.host.reqIdPrefix}${++this.lastId}`;
    this.expect(reqId, request, running);
    const { answerMs = ANSWER_MS } = running.timeouts;
    this.arm(running, answerMs, `no answer within ${answerMs} ms`, () => this.settle(reqId, false));
    this.host.send(`iotdm-1/${request.topic}`, payloadOf(request, reqId));
  }

  private get away(): string {
    return this.host.connected() ? "" : "; it is not connected";
  }

  private arm(running: Running, ms: number, text: string, expired: () => void = () => {}): void {
    running.stopTimer = this.host.later(ms, () => {
      expired();
      this.advance(running, running.flow.next({ kind: "timeout", text: `${text}${this.away}` }));
      this.host.changed();
    });
  }

  private finish(running: Running, result: Result): void {
    running.stopTimer();
    this.running.delete(running);
    if (running.plan.firmware) this.accepted = undefined;
    running.outcome = { action: running.action, ...result };
    running.ended(running.outcome);
  }

  /** Resumes the actions that wait for this. */
  private resume(what: "manage" | "firmware", reply: Reply): void {
    for (const running of [...this.running]) {
      if (running.waitsFor !== what) continue;
      running.stopTimer();
      this.advance(running, running.flow.next(reply));
    }
  }

  private expect(reqId: string, request: ServerRequest, running: Running | undefined): void {
    const fields = request.topic === "observe" ? (request.fields ?? []).map(({ field }) => field) : [];
    const added = fields.filter(field => !this.record.observed.has(field));
    for (const field of added) this.record.observed.add(field);
    if (this.open.size >= MAX_OPEN) this.settle(this.open.keys().next().value!, false);
    this.open.set(reqId, { request, added, running });
  }

  private settle(reqId: string, answered: boolean): Open | undefined {
    const open = this.open.get(reqId);
    this.open.delete(reqId);
    if (open) remember(this.closed, reqId, { topic: open.request.topic, answered });
    return open;
  }

  private answered(reqId: string, answer: Answer, dup: boolean): void {
    const open = this.settle(reqId, true);
    if (!open) return this.unexpected(reqId, dup);
    const { request, added, running } = open;
    const { topic, good, bad, accepts } = request;
    if (answer.rc !== good && !bad(answer.rc)) {
      this.host.violation(`iotdevice-1/response: ${topic} answered with rc ${answer.rc}; ${good} is success`);
    }
    if (answer.rc === good) {
      if (accepts) this.accepted = accepts;
      if (topic === "observe") this.observed(request, answer);
      this.changedByServer(request);
    } else {
      for (const field of added) this.record.observed.delete(field);
      this.checkFailed(topic, answer);
    }
    if (!running) return;
    running.rc = answer.rc;
    running.stopTimer();
    this.advance(running, running.flow.next(answer));
  }

  private unexpected(reqId: string, dup: boolean): void {
    const known = this.closed.get(reqId);
    if (!known) this.host.violation(`iotdevice-1/response: no request has the reqId ${shown(reqId)}`);
    else if (!known.answered) known.answered = true;
    else if (!dup)
      this.host.violation(`iotdevice-1/response: a second answer to ${known.topic}, reqId ${shown(reqId)}`);
  }

  /** IBM's own example answers an observe without values. */
  private observed({ fields = [] }: ServerRequest, answer: Answer): void {
    for (const field of answer.fields) {
      const asked = fields.some(one => one.field === field.field);
      const fault = asked ? attributeFault(field) : `${shown(field.field)} was not asked for`;
      if (fault) {
        this.host.violation(`iotdevice-1/response: observe: ${fault}`);
        continue;
      }
      store(this.record, field);
      if (field.field.startsWith("mgmt.firmware")) this.firmwareKnown = true;
    }
  }

  private checkFailed(topic: string, { fields }: Answer): void {
    const stray = fields.find(({ value }) => value !== undefined);
    if (stray && topic !== "device/update") {
      this.host.violation(`iotdevice-1/response: ${topic} failed, but ${stray.field} has a value`);
    }
  }

  /** What the platform knows after the device has done it. */
  private changedByServer({ topic, fields = [] }: ServerRequest): void {
    if (topic === "cancel") {
      for (const { field } of fields) this.record.observed.delete(field);
      const text = "the operator cancelled the observation of mgmt.firmware";
      if (!this.record.isObserved("mgmt.firmware")) this.resume("firmware", { kind: "cancelled", text });
    }
    if (topic !== "device/update") return;
    for (const { field, value } of fields) {
      if (attributeFault({ field, value })) continue; // a test sent it by hand
      store(this.record, { field, value: field === "mgmt.firmware" ? offered(value as Json) : value }, false);
    }
  }
}

/** The state belongs to the device. */
function offered(firmware: Json): Json {
  return Object.fromEntries(Object.entries(firmware).filter(([name]) => FIRMWARE_PARAMETERS.includes(name)));
}

function payloadOf({ fields }: ServerRequest, reqId?: string): string {
  return JSON.stringify({ ...(fields ? { d: { fields } } : {}), ...(reqId === undefined ? {} : { reqId }) });
}

function goodCode(path: string): number {
  if (path === "device/update") return 204;
  return path.startsWith("mgmt/initiate/") ? 202 : 200;
}

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.set(key, value);
  if (map.size > MAX_REMEMBERED) map.delete(map.keys().next().value!);
}

/** Not the payload itself, which may be large. */
function signature(topic: string, payload: string): string {
  let hash = 0;
  for (let i = 0; i < payload.length; i++) hash = (Math.imul(hash, 31) + payload.charCodeAt(i)) | 0;
  return `${topic} ${payload.length} ${hash}`;
}
