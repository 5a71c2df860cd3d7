// One XS engine in its own process: the worker of the npm package @agoric/xsnap, with its netstring protocol.
//
// In: commands, sent one at a time, because the worker reads answers to its queries from the same pipe. Out: replies with
// the meters of the engine, and queries that the host answers at once. Limits: Linux and macOS; a reply of at most 64 MiB.
// Not used: the JS driver of the package, which locks down the globals of the host, and the command 'm' (import a
// module), which reports success when the module throws.
//
// The worker gets no metering limit: it counts instructions anyway (xsRun.c), and a limit adds a check to every loop and
// ends the process. The count has 32 bits and starts at 0 with each command.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { installed } from "./installed.ts";
import { type Heap, SnapshotReader } from "./snapshot.ts";

const MAX_REPLY = 64 * 1024 * 1024;
const OUTPUT_KEPT = 8192;
const QUEUE_TRIM = 1024;
const COLON = 0x3a;
const COMMA = 0x2c;
const NOTHING = Buffer.alloc(0);
const QUESTION = Buffer.from("?");
const SLASH = Buffer.from("/");

const SNAPSHOT_FD = 7;
// stdin, stdout, stderr, commands, replies, debugger in and out, snapshots
const STDIO = ["ignore", "pipe", "pipe", "pipe", "pipe", "ignore", "ignore", "pipe"] as const;

/** Meters of the engine at a reply. */
export interface Meter {
  /** XS instructions of this command; the same in every run. */
  computrons: number;
  /** Slots in use and garbage since the last collection. */
  slots: number;
  /** Bytes that the engine has allocated from the system: 40 MB at the start, more in steps of megabytes. */
  reserved: number;
}

/** Called once per command. `error`: the exception of the engine, or the end of the worker. */
export type Done = (error: Error | undefined, reply: Buffer, meter: Meter) => void;

export interface WorkerOptions {
  /** Path of another worker binary, for example a 32-bit one. */
  binary?: string;
  /** Answers `issueCommand(bytes)` of the engine, which blocks until then. */
  onQuery?: (bytes: Buffer) => Uint8Array;
  /** Called when the worker ended without close(), before pending commands are rejected. */
  onCrash?: (error: Error) => void;
}

interface Command {
  head: Uint8Array;
  data: Uint8Array;
  done: Done;
}

const NO_METER: Meter = { computrons: 0, slots: 0, reserved: 0 };

const EXIT_MEANING: Record<number, string> = {
  1: "bad usage",
  2: "I/O error",
  11: "not enough memory",
  12: "stack overflow",
  15: "unhandled exception",
  16: "too many property names",
  17: "too much computation",
};

/** Finds the worker that `npm ci` built. @throws Error that says how to build it */
function workerBinary(): string {
  const platform = { linux: "lin", darwin: "mac" }[process.platform as string];
  if (!platform) throw new Error(`The XS worker does not run on ${process.platform}; use Linux or macOS.`);
  const tools = "a C compiler and make present (Debian: apt-get install gcc make)";
  let root: string;
  try {
    root = dirname(installed("@agoric/xsnap/package.json"));
  } catch {
    throw new Error(
      `this needs the XS engine, which is built when it is installed: npm install --save-dev @agoric/xsnap, with ${tools}`,
    );
  }
  const binary = join(root, "xsnap-native/xsnap/build/bin", platform, "release/xsnap-worker");
  if (!existsSync(binary)) {
    // npm 12 and newer run install scripts only of the packages that package.json allows.
    const build = "npm approve-scripts @agoric/xsnap (npm 12 and newer), then npm rebuild @agoric/xsnap";
    throw new Error(`the XS engine is installed but not built: ${build}, with ${tools}. Missing: ${binary}`);
  }
  return binary;
}

export class XsWorker {
  private readonly child: ChildProcess;
  private readonly toWorker: Writable;
  private readonly options: WorkerOptions;

  private queue: Command[] = [];
  private head = 0;
  private running: Command | undefined;

  private parts: Buffer[] = [];
  private have = 0;
  private need = 1;

  private output = "";
  private closing = false;
  private failure: Error | undefined;
  private readonly gone: Promise<void>;

