// Runs `iotf-embedded …` in this process, with streams that a test reads instead of a terminal's.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { Readable, Writable } from "node:stream";
import type { Command } from "../../../harness/cli/command.ts";
import { dispatch } from "../../../harness/cli/dispatch.ts";
import { UsageError } from "../../../harness/cli/errors.ts";

export interface RunOptions {
  /** What is run: all of them, by name; or one, whose errors reject `code`. */
  readonly command?: Command["run"];
  readonly env?: NodeJS.ProcessEnv;
  readonly tty?: boolean;
  /** Standard input. */
  readonly input?: Uint8Array;
}

export class Run {
  out = "";
  err = "";
  readonly stdout: Writable;
  /** The exit code. */
  readonly code: Promise<number>;
  readonly #interrupt = new AbortController();
  readonly #written = new EventEmitter();
  #ended = false;
  #stalled: (() => void)[] | undefined;

  constructor(args: readonly string[], { command = dispatch, env = {}, tty = false, input }: RunOptions = {}) {
    const stream = (take: (text: string) => void) => {
      const write = (bytes: Buffer, _: string, done: () => void) => {
        take(bytes.toString());
        this.#written.emit("change");
        if (this.#stalled) this.#stalled.push(done);
        else done();
      };
      return Object.assign(new Writable({ write }), { isTTY: tty, columns: 100, rows: 30 });
    };
    this.stdout = stream(text => {
      this.out += text;
    });
    const stderr = stream(text => {
      this.err += text;
    });
    const stdin = Readable.from(input ? [input] : []);
    this.code = command(args, { stdin, stdout: this.stdout, stderr, env, signal: this.#interrupt.signal }).finally(
      () => {
        this.#ended = true;
        this.#written.emit("change");
      },
    );
  }

  /** Resolves when the command has ended with exit code 0. */
  async succeeds(): Promise<this> {
    assert.equal(await this.code, 0, this.err);
    return this;
  }

  /** Resolves when the command has ended with this exit code, and its errors match. */
  async fails(message: RegExp, code = 1): Promise<this> {
    assert.equal(await this.code, code);
    assert.match(this.err, message);
    return this;
  }

  /** From now on nobody reads the output, until read(). */
  stall(): void {
    this.#stalled = [];
  }

  read(): void {
    const stalled = this.#stalled ?? [];
    this.#stalled = undefined;
    for (const done of stalled) done();
  }

  /** Ctrl-C; the exit code. */
  interrupt(): Promise<number> {
    this.#interrupt.abort();
    return this.code;
  }

  /** Resolves with the match when what was printed matches; rejects if the command ends without. */
  printed(pattern: RegExp, from: "out" | "err" = "out"): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(this[from]);
        if (match || this.#ended) this.#written.off("change", look);
        if (match) resolve(match);
        else if (this.#ended) reject(new Error(`ended without ${pattern}:\n${this.out}${this.err}`));
      };
      this.#written.on("change", look);
      look();
    });
  }

  /** The JSON objects printed so far, without their times. */
  get objects(): Record<string, unknown>[] {
    return this.out
      .split("\n")
      .filter(Boolean)
      .map(line => {
        const { time, ...rest } = JSON.parse(line);
        if (Number.isNaN(Date.parse(time))) throw new Error(`no time: ${line}`);
        return rest;
      });
  }
}

/** A usage error of one line, which does not show a token: those of these tests have SECRET in them. */
export function assertUsageError(act: () => unknown, message: RegExp): void {
  assert.throws(act, (error: Error) => {
    assert.ok(error instanceof UsageError);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /SECRET|\n/);
    return true;
  });
}

/** What steers a terminal, made visible. */
export function visible(text: string): string {
  return text.replaceAll("\x1b", "␛");
}
