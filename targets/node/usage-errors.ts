// Usage errors in the log of an application: the stack begins with the call that was wrong, and Node prints that line of
// the application. A stack is left alone if the application's own code threw the error, for example a codec.

import { ConnectionException, InvalidEventException, MissingMessageEncoderException } from "../../src/index.ts";

const FRAME = /^ +at .*?((?:file:\/\/)?\/[^\s()]*\/)[^/]*:\d+:\d+\)?$/m;

/** Folder of this package's files as stacks show it. import.meta.url would be a warning in bundles for CommonJS. */
const FOLDER = topFolder(new Error());

// biome-ignore lint/complexity/noBannedTypes: Error.captureStackTrace takes any function or class.
type Entry = Function;

/** Calls `run`. The stack of a usage error that it throws begins with the caller of `entry`. */
export function blameCaller<T>(entry: Entry, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw fromCaller(error, entry);
  }
}

/** Overrides methods of a class so that the stacks of their usage errors begin with the caller. */
export function blameCallers<T extends object>(prototype: T, names: readonly (keyof T & string)[]): void {
  for (const name of names) {
    const method = prototype[name] as (...args: unknown[]) => unknown;
    function override(this: T, ...args: unknown[]): unknown {
      try {
        return method.apply(this, args);
      } catch (error) {
        throw fromCaller(error, override);
      }
    }
    Object.defineProperty(prototype, name, { value: override, writable: true, configurable: true });
  }
}

/** Returns `error`, without the frames up to `entry` if the library threw it. */
export function fromCaller(error: unknown, entry: Entry): unknown {
  if (FOLDER && isUsageError(error) && topFolder(error) === FOLDER) Error.captureStackTrace(error, entry);
  return error;
}

function isUsageError(error: unknown): error is Error {
  return (
    error instanceof ConnectionException ||
    error instanceof InvalidEventException ||
    error instanceof MissingMessageEncoderException
  );
}

/** undefined if there is no stack, or another form of it: Error.prepareStackTrace, Error.stackTraceLimit. */
function topFolder({ stack }: Error): string | undefined {
  return FRAME.exec(String(stack))?.[1];
}
