// The folder of this repository, folders for the files of a test, and what is written there.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";

/** The folder of this repository. */
export const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

const create = (): string => mkdtempSync(join(tmpdir(), "iotf-test-"));
const remove = (folder: string): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });

/** A new folder. It is removed after the tests of the file or suite that calls this, or after test `t`. */
export function makeFolder(t: { after(done: () => void): void } = { after }): string {
  const folder = create();
  t.after(() => remove(folder));
  return folder;
}

/** A new folder, removed as soon as `use` has ended, or its promise. */
export function withFolder<T>(use: (folder: string) => T): T {
  const folder = create();
  let waits = false;
  try {
    const result = use(folder);
    if (!(result instanceof Promise)) return result;
    waits = true;
    return result.finally(() => remove(folder)) as T;
  } finally {
    if (!waits) remove(folder);
  }
}

/** Writes a file; returns its path. */
export function writeFile(folder: string, name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}
