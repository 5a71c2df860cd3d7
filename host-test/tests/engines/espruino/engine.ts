// A real Espruino: the engine's own build for Linux, named by ESPRUINO, each in a folder and with a flash of its own. Files
// are written to its Storage and required from there, as on a board. Calls go in and answers come out over a socket of its
// own, a line of JSON each; its console only prints.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { ESPRUINO } = process.env;

/** Why a test that needs the engine is skipped; false when it can run. */
export function withoutEspruino(): string | false {
  return ESPRUINO
    ? false
    : "ESPRUINO names no binary: nothing was run in a real Espruino. Build its Linux version (its README_Building.md), " +
        "and run this again with ESPRUINO=/path/to/espruino";
}

/** What `process.memory()` tells, in JsVars but for `blocksize`, the bytes of one. */
export interface Memory {
  usage: number;
  total: number;
  blocksize: number;
}

export interface EspruinoOptions {
  /** Files for its Storage. */
  files?: Record<string, string>;
  /** Functions of this process that `call(name, value)` reaches. */
  calls?: Record<string, (value: never) => void>;
}

// The far side. A command that comes in pieces waits until its line is whole.
const HARNESS = `
var functions = {};
var control;
var line = "";
function say(it) { control.write(JSON.stringify(it) + "\\n"); }
function call(name, value) { say({ call: name, value: value }); }
function invoke(id, name, value) {
  var done = function(result) { say({ id: id, value: result }); };
  var failed = function(error) { say({ id: id, error: error && error.message ? error.message : "" + error }); };
  try {
    var result = functions[name](value);
    if (result instanceof Promise) result.then(done, failed);
    else done(result);
  } catch (error) {
    failed(error);
  }
}
functions.evaluate = function(text) { return eval(text); };
functions.memory = function() { return process.memory(); };
NAMES.forEach(function(name) { require("Storage").write(name, require("fs").readFileSync(name)); });
require("net").connect({ host: "127.0.0.1", port: PORT }, function(socket) {
  control = socket;
  socket.on("data", function(text) {
    line += text;
    for (var end = line.indexOf("\\n"); end >= 0; end = line.indexOf("\\n")) {
      var it = JSON.parse(line.slice(0, end));
      line = line.slice(end + 1);
      invoke(it.id, it.name, it.value);
    }
  });
  call("ready");
});
`;

interface Heard {
  id?: number;
  call?: string;
  value?: unknown;
  error?: string;
}

export class Espruino {
  private readonly folder = mkdtempSync(join(tmpdir(), "iotf-espruino-"));
  private readonly calls: Record<string, (value: never) => void>;
  private readonly answers = new Map<number, (answer: Heard) => void>();
  private child!: ChildProcess;
  private control: Socket | undefined;
  private lastId = 0;
  private unfinished = "";
  private output = "";

  private constructor(calls: Record<string, (value: never) => void>) {
    this.calls = calls;
  }

  static async start({ files = {}, calls = {} }: EspruinoOptions): Promise<Espruino> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    let ready: (value?: unknown) => void = () => {};
    const begun = new Promise(resolve => {
      ready = resolve;
    });
    const engine = new Espruino({ ...calls, ready });
    try {
      engine.spawn(files, (server.address() as AddressInfo).port);
      await Promise.race([engine.meet(server).then(() => begun), engine.fail()]);
      return engine;
    } catch (error) {
      await engine.close();
      throw error;
    } finally {
      server.close();
    }
  }

  /** Calls a function of `functions` with a JSON value; resolves to its result. */
  invoke<T = unknown>(name: string, value?: unknown): Promise<T> {
    const id = ++this.lastId;
    // In the socket's strings a character is a byte.
    const json = JSON.stringify({ id, name, value });
    const ascii = json.replace(/[^ -~]/g, one => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
    return new Promise((resolve, reject) => {
      this.answers.set(id, answer => {
        if (answer.error === undefined) resolve(answer.value as T);
        else reject(new Error(answer.error));
      });
      this.control!.write(`${ascii}\n`);
    });
  }

  /** The value of an expression. */
  evaluate<T = unknown>(text: string): Promise<T> {
    return this.invoke("evaluate", text);
  }

  /** After a garbage collection. */
  memory(): Promise<Memory> {
    return this.invoke("memory");
  }

  async close(): Promise<void> {
    this.control?.destroy();
    if (this.child.exitCode === null && this.child.signalCode === null) {
      this.child.kill("SIGKILL");
      await once(this.child, "exit");
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  private spawn(files: Record<string, string>, port: number): void {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(this.folder, name), text);
    const names = `var NAMES = ${JSON.stringify(Object.keys(files))}, PORT = ${port};`;
    writeFileSync(join(this.folder, "harness.js"), names + HARNESS);
    // Its console is never closed: it would take that for endless input.
    this.child = spawn(ESPRUINO!, ["harness.js"], { cwd: this.folder, stdio: ["pipe", "pipe", "inherit"] });
    this.child.stdout!.on("data", text => {
      this.output = (this.output + text).slice(-4000);
    });
    this.child.once("exit", () => {
      for (const answer of this.answers.values()) answer({ error: `Espruino ended: ${this.output}` });
      this.answers.clear();
    });
  }

  private async meet(server: Server): Promise<void> {
    const [socket] = await once(server, "connection");
    this.control = socket;
    socket.setEncoding("latin1").on("data", (text: string) => this.read(text));
    socket.on("error", () => {});
  }

  private async fail(): Promise<never> {
    await once(this.child, "exit");
    throw new Error(`Espruino ended: ${this.output}`);
  }

  private read(text: string): void {
    const lines = (this.unfinished + text).split("\n");
    this.unfinished = lines.pop()!;
    for (const line of lines) this.take(JSON.parse(line));
  }

  private take(heard: Heard): void {
    if (heard.call !== undefined) return this.calls[heard.call]!(heard.value as never);
    const answer = this.answers.get(heard.id!);
    this.answers.delete(heard.id!);
    answer?.(heard);
  }
}
