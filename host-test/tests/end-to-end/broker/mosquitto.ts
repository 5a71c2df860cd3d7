// Eclipse Mosquitto as a real broker: started on a free loopback port with a configuration of its own, ended by its
// process id, its files in a temporary folder that goes with it.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const INSTALL = "Mosquitto is not installed: apt-get install mosquitto (Debian), brew install mosquitto (macOS)";

/** Debian keeps it out of the path of ordinary users. */
const ENVIRONMENT = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };

/** Why a test that needs Mosquitto is skipped; false when it can run. Absent in CI it is an error, not a skip. */
export function withoutMosquitto(): string | false {
  const found = spawnSync("mosquitto", ["-h"], { env: ENVIRONMENT }).error === undefined;
  if (found) return false;
  if (process.env.CI === "true") throw new Error(INSTALL);
  return INSTALL;
}

export interface MosquittoOptions {
  /** Default: a free one. */
  port?: number;
  /** Lines of mosquitto.conf behind the listener's; `%DIR%` is the broker's folder. */
  config?: string[];
  /** Files to put in its folder first. */
  files?: Record<string, string>;
  /** Log no packets; for benches. */
  quiet?: boolean;
}

export class Mosquitto {
  readonly port: number;
  readonly dir: string;
  private process: ChildProcess | undefined;
  private output = "";

  private constructor(port: number, dir: string) {
    this.port = port;
    this.dir = dir;
  }

  static async start({
    port,
    config = ["allow_anonymous true"],
    files = {},
    quiet = false,
  }: MosquittoOptions = {}): Promise<Mosquitto> {
    const dir = mkdtempSync(join(tmpdir(), "iotf-mosquitto-"));
    const broker = new Mosquitto(port ?? (await freePort()), dir);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    const logged = quiet ? "log_type information" : "log_type all";
    const lines = [`listener ${broker.port} 127.0.0.1`, ...config, "log_dest stderr", logged];
    // It gives up root's rights, and could then not read its own folder.
    if (process.getuid?.() === 0) lines.push("user root");
    writeFileSync(join(dir, "mosquitto.conf"), `${lines.join("\n").replaceAll("%DIR%", dir)}\n`);
    await broker.run();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
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
    while (!line.test(this.output.slice(from))) await once(this.process!.stderr!, "data");
  }

  /** Starts it again after {@link kill}, on the same port with the same files. */
  async run(): Promise<void> {
    const child = spawn("mosquitto", ["-c", join(this.dir, "mosquitto.conf")], {
      env: ENVIRONMENT,
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.process = child;
    await new Promise<void>((resolve, reject) => {
      const from = this.output.length;
      child.stderr!.on("data", bytes => {
        this.output += bytes;
        if (/mosquitto version .* running/.test(this.output.slice(from))) resolve();
      });
      child.once("error", reject);
      child.once("exit", code => reject(new Error(`mosquitto ended with ${code}: ${this.output.slice(from)}`)));
    });
  }

  /** Ends the process; resolves when it is gone. SIGTERM lets it save its persistent sessions, SIGKILL does not. */
  async kill(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    const child = this.process;
    this.process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
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
