// Runs a program as a process: what it prints, while it runs and at its end.

import assert from "node:assert/strict";
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";

export interface Ended {
  /** null: ended by a signal. */
  code: number | null;
  out: string;
  err: string;
}

export class Program {
  readonly ended: Promise<Ended>;
  private readonly child: ChildProcess;
  private readonly watchers = new Set<() => void>();
  private out = "";
  private err = "";

  constructor(command: string, args: string[], options: SpawnOptions = {}) {
    this.child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout!.on("data", bytes => {
      this.out += bytes;
      for (const look of this.watchers) look();
    });
    this.child.stderr!.on("data", bytes => {
      this.err += bytes;
    });
    this.ended = once(this.child, "close").then(([code]) => ({ code, out: this.out, err: this.err }));
  }

  /** Resolves with the match when what it has printed so far matches; rejects if it ends without that. */
  printed(text: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = text.exec(this.out);
        if (!match) return;
        this.watchers.delete(look);
        resolve(match);
      };
      this.watchers.add(look);
      look();
      this.ended.then(() => reject(new Error(`ended without printing ${text}:\n${this.out}${this.err}`)));
    });
  }

  /** Resolves when it is gone. */
  kill(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

export function runProgram(command: string, args: string[], options: SpawnOptions = {}): Promise<Ended> {
  return new Program(command, args, options).ended;
}

/** What a program has printed when it has ended with exit code 0. */
export async function outputOf(ended: Promise<Ended>): Promise<string> {
  const { code, out, err } = await ended;
  assert.equal(code, 0, out + err);
  return out;
}
