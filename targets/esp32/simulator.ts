// Runs a program in the SDK's simulator: in the foreground, with a screen of its own if there is none, and with the
// console of the program on standard output instead of in xsbug.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { XsbugConsole } from "./xsbug.ts";

const MCSIM: Readonly<Record<string, string>> = {
  lin: "mcsim",
  mac: "mcsim.app/Contents/MacOS/mcsim",
  win: "mcsim.exe",
};

interface SimulatorOptions {
  readonly moddable: string;
  /** "lin", "mac" or "win". */
  readonly host: string;
  /** The built program. */
  readonly library: string;
  readonly stdout: Writable;
  readonly signal: AbortSignal;
}

/**
 * Resolves when the simulator or the machine of the program has ended, or the signal aborts.
 * @returns exit code: 0 after the signal or if the user closed the simulator, 1 if the program or the simulator failed
 */
export async function runSimulator({ moddable, host, library, stdout, signal }: SimulatorOptions): Promise<number> {
  const console = await XsbugConsole.open();
  console.lineCallback = line => stdout.write(`${line}\n`);
  // The simulator keeps its window positions there; mcsim exits if the folder does not exist.
  const home = mkdtempSync(join(tmpdir(), "iotf-sim-"));
  mkdirSync(join(home, "tech.moddable.mcsim"));
  const screen = host === "lin" && !hasScreen() ? await startScreen() : undefined;
  const tools = join(moddable, "build/bin", host, "release");
  const simulator = spawn(join(tools, MCSIM[host]!), [join(moddable, "build/simulators"), library], {
    env: {
      ...process.env,
      ...(screen ? { DISPLAY: screen.display, HOME: home, XDG_CONFIG_HOME: home, NO_AT_BRIDGE: "1" } : {}),
      XSBUG_HOST: "127.0.0.1",
      XSBUG_PORT: String(console.port),
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  try {
    // Ctrl-C in a terminal reaches the simulator too.
    const exited = once(simulator, "exit").then(([code, signal]) => (code === 0 || signal === "SIGINT" ? 0 : 1));
    const aborted = new Promise<number>(resolve => {
      signal.addEventListener("abort", () => resolve(0));
      if (signal.aborted) resolve(0);
    });
    const ended = new Promise<number>(resolve => {
      console.endCallback = () => resolve(1);
    });
    return await Promise.race([exited, aborted, ended]);
  } finally {
    for (const child of [simulator, screen?.process]) if (child) await stop(child);
    console.close();
    rmSync(home, { recursive: true, force: true });
  }
}

function hasScreen(): boolean {
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
}

async function startScreen(): Promise<{ process: ChildProcess; display: string }> {
  const child = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", "800x600x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  const failed = once(child, "error").then(() => {
    throw new Error("there is no screen, and no Xvfb: apt-get install xvfb (Debian), or set DISPLAY");
  });
  const [display] = await Promise.race([once(child.stdio[3] as Readable, "data"), failed]);
  failed.catch(() => {});
  return { process: child, display: `:${String(display).trim()}` };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
}
