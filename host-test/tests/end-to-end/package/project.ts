// An empty project with the package installed in it as npm would publish it.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../../..", import.meta.url));

/** One entry; npm 12 keys it by the package's name, earlier ones list it. */
interface Report {
  filename: string;
  files: { path: string }[];
}

// dist/ is built before the tests run; scripts would build it again under the feet of the other tests.
function pack(...options: string[]): Report {
  return Object.values(JSON.parse(npm(ROOT, ["pack", "--ignore-scripts", "--json", ...options])))[0] as Report;
}

/** What npm would publish. */
export function packedFiles(): string[] {
  return pack("--dry-run").files.map(({ path }) => path);
}

/** Makes `folder` a project that has the package; returns what is in the package. */
export function installPackage(folder: string): string[] {
  const { filename, files } = pack("--pack-destination", folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "user", private: true, type: "module" }));
  npm(folder, ["install", "--no-audit", "--no-fund", "--prefer-offline", filename]);
  return files.map(({ path }) => path);
}

function npm(cwd: string, args: string[]): string {
  return execFileSync("npm", args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
}
