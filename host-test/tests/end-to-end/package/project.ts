// An empty project with the package installed in it as npm would publish it, the compiler on a project, and the programs of
// documents.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT, writeFile } from "../../support/folder.ts";
import { type Ended, runProgram } from "../../support/program.ts";

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

/** Writes TypeScript files to `folder` and compiles them, strictly, with the types of Node. */
export function compile(folder: string, files: Record<string, string>, options: object): Promise<Ended> {
  for (const [name, text] of Object.entries(files)) writeFile(folder, name, text);
  const compilerOptions = {
    strict: true,
    noEmit: true,
    target: "es2022",
    module: "nodenext",
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    ...options,
  };
  writeFile(folder, "tsconfig.json", JSON.stringify({ compilerOptions, files: Object.keys(files) }));
  return runProgram(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", folder]);
}

/** The code blocks of one language in a document. */
export function blocks(document: string, language: string): string[] {
  const text = readFileSync(join(ROOT, document), "utf8");
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, "gm"))].map(match => match[1]!);
}

function npm(cwd: string, args: string[]): string {
  return execFileSync("npm", args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
}
