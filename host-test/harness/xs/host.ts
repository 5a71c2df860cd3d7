// Runs a device program in an XS engine, with the sockets, timers, time and random numbers of this Node process.
//
// In: modules and code for XS, and functions of the host that XS may call. Out: results, trace lines, and uncaught
// exceptions. XS has the global `host` (see runtime.js); modules are loaded unchanged from their files. Limits: arguments
// and results are JSON; a function of the host must not be async; imports in a module are absolute, or relative with "./"
// or one "../../" at the start.

import { existsSync, realpathSync } from "node:fs";
import { resolve as absolute } from "node:path";
import { fileURLToPath } from "node:url";
import type { Endpoint } from "../../../src/ports.ts";
import type { Heap } from "./snapshot.ts";
import { HostSocket, type SocketEvents } from "./sockets.ts";
import { COMMAND, COMMAND_HEADER, QUERY, QUERY_HEADER, RESULT_ERROR, RESULT_LATER, RESULT_VALUE } from "./wire.js";
import { type Meter, XsWorker } from "./worker.ts";

/** A function of the host that a program in XS calls with one JSON value. It may throw; it must not return a promise. */
export type HostFunction = (argument: never) => unknown;

export interface XsOptions {
  /** Modules to import first, in this order. */
  modules?: string[];
  /** Functions for `host.call(name, argument)` in XS. */
  calls?: Record<string, HostFunction>;
  /** Called with each line of `host.trace(text)`. Default: prints it. */
  onTrace?: (text: string) => void;
  /** Called with an uncaught exception in XS, or the crash of the engine. Default: an uncaught exception of this process. */
  onError?: (error: Error) => void;
  /**
   * Called after each event of a connection or timer. `slots`: heap slots that it allocated, mostly garbage; NaN if XS has
   * collected garbage meanwhile.
   */
  onEvent?: (slots: number) => void;
  /** Called when the program has no connections and no timers, so that it cannot run again. */
  onIdle?: () => void;
  /** Path of runtime.js. Default: beside this file. */
  runtime?: string;
  /** Path of another worker binary, for example a 32-bit one. */
  binary?: string;
}

/** An exception in XS, with its message and its stack in XS. */
export class XsError extends Error {
  override name = "XsError";

  constructor(text: string) {
    super(text.split("\n")[0]);
    this.stack = `XsError: ${text}`;
  }
}

/** Starts an engine. Rejects, with the engine ended, if the runtime or a module does not load. */
export async function startXs(options: XsOptions = {}): Promise<Xs> {
  const xs = new Xs(options);
  try {
    await xs.start(options.modules ?? []);
    return xs;
  } catch (error) {
    await xs.close();
    throw error;
  }
}

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  /** Outcome of a promise that settled within the command; reported after the command, when its meter is known. */
  early?: Buffer;
  answered?: boolean;
}

const RUNTIME = fileURLToPath(new URL("runtime.js", import.meta.url));
const NOTHING = Buffer.alloc(0);
const VOID_RESULT = Buffer.from([RESULT_VALUE]);

export class Xs {
  private readonly worker: XsWorker;
  private readonly options: XsOptions;
  private readonly sockets = new Map<number, HostSocket>();
  private readonly deadlines = new Map<number, NodeJS.Timeout>();
  private readonly pending = new Map<number, Pending>();
  private lastCall = 0;
  /** Events that the program has not handled yet. */
  private telling = 0;
  private lastMeter: Meter = { computrons: 0, slots: 0, reserved: 0 };
  /** Slots in use after the last command. */
  private slots = Number.NaN;

  constructor(options: XsOptions) {
    this.options = options;
    this.worker = new XsWorker({
      onQuery: query => this.answer(query),
      onCrash: error => this.crashed(error),
      ...(options.binary === undefined ? {} : { binary: options.binary }),
    });
  }

  async start(modules: string[]): Promise<void> {
    await this.worker.importModule(this.options.runtime ?? RUNTIME);
    for (const path of modules) await this.import(path);
  }

  /** Imports an ES module file; resolves to its export names. A file runs once only. */
  async import(path: string): Promise<string[]> {
    const full = absolute(path);
    if (!existsSync(full)) throw new Error(`There is no module ${full}`);
    return (await this.run(COMMAND.load, realpathSync(full))) as string[];
  }