  private readonly snapshots = new SnapshotReader();

  constructor(options: WorkerOptions = {}) {
    this.options = options;
    // An empty environment: XSBUG_HOST would make the worker look for a debugger.
    this.child = spawn(options.binary ?? workerBinary(), ["iotf"], { env: {}, stdio: [...STDIO] });
    const stdio = this.child.stdio as unknown as [null, Readable, Readable, Writable, Readable, null, null, Readable];
    this.toWorker = stdio[3];
    // Pipe errors when the worker ends are ignored; "close" reports the end.
    for (const stream of stdio) stream?.on("error", () => {});
    stdio[4].on("data", (chunk: Buffer) => this.feed(chunk));
    stdio[SNAPSHOT_FD].on("data", (chunk: Buffer) => this.snapshots.feed(chunk));
    for (const stream of [stdio[1], stdio[2]]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => this.keepOutput(text));
    }
    this.gone = new Promise(resolve => {
      this.child.on("error", error => this.ended(`cannot run: ${error.message}`));
      this.child.on("close", (code, signal) => {
        this.ended(signal ? `killed by ${signal}` : describeExit(code));
        resolve();
      });
    });
  }

  /** Process id, for tools that look at the process from outside. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Calls `globalThis.handleCommand(bytes)`, where bytes are `head` followed by `data`. */
  command(head: Uint8Array, data: Uint8Array, done: Done): void {
    this.enqueue({ head: Buffer.concat([QUESTION, head]), data, done });
  }

  /** Evaluates a script. Resolves to the bytes of its value if that is an ArrayBuffer, else to none. */
  evaluate(code: string): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const done: Done = (error, reply) => (error ? reject(error) : resolve(reply));
      this.enqueue({ head: Buffer.from(`e${code}`), data: NOTHING, done });
    });
  }

  /** Imports the ES module file at this absolute path; rejects with its exception. */
  async importModule(path: string): Promise<void> {
    // The worker reads `result` after it has run all promise jobs.
    const reply = await this.evaluate(`(() => {
      const outcome = { result: new TextEncoder().encode("did not settle").buffer };
      import(${JSON.stringify(path)}).then(
        () => { outcome.result = undefined; },
        error => { outcome.result = new TextEncoder().encode(String(error.stack || error)).buffer; });
      return outcome;
    })()`);
    if (reply.length) throw new Error(`import ${path}: ${reply.toString()}`);
  }

  /** Collects garbage and resolves to the exact size of the heap, from a snapshot that is not kept. */
  heap(): Promise<Heap> {
    return new Promise((resolve, reject) => {
      this.snapshots.expect(resolve);
      const done: Done = error => error && reject(error);
      this.enqueue({ head: Buffer.from(`w@${SNAPSHOT_FD}`), data: NOTHING, done });
    });
  }

  /** Ends the process and rejects pending commands. */
  close(): Promise<void> {
    if (!this.closing) {
      this.closing = true;
      // A signal, because a program in an endless loop never reads the quit command.
      this.child.kill("SIGKILL");
    }
    return this.gone;
  }

  private enqueue(command: Command): void {
    const failure = this.failure ?? (this.closing ? new Error("The XS worker is closed") : undefined);
    if (failure) queueMicrotask(() => command.done(failure, NOTHING, NO_METER));
    else if (this.running) this.queue.push(command);
    else this.send(command);
  }

  private send(command: Command): void {
    this.running = command;
    this.write(command.head, command.data);
  }

  private sendNext(): void {
    const command = this.queue[this.head];
    if (command) this.head++;
    // Sent commands are removed in blocks, because shift() of a long array is slow.
    if (!command || this.head === QUEUE_TRIM) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    if (command) this.send(command);
    else this.running = undefined;
  }

  private write(head: Uint8Array, data: Uint8Array): void {
    const length = `${head.length + data.length}:`;
    const frame = Buffer.allocUnsafe(length.length + head.length + data.length + 1);
    frame.write(length, "latin1");
    frame.set(head, length.length);
    frame.set(data, length.length + head.length);
    frame[frame.length - 1] = COMMA;
    this.toWorker.write(frame);
  }

  /** Reads bytes of the worker: handles complete netstrings and keeps the rest. */
  private feed(chunk: Buffer): void {
    this.parts.push(chunk);
    this.have += chunk.length;
    if (this.have < this.need) return;
    const bytes = this.parts.length === 1 ? chunk : Buffer.concat(this.parts);
    let at = 0;
    for (;;) {
      const colon = bytes.indexOf(COLON, at);
      const length = colon < 0 ? Number.NaN : Number(bytes.toString("latin1", at, colon));
      if (colon < 0 ? bytes.length - at > 9 : !(length > 0 && length <= MAX_REPLY)) {
        this.breakOff("sent something that is not a netstring");
        return;
      }
      const end = colon + 1 + length;
      if (colon < 0 || end >= bytes.length) {
        this.keepRest(bytes.subarray(at), colon < 0 ? 1 : end + 1 - at);
        return;
      }
      at = end + 1;
      this.received(bytes.subarray(colon + 1, end));
    }
  }

  private keepRest(rest: Buffer, need: number): void {
    this.parts = rest.length ? [rest] : [];
    this.have = rest.length;
    this.need = Math.max(need, rest.length + 1);
  }

  private received(message: Buffer): void {
    const kind = String.fromCharCode(message[0]!);
    if (kind === "?") this.answer(message.subarray(1));
    else if (!this.running) this.breakOff(`answered without being asked: ${kind}`);
    else if (kind === ".") this.replied(message);
    else if (kind === "!") this.finish(new Error(message.toString("utf8", 1)), NOTHING, NO_METER);
    else this.breakOff(`sent an unknown message: ${kind}`);
  }

  private answer(query: Buffer): void {
    if (this.closing) return;
    try {
      const bytes = this.options.onQuery?.(query) ?? NOTHING;
      this.write(SLASH, bytes);
    } catch (error) {
      this.breakOff(`was left without an answer: ${(error as Error).message}`);
    }
  }

  private replied(message: Buffer): void {
    const separator = message.indexOf(1);
    const meter = readMeter(message, separator);
    this.finish(undefined, message.subarray(separator < 0 ? 1 : separator + 1), meter);
  }

  /** Sends the next command before it reports this one, so engine and host run in parallel. */
  private finish(error: Error | undefined, reply: Buffer, meter: Meter): void {
    const { done } = this.running!;
    this.sendNext();
    done(error, reply, meter);
  }

  private keepOutput(text: string): void {
    this.output = (this.output + text).slice(-OUTPUT_KEPT);
  }

  private breakOff(what: string): void {
    this.ended(what);
    this.child.kill("SIGKILL");
  }

  private ended(how: string): void {
    if (this.failure) return;
    const output = this.output.trim();
    const text = this.closing ? "The XS worker is closed" : `The XS worker ${how}${output ? `: ${output}` : ""}`;
    this.failure = new Error(text);
    const pending = this.queue.slice(this.head);
    if (this.running) pending.unshift(this.running);
    this.queue = [];
    this.running = undefined;
    if (!this.closing) this.options.onCrash?.(this.failure);
    for (const command of pending) command.done(this.failure, NOTHING, NO_METER);
  }
}

function describeExit(code: number | null): string {
  const meaning = code === null ? undefined : EXIT_MEANING[code];
  return `ended with code ${code}${meaning ? ` (${meaning})` : ""}`;
}

/** Reads `.{"currentHeapCount":1,"compute":2,"allocate":3,"timestamps":[…]}\1` without parsing the rest. */
function readMeter(message: Buffer, end: number): Meter {
  const numbers = [0, 0, 0];
  let index = -1;
  let inside = false;
  for (let i = 1; i < end; i++) {
    const digit = message[i]! - 0x30;
    const isDigit = digit >= 0 && digit <= 9;
    if (isDigit && !inside && ++index === 3) break;
    inside = isDigit;
    if (isDigit) numbers[index] = numbers[index]! * 10 + digit;
  }
  return { slots: numbers[0]!, computrons: numbers[1]!, reserved: numbers[2]! };
}
