// An empty project of a user with the packed package installed, in a temporary folder, without asking a registry.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Project {
  readonly folder: string;
  /** What the package holds. */
  readonly files: readonly string[];
  remove(): void;
}

export function packedProject(): Project {
  const folder = mkdtempSync(join(tmpdir(), "iotf-project-"));
  // dist/ is built before the tests run; scripts would build it again under the feet of the other tests.
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", folder];
  // One entry; npm 12 keys it by the package's name, earlier ones list it.
  const report: { filename: string; files: { path: string }[] } = Object.values(
    JSON.parse(npm(ROOT, pack)),
  )[0] as never;
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  npm(folder, ["install", "--no-audit", "--no-fund", "--prefer-offline", report.filename]);
  return {
    folder,
    files: report.files.map(file => file.path),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function npm(cwd: string, args: string[]): string {
  return execFileSync("npm", args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
}