  /**
   * Evaluates code as indirect eval does; resolves to its value, or to the value of its promise. XS keeps a name for each
   * evaluation for ever (a slot and 24 bytes), so use `call` for measurements and for frequent calls.
   */
  async evaluate<T = unknown>(code: string): Promise<T> {
    return (await this.run(COMMAND.evaluate, code)) as T;
  }

  /** See `onIdle`. */
  get idle(): boolean {
    return this.sockets.size + this.deadlines.size + this.pending.size + this.telling === 0;
  }

  /** Calls a function that a program registered under this name. */
  async call<T = unknown>(name: string, argument?: unknown): Promise<T> {
    return (await this.run(COMMAND.call, JSON.stringify([name, argument]))) as T;
  }

  /** Calls a registered function `count` times in one command, with 0 to count-1; resolves to the cost. */
  async repeat(name: string, count: number): Promise<Meter> {
    await this.run(COMMAND.repeat, JSON.stringify([name, count]));
    return this.meter;
  }

  /** The meter of the last import, evaluate, call or repeat; if it returned a promise, up to the return. */
  get meter(): Meter {
    return this.lastMeter;
  }

  async gc(): Promise<void> {
    await this.call("gc");
  }

  /** Collects garbage and resolves to the exact size of the heap. */
  heap(): Promise<Heap> {
    this.slots = Number.NaN;
    return this.worker.heap();
  }

  /**
   * Ends the engine at once, like a power failure: connections that the program has not closed are destroyed. Closed ones
   * still send their last bytes. Resolves when the process and all sockets have ended.
   */
  async close(): Promise<void> {
    const gone = [this.worker.close(), ...[...this.sockets.values()].map(socket => socket.gone)];
    this.release(new Error("The XS engine is closed"));
    await Promise.all(gone);
  }

