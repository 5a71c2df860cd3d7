// node/store.ts: what both stores do alike, and what a file store finds on a disk that others wrote to or a crash left.

import assert from "node:assert/strict";
import fs, { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { memoryStore } from "../../../targets/node/memory-store.ts";
import { fileStore } from "../../../targets/node/store.ts";
import { makeFolder } from "../support/folder.ts";

const WINDOWS = process.platform === "win32";

for (const [name, make] of [
  ["in memory", memoryStore],
  ["in files", () => fileStore(makeFolder())],
  ["in files, without waiting for the disk", () => fileStore(makeFolder(), { sync: false })],
] as const) {
  test(`${name}: adds, replaces, gives back, removes; what is not there is undefined`, () => {
    const store = make();
    assert.deepEqual([store.keys(), store.get("m1")], [[], undefined]);
    store.set("m1", Uint8Array.of(1, 2, 3));
    store.set("r1", new Uint8Array(0));
    store.set("m1", Uint8Array.of(4));
    assert.deepEqual(store.keys().sort(), ["m1", "r1"]);
    assert.deepEqual([store.get("m1"), store.get("r1")], [Uint8Array.of(4), new Uint8Array(0)]);
    store.remove("m1");
    store.remove("m1");
    assert.deepEqual([store.keys(), store.get("m1")], [["r1"], undefined]);
  });

  test(`${name}: the bytes are the caller's again`, () => {
    const store = make();
    const bytes = Uint8Array.of(1, 2);
    store.set("m1", bytes);
    bytes.fill(9);
    store.get("m1")!.fill(8);
    assert.deepEqual(store.get("m1"), Uint8Array.of(1, 2));
  });
}

/** Functions of node:fs replaced until the end of the test, also for those who imported them by name. */
function replace(t: TestContext, replaced: Partial<typeof fs>): void {
  for (const [name, value] of Object.entries(replaced)) t.mock.method(fs, name as "rmSync", value as typeof fs.rmSync);
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
}

test("set() and remove() wait for the disk, and with sync: false for nothing", t => {
  const steps: string[] = [];
  const { fsyncSync, renameSync } = fs;
  replace(t, {
    fsyncSync(file) {
      steps.push(fs.fstatSync(file).isDirectory() ? "folder" : `file of ${fs.fstatSync(file).size} bytes`);
      fsyncSync(file);
    },
    renameSync(from, to) {
      steps.push("renamed");
      renameSync(from, to);
    },
  });
  const store = fileStore(makeFolder());
  store.set("m1", Uint8Array.of(1, 2, 3));
  // The content before the name; a folder need not be synced on Windows.
  const folder = WINDOWS ? [] : ["folder"];
  assert.deepEqual(steps.splice(0), ["file of 11 bytes", "renamed", ...folder]);
  store.remove("m1");
  assert.deepEqual(steps.splice(0), folder);
  const fast = fileStore(makeFolder(), { sync: false });
  fast.set("m1", Uint8Array.of(1));
  fast.remove("m1");
  assert.deepEqual(steps, ["renamed"]);
});

test("a disk that takes a part of the bytes gets the rest; when it is full, the entry is what it was", t => {
  const store = fileStore(makeFolder());
  const { writeSync } = fs;
  let room = 20;
  replace(t, {
    writeSync: ((file: number, bytes: Buffer, at: number) => {
      if (room === 0) throw new Error("no space left on device");
      const count = Math.min(3, room, bytes.length - at);
      room -= count;
      return writeSync(file, bytes, at, count);
    }) as typeof writeSync,
  });
  store.set("m1", Uint8Array.of(1, 2, 3, 4));
  assert.throws(() => store.set("m1", Uint8Array.of(5, 6, 7, 8)), /no space left/);
  assert.deepEqual([store.keys(), store.get("m1")], [["m1"], Uint8Array.of(1, 2, 3, 4)]);
});

test("no file is left open", () => {
  const lowestFree = () => {
    const file = fs.openSync(tmpdir(), "r");
    fs.closeSync(file);
    return file;
  };
  const store = fileStore(makeFolder());
  const before = lowestFree();
  store.set("m1", Uint8Array.of(1));
  store.get("m1");
  store.remove("m1");
  assert.equal(lowestFree(), before);
});

test("only this user may read the folder and its entries", { skip: WINDOWS && "Windows has no modes" }, () => {
  const folder = join(makeFolder(), "new");
  fileStore(folder).set("m1", Uint8Array.of(1));
  const modes = [folder, join(folder, "m1")].map(path => fs.statSync(path).mode & 0o777);
  assert.deepEqual(modes, [0o700, 0o600]);
});

test("another store on the same folder has the same entries", () => {
  const folder = makeFolder();
  const value = Uint8Array.from({ length: 5000 }, (_, n) => n);
  fileStore(folder).set("m7", value);
  assert.deepEqual(fileStore(folder).get("m7"), value);
});

test("a folder that is not there is made, with those above it", () => {
  const folder = join(makeFolder(), "a", "b");
  fileStore(folder).set("m1", Uint8Array.of(1));
  assert.deepEqual(readdirSync(folder), ["m1"]);
});

test("a file that is cut short or changed anywhere is damaged, never another value", () => {
  const folder = makeFolder();
  const store = fileStore(folder);
  store.set("m1", Uint8Array.of(10, 20, 30));
  const good = readFileSync(join(folder, "m1"));
  for (let length = 0; length < good.length; length++) {
    writeFileSync(join(folder, "m1"), good.subarray(0, length));
    assert.throws(() => store.get("m1"), /m1 is damaged/, `${length} bytes`);
  }
  for (let at = 0; at < good.length; at++) {
    const changed = Buffer.from(good);
    changed[at]! ^= 1;
    writeFileSync(join(folder, "m1"), changed);
    assert.throws(() => store.get("m1"), /m1 is damaged/, `byte ${at}`);
  }
});

test("what a crash left half written is cleared away; the entry it was to replace is whole", () => {
  const folder = makeFolder();
  fileStore(folder).set("m1", Uint8Array.of(1));
  writeFileSync(join(folder, "m1~"), "half");
  const store = fileStore(folder);
  assert.deepEqual([store.keys(), store.get("m1")], [["m1"], Uint8Array.of(1)]);
  assert.deepEqual(readdirSync(folder), ["m1"]);
});

test("an entry that is there and cannot be read is an error, not undefined", () => {
  const folder = makeFolder();
  const store = fileStore(folder);
  fs.mkdirSync(join(folder, "m1"));
  assert.throws(() => store.get("m1"), { code: "EISDIR" });
});

test("a folder that cannot be made is an error at once", () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), "");
  assert.throws(() => fileStore(join(folder, "file")), { code: "EEXIST" });
});
