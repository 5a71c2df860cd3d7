// Where a client's messages survive: a store of src/ports.ts as files. It outlives the process and, as it waits for the
// disk, a power cut: one file an entry, written under another name and renamed, so that there is a whole file or none.

import { createHash } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Store } from "../../src/ports.ts";

export interface FileStoreOptions {
  /**
   * Default true: `set` returns when the disk has the entry. false is some hundred times faster; entries then survive the
   * end of the process, however it ends, but those of the last seconds not a power cut.
   */
  sync?: boolean;
}

/** The end of names of files that are being written. Left behind by a crash, they mean nothing. */
const UNFINISHED = "~";
const CHECK_BYTES = 8;

/**
 * Entries as files in `folder`, which is made if it is not there; the key is the name. The folder belongs to one client of
 * one process at a time. A file is 8 bytes of SHA-256 and the value; `get` throws for one where they do not match.
 * @throws the errors of node:fs, also from the functions of the store
 */
export function fileStore(folder: string, { sync = true }: FileStoreOptions = {}): Store {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (name.endsWith(UNFINISHED)) rmSync(join(folder, name));
  const syncFolder = () => {
    // Windows cannot open folders, and has no need to.
    if (sync && process.platform !== "win32") withFile(folder, "r", fsyncSync);
  };
  return {
    keys: () => readdirSync(folder),
    get: key => read(join(folder, key)),
    set(key, value) {
      const path = join(folder, key);
      withFile(path + UNFINISHED, "w", file => {
        writeWhole(file, Buffer.concat([check(value), value]));
        if (sync) fsyncSync(file);
      });
      renameSync(path + UNFINISHED, path);
      syncFolder();
    },
    remove(key) {
      rmSync(join(folder, key), { force: true });
      syncFolder();
    },
  };
}

function check(value: Uint8Array): Buffer {
  return createHash("sha256").update(value).digest().subarray(0, CHECK_BYTES);
}

function read(path: string): Uint8Array | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const value = new Uint8Array(bytes.subarray(CHECK_BYTES));
  if (!check(value).equals(bytes.subarray(0, CHECK_BYTES))) throw new Error(`${path} is damaged`);
  return value;
}

function withFile(path: string, flags: string, use: (file: number) => void): void {
  const file = openSync(path, flags);
  try {
    use(file);
  } finally {
    closeSync(file);
  }
}

// A disk that is nearly full may take a part.
function writeWhole(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
