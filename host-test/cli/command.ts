// What a subcommand is, and what it may touch. Each has a module of its own; dispatch.ts lists them.

/** One subcommand of `iotf-embedded`. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole help text. */
  readonly help: string;
  /**
   * Resolves with the exit code: 0 done, 1 it failed, 2 wrong use. User errors are thrown as UsageError or CommandError,
   * never with a stack trace.
   */
  run(args: readonly string[], io: Io): Promise<number>;
}

/** What a command may touch of the process, so that tests can stand in for it. */
export interface Io {
  readonly stdout: NodeJS.WritableStream & { isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { isTTY?: boolean };
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}
