// Reads the files that a command line names.

import { readFileSync } from "node:fs";
import { UsageError } from "./errors.ts";

/** @param what for the error, for example "the image" @throws UsageError naming the file */
export function readBytes(what: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new UsageError(`cannot read ${what} '${path}' (${(error as NodeJS.ErrnoException).code ?? error})`);
  }
}

/** As {@link readBytes}, as UTF-8. */
export function readText(what: string, path: string): string {
  return readBytes(what, path).toString("utf8");
}