  private run(op: number, text: string): Promise<unknown> {
    const id = ++this.lastCall;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.worker.command(commandHead(op, id), Buffer.from(text), (error, reply, meter) => {
        if (error) return this.settle(id, error);
        this.lastMeter = meter;
        this.slots = meter.slots;
        const call = this.pending.get(id);
        if (reply[0] !== RESULT_LATER) this.settleWith(id, reply);
        else if (call?.early) this.settleWith(id, call.early);
        else if (call) call.answered = true;
      });
    });
  }

  private settle(id: number, error: Error | undefined, value?: unknown): void {
    const call = this.pending.get(id);
    this.pending.delete(id);
    if (error) call?.reject(error);
    else call?.resolve(value);
  }

  private settleWith(id: number, result: Buffer): void {
    const text = result.toString("utf8", 1);
    if (result[0] === RESULT_ERROR) this.settle(id, new XsError(text));
    else this.settle(id, undefined, text === "" ? undefined : JSON.parse(text));
  }

  private promiseSettled(id: number, result: Buffer): void {
    const call = this.pending.get(id);
    if (call && !call.answered) call.early = result;
    else this.settleWith(id, result);
  }

  /** Sends an event to XS. An exception of the program goes to onError. */
  private tell(op: number, id: number, what: string, data: Uint8Array = NOTHING, done?: () => void): void {
    this.telling++;
    this.worker.command(commandHead(op, id), data, (error, reply, meter) => {
      this.telling--;
      if (error) return;
      this.options.onEvent?.(meter.slots < this.slots ? Number.NaN : meter.slots - this.slots);
      this.slots = meter.slots;
      if (reply[0] === RESULT_ERROR) this.uncaught(new XsError(`${reply.toString("utf8", 1)} (${what})`));
      done?.();
      this.tellIdle();
    });
  }

  private tellIdle(): void {
    if (this.idle) this.options.onIdle?.();
  }

  private uncaught(error: Error): void {
    const { onError } = this.options;
    if (onError) onError(error);
    else
      setImmediate(() => {
        throw error;
      });
  }

  private crashed(error: Error): void {
    const someoneKnows = this.pending.size > 0;
    this.release(error);
    if (!someoneKnows) this.uncaught(error);
  }

  private release(reason: Error): void {
    for (const socket of this.sockets.values()) socket.drop();
    for (const deadline of this.deadlines.values()) clearTimeout(deadline);
    this.deadlines.clear();
    for (const id of [...this.pending.keys()]) this.settle(id, reason);
  }

  // --- queries of XS ---

  private answer(query: Buffer): Uint8Array {
    const id = query.readUInt32LE(1);
    const data = query.subarray(QUERY_HEADER);
    switch (query[0]) {
      case QUERY.write:
        return u32(this.sockets.get(id)?.write(data) ?? 0);
      case QUERY.open:
        return attempt(() => this.open(id, JSON.parse(data.toString(), bytesBack) as Endpoint));
      case QUERY.close:
        this.sockets.get(id)?.close();
        return NOTHING;
      case QUERY.set:
        this.clearDeadline(data.readUInt32LE(0));
        this.setDeadline(id, data.readUInt32LE(4));
        return NOTHING;
      case QUERY.clear:
        this.clearDeadline(id);
        return NOTHING;
      case QUERY.random:
        return f64(Math.random());
      default:
        return this.answerProgram(query[0]!, id, data);
    }
  }

  private answerProgram(op: number, id: number, data: Buffer): Uint8Array {
    switch (op) {
      case QUERY.trace:
        (this.options.onTrace ?? console.log)(data.toString());
        return NOTHING;
      case QUERY.call:
        return attempt(() => this.callHost(...(JSON.parse(data.toString()) as [string, unknown])));
      case QUERY.settled:
        this.promiseSettled(id, data);
        return NOTHING;
      case QUERY.uncaught:
        this.uncaught(new XsError(data.toString()));
        return NOTHING;
      default:
        throw new Error(`unknown query ${op}`);
    }
  }

  private callHost(name: string, argument: unknown): unknown {
    const fn = this.options.calls?.[name];
    if (!fn) throw new Error(`the host has no function ${name}`);
    const value = fn(argument as never);
    if (value instanceof Promise) throw new Error(`the host's function ${name} is async: it has to answer at once`);
    return value;
  }

  private open(id: number, endpoint: Endpoint): void {
    const what = `connection to ${endpoint.host}:${endpoint.port}`;
    const events: SocketEvents = {
      opened: room => this.tell(COMMAND.opened, id, `opened, ${what}`, u32(room)),
      received: (bytes, taken) => this.tell(COMMAND.received, id, `received, ${what}`, bytes, taken),
      writable: room => this.tell(COMMAND.writable, id, `writableAgain, ${what}`, u32(room)),
      closed: reason => this.tell(COMMAND.closed, id, `closed, ${what}`, Buffer.from(reason ?? "")),
    };
    const socket = new HostSocket(endpoint, events);
    this.sockets.set(id, socket);
    socket.gone.then(() => {
      this.sockets.delete(id);
      this.tellIdle();
    });
  }

  private setDeadline(id: number, delayMs: number): void {
    const due = (): void => {
      this.deadlines.delete(id);
      this.tell(COMMAND.due, id, "timer");
    };
    this.deadlines.set(id, setTimeout(due, delayMs));
  }

  private clearDeadline(id: number): void {
    clearTimeout(this.deadlines.get(id));
    this.deadlines.delete(id);
  }
}

function commandHead(op: number, id: number): Buffer {
  const head = Buffer.allocUnsafe(COMMAND_HEADER);
  head[0] = op;
  head.writeDoubleLE(performance.now(), 1);
  head.writeUInt32LE(id, 9);
  return head;
}

function u32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function f64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

/** A result for XS: the return value of the function, or the text of its exception. */
function attempt(fn: () => unknown): Buffer {
  try {
    const text = JSON.stringify(fn());
    return text === undefined ? VOID_RESULT : Buffer.from(`\0${text}`);
  } catch (error) {
    return Buffer.from(`\x01${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Undoes withBytes of runtime.js. */
function bytesBack(_key: string, value: unknown): unknown {
  const bytes = (value as { bytes?: unknown } | null)?.bytes;
  return Array.isArray(bytes) ? Uint8Array.from(bytes as number[]) : value;
}
