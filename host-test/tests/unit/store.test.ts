// node/store.ts: what both stores do alike, and what a file store finds on a disk that others wrote to or a crash left.

import assert from "node:assert/strict";
import fs, { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { memoryStore } from "../../../targets/node/memory-store.ts";
import { fileStore } from "../../../targets/node/store.ts";

const folders: string[] = [];

function newFolder(): string {
  folders.push(mkdtempSync(join(tmpdir(), "iotf-store-")));
  return folders.at(-1)!;
}

after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

for (const [name, make] of [
  ["in memory", memoryStore],
  ["in files", () => fileStore(newFolder())],
  ["in files, without waiting for the disk", () => fileStore(newFolder(), { sync: false })],
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

test("set() and remove() wait for the disk, and with sync: false for nothing", () => {
  const synced: string[] = [];
  const { fsyncSync } = fs;
  fs.fsyncSync = file => {
    synced.push(fs.fstatSync(file).isDirectory() ? "folder" : `file of ${fs.fstatSync(file).size} bytes`);
    fsyncSync(file);
  };
  syncBuiltinESMExports();
  try {
    const store = fileStore(newFolder());
    store.set("m1", Uint8Array.of(1, 2, 3));
    // The content first; a folder need not be synced on Windows.
    const folder = process.platform === "win32" ? [] : ["folder"];
    assert.deepEqual(synced.splice(0), ["file of 11 bytes", ...folder]);
    store.remove("m1");
    assert.deepEqual(synced.splice(0), folder);
    const fast = fileStore(newFolder(), { sync: false });
    fast.set("m1", Uint8Array.of(1));
    fast.remove("m1");
    assert.deepEqual(synced, []);
  } finally {
    fs.fsyncSync = fsyncSync;
    syncBuiltinESMExports();
  }
});

test("another store on the same folder has the same entries", () => {
  const folder = newFolder();
  const value = Uint8Array.from({ length: 5000 }, (_, n) => n);
  fileStore(folder).set("m7", value);
  assert.deepEqual(fileStore(folder).get("m7"), value);
});

test("a folder that is not there is made, with those above it", () => {
  const folder = join(newFolder(), "a", "b");
  fileStore(folder).set("m1", Uint8Array.of(1));
  assert.deepEqual(readdirSync(folder), ["m1"]);
});

test("a file that is cut short or changed anywhere is damaged, never another value", () => {
  const folder = newFolder();
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
  const folder = newFolder();
  fileStore(folder).set("m1", Uint8Array.of(1));
  writeFileSync(join(folder, "m1~"), "half");
  const store = fileStore(folder);
  assert.deepEqual([store.keys(), store.get("m1")], [["m1"], Uint8Array.of(1)]);
});

test("a folder that cannot be made is an error at once", () => {
  const folder = newFolder();
  writeFileSync(join(folder, "file"), "");
  assert.throws(() => fileStore(join(folder, "file")), { code: "EEXIST" });
});
