// Builds programs with the Moddable SDK as a developer has it, and runs them in its simulator without a screen. Nothing
// here when the environment variable MODDABLE is not set.

import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { XsbugConsole } from "../../../../targets/esp32/xsbug.ts";
import { ROOT } from "../../support/folder.ts";

const MODDABLE = process.env.MODDABLE ?? "";
const TOOLS = join(MODDABLE, "build/bin/lin/release");
/** The first build takes in the engine too. */
const BUILD_MS = 400_000;
/** Ours alone: in the SDK's own folder, a program of the same name from another clone would pass for this one. */
const OUTPUT = join(ROOT, "node_modules/.cache/iotf-moddable");

/**
 * Why nothing can be tried with the SDK; false when it can. It comes from no package registry, so that also in CI its
 * absence is a skip, and a loud one.
 */
export function withoutModdable(): string | false {
  if (!MODDABLE) return "NOT RUN: the environment variable MODDABLE is not set, no Moddable SDK here";
  if (process.platform !== "linux") return "NOT RUN: the tests drive the SDK's simulator on Linux only";
  if (!existsSync(join(TOOLS, "mcsim"))) return `NOT RUN: the SDK's tools and mcsim are not built in ${TOOLS}`;
  if (spawnSync("Xvfb", ["-help"]).error) return "NOT RUN: Xvfb is missing (Debian: apt-get install xvfb)";
  return false;
}

/** "8.2.3" */
export function sdkVersion(): string {
  return readFileSync(join(MODDABLE, "tools/VERSION"), "utf8").trim();
}

export interface Build {
  /** What the simulator runs. */
  library: string;
  /** What the SDK's linker says of our modules; empty when all is well. */
  warnings: string[];
}

/** Builds the program of a classic manifest for the simulator. `settings` become mc/config. */
export async function mcconfig(folder: string, settings: Record<string, string | number> = {}): Promise<Build> {
  return build("mcconfig", [join(folder, "manifest.json")], folder, basename(folder), settings);
}

/** Builds the package in `folder`, resolving its imports as Node would. */
export async function mcpack(folder: string, settings: Record<string, string | number> = {}): Promise<Build> {
  const { name } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  return build("mcpack", [], folder, name, settings);
}

/** A program's folder with more files in it, so that nothing is added to the tree. Made inside `work`. */
export function copyOf(folder: string, work: string, files: Record<string, string>): string {
  const copy = join(work, basename(folder));
  cpSync(folder, copy, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(copy, name)), { recursive: true });
    writeFileSync(join(copy, name), text);
  }
  const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
  writeFileSync(join(copy, "manifest.json"), JSON.stringify({ ...manifest, build: { LIBRARY: ROOT } }));
  return copy;
}

/** tsc of this repository compiles the examples that are TypeScript. */
export function toolEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: [TOOLS, join(ROOT, "node_modules/.bin"), process.env.PATH].join(delimiter) };
}

async function build(
  tool: string,
  manifest: string[],
  cwd: string,
  name: string,
  settings: Record<string, string | number>,
): Promise<Build> {
  const given = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  const args = ["-d", "-m", "-p", "lin", "-t", "build", "-o", OUTPUT, ...manifest, ...given];
  mkdirSync(OUTPUT, { recursive: true });
  const { stdout, stderr } = await promisify(execFile)(tool, tool === "mcpack" ? ["mcconfig", ...args] : args, {
    cwd,
    env: toolEnvironment(),
    timeout: BUILD_MS,
    maxBuffer: 1 << 24,
  }).catch(error => {
    throw new Error(`${tool} in ${cwd}: ${error.stdout}\n${error.stderr}`);
  });
  const warnings = `${stdout}\n${stderr}`
    .split("\n")
    .filter(line => /warning: (iotf-embedded|identity|clock|led)/.test(line));
  return { library: join(OUTPUT, "bin/lin/mc/debug", name, "mc.so"), warnings };
}

/** A program running in the simulator. */
export class Simulator {
  readonly console: XsbugConsole;
  private readonly screen: ChildProcess;
  private readonly process: ChildProcess;
  private readonly folder: string;

  private constructor(console: XsbugConsole, screen: ChildProcess, process: ChildProcess, folder: string) {
    this.console = console;
    this.screen = screen;
    this.process = process;
    this.folder = folder;
  }

  private static async start({ library }: Build): Promise<Simulator> {
    const console = await XsbugConsole.open();
    const folder = mkdtempSync(join(tmpdir(), "iotf-mcsim-"));
    mkdirSync(join(folder, "tech.moddable.mcsim"));
    const screen = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp"], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    const [display] = await once(screen.stdio[3] as Readable, "data");
    const process_ = spawn(join(TOOLS, "mcsim"), [join(MODDABLE, "build/simulators"), library], {
      env: {
        ...process.env,
        DISPLAY: `:${String(display).trim()}`,
        HOME: folder,
        XDG_CONFIG_HOME: folder,
        NO_AT_BRIDGE: "1",
        XSBUG_HOST: "127.0.0.1",
        XSBUG_PORT: String(console.port),
      },
      stdio: "ignore",
    });
    return new Simulator(console, screen, process_, folder);
  }

  /** Starts a program for `use`, and ends it. */
  static async run(build: Build, use: (simulator: Simulator) => Promise<unknown>): Promise<void> {
    const simulator = await Simulator.start(build);
    try {
      await use(simulator);
    } finally {
      await simulator.close();
    }
  }

  /** Waits for a traced line that matches; returns what its groups captured, or the line. */
  async says(pattern: RegExp, options?: { from?: number; timeoutMs?: number }): Promise<string> {
    const line = await this.console.line(pattern, options);
    return pattern.exec(line)?.[1] ?? line;
  }

  private async close(): Promise<void> {
    for (const child of [this.process, this.screen]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    this.console.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
