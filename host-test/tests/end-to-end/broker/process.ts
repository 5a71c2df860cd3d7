// A real broker as a child process: started with files in a temporary folder, ended by its process id. A second process
// ends the broker and removes the folder when the test's process is gone, however that ended.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

// Debian keeps brokers out of the path of ordinary users, and its rabbitmq-server in the path runs as another user.
const PATH = ["/usr/lib/rabbitmq/bin", process.env.PATH, "/usr/sbin", "/usr/local/sbin"].join(":");
export const ENVIRONMENT: NodeJS.ProcessEnv = { ...process.env, PATH };

/**
 * Why a test that needs a broker is skipped; false when it can run. Absent in CI it is an error, not a skip.
 *
 * @param name of the broker
 * @param packageName Debian's and Homebrew's
 */
export function withoutBroker(command: string, name: string, packageName: string): string | false {
  if (PATH.split(":").some(folder => existsSync(join(folder, command)))) return false;
  const text = `${name} is not installed: apt-get install ${packageName} (Debian), brew install ${packageName} (macOS)`;
  if (process.env.CI === "true") throw new Error(text);
  return text;
}

/** How to start a broker. */
export interface Launch {
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  /** In the output when the broker accepts connections. */
  ready: RegExp;
}

// Reads until the test's process has ended, then ends the group of the broker; the folder goes with it.
const GUARD = 'while read -r group; do last=$group; done; kill -s KILL -- "-$last" 2>/dev/null; rm -rf -- "$1"';

export class BrokerProcess {
  readonly dir: string;
  private readonly guard: ChildProcess;
  private process: ChildProcess | undefined;
  private output = "";

  /** @param name part of the name of its folder */
  constructor(name: string) {
    this.dir = mkdtempSync(join(tmpdir(), `iotf-${name}-`));
    // A session of its own: Ctrl-C in the terminal ends the test, and this one outlives it.
    this.guard = spawn("sh", ["-c", GUARD, "sh", this.dir], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    this.guard.unref();
  }

  /** Of the process that runs now. */
  get pid(): number {
    return this.process!.pid!;
  }

  /** What it has logged so far. */
  get log(): string {
    return this.output;
  }

  /** Resolves when it has logged such a line, after the first `from` characters of its log. */
  async logged(line: RegExp, from = 0): Promise<void> {
    while (!line.test(this.output.slice(from))) await once(this.process!, "output");
  }

  /** Resolves when it accepts connections. */
  async launch({ command, args, env = ENVIRONMENT, ready }: Launch): Promise<void> {
    const from = this.output.length;
    // A group of its own, so that its helpers end with it.
    const child = spawn(command, args, { env, cwd: this.dir, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    this.process = child;
    this.guard.stdin!.write(`${child.pid}\n`);
    const take = (bytes: Buffer) => {
      this.output += bytes;
      child.emit("output");
    };
    child.stdout!.on("data", take);
    child.stderr!.on("data", take);
    await new Promise<void>((resolve, reject) => {
      child.on("output", () => ready.test(this.output.slice(from)) && resolve());
      child.once("error", reject);
      child.once("exit", code => reject(new Error(`${command} ended with ${code}: ${this.output.slice(from)}`)));
    });
  }

  /** Ends the process; resolves when it is gone. SIGTERM lets it save its sessions, SIGKILL does not. */
  async kill(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  async close(): Promise<void> {
    await this.kill("SIGKILL");
    rmSync(this.dir, { recursive: true, force: true });
    this.guard.stdin!.end();
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
