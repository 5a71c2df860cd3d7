// An XS worker with the pointers and slots of a 32-bit chip, built from the npm package that the tests use: its heap
// figures are those of the device to the byte. Needs gcc that can build for 32 bits (Debian: gcc-multilib).

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const INSTALL =
  "exact 32-bit figures need gcc for 32 bits, and qemu-i386 where the kernel does not run 32-bit programs: " +
  "apt-get install gcc-multilib qemu-user (Debian)";

/** Path of the worker, built at the first call and kept; undefined where it cannot be built. */
export function worker32(): string | undefined {
  const manifest = createRequire(import.meta.url).resolve("@agoric/xsnap/package.json");
  const { version } = JSON.parse(readFileSync(manifest, "utf8"));
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const build = join(root, "node_modules/.cache/iotf-embedded", `xsnap-${version}-m32`);
  const binary = join(build, "bin/lin/release/xsnap-worker");
  if (existsSync(binary)) return runnable(binary);
  mkdirSync(build, { recursive: true });
  const made = spawnSync(
    "make",
    [
      "-C",
      join(dirname(manifest), "xsnap-native/xsnap/makefiles/lin"),
      "-f",
      "xsnap-worker.mk",
      `MODDABLE=${join(dirname(manifest), "moddable")}`,
      `BUILD_DIR=${build}`,
      `XSNAP_VERSION=${version}`,
      "GOAL=release",
      "CC=gcc -m32",
    ],
    { stdio: "ignore" },
  );
  return made.status === 0 && existsSync(binary) ? runnable(binary) : undefined;
}

/** The worker, or a script that runs it in qemu-i386; undefined if neither runs. Heap figures are the same. */
function runnable(binary: string): string | undefined {
  if (spawnSync(binary, ["-v"], { stdio: "ignore" }).status === 0) return binary;
  const script = `${binary}.sh`;
  writeFileSync(script, `#!/bin/sh\nexec qemu-i386 ${JSON.stringify(binary)} "$@"\n`);
  chmodSync(script, 0o755);
  return spawnSync(script, ["-v"], { stdio: "ignore" }).status === 0 ? script : undefined;
}
