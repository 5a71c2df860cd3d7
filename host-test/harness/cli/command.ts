// Interface of a subcommand. Each has its own module; dispatch.ts lists them.

import type { Readable, Writable } from "node:stream";
import type { Options } from "./args.ts";

/** One subcommand of `iotf-embedded`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole help text. */
  readonly help: string;
  /** All but --help. */
  readonly options: Options;
  /**
   * Resolves with the exit code: 0 success, 1 failure, 2 wrong use. Throws UsageError or CommandError for errors that the
   * user can fix; those are shown without a stack.
   */
  run(args: readonly string[], io: Io): Promise<number>;
}

/** The process as a command sees it; tests replace it. */
export interface Io {
  readonly stdin: Readable;
  readonly stdout: Writable & { isTTY?: boolean };
  readonly stderr: Writable & { isTTY?: boolean };
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C (SIGINT) or SIGTERM. */
  readonly signal: AbortSignal;
}
