// An empty project in a temporary folder, with the package installed in it as npm would publish it.

import { execFileSync } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

export interface Project {
  /** Its folder; whoever made it removes it. */
  project: string;
  /** What is in the package. */
  files: string[];
}

export function makeProject(): Project {
  const project = mkdtempSync(join(tmpdir(), "iotf-project-"));
  // dist/ is built before the tests run; scripts would build it again under the feet of the other tests.
  const pack = ["pack", "--ignore-scripts", "--json", "--pack-destination", project];
  // One entry; npm 12 keys it by the package's name, earlier ones list it.
  const report: { filename: string; files: { path: string }[] } = Object.values(
    JSON.parse(npm(ROOT, pack)),
  )[0] as never;
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  npm(project, ["install", "--no-audit", "--no-fund", "--prefer-offline", report.filename]);
  return { project, files: report.files.map(file => file.path) };
}

function npm(cwd: string, args: string[]): string {
  return execFileSync("npm", args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
}
