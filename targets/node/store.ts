// A store as files. Each entry is one file, written under another name and then renamed, so that a crash leaves a whole
// file or none. `set` waits for the disk, so that entries survive a power failure.

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
   * Default true: `set` returns when the disk has the entry. false is about a hundred times faster; entries then survive
   * the end of the process, but a power failure may lose those of the last seconds.
   */
  sync?: boolean;
}

/** Suffix of the names of files that are being written. fileStore() removes those that a crash left. */
const UNFINISHED = "~";
const CHECK_BYTES = 8;

/**
 * Store as files in `folder`, which is created if it does not exist, readable by this user only. The name of a file is the
 * key; its content is the first 8 bytes of the SHA-256 of the value, and the value. `get` throws for a file whose hash is
 * wrong. A folder belongs to one client of one process at a time.
 * @throws errors of node:fs, also from the functions of the store
 */
export function fileStore(folder: string, { sync = true }: FileStoreOptions = {}): Store {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) if (name.endsWith(UNFINISHED)) rmSync(join(folder, name));
  const syncFolder = () => {
    // Windows cannot open folders and does not need this.
    if (sync && process.platform !== "win32") withFile(folder, "r", fsyncSync);
  };
  return {
    keys: () => readdirSync(folder).filter(name => !name.endsWith(UNFINISHED)),
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
  const file = openSync(path, flags, 0o600);
  try {
    use(file);
  } finally {
    closeSync(file);
  }
}

// A disk that is nearly full may accept only a part of the bytes.
function writeWhole(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
