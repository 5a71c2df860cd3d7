// Starts XS with a test program in it: a module whose `start(library)` returns an object with functions, which `xs.call`
// calls.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { startXs, type Xs, type XsOptions } from "../../harness/xs/host.ts";

/** @param library file in dist/ */
export async function startProgram(program: URL, library: string, options: XsOptions = {}): Promise<Xs> {
  const folder = mkdtempSync(join(tmpdir(), "xs-program-"));
  try {
    const outfile = join(folder, "program.mjs");
    const target = { format: "esm", platform: "neutral", target: "es2022" } as const;
    await build({ entryPoints: [fileURLToPath(program)], bundle: true, outfile, ...target });
    const xs = await startXs(options);
    await xs.evaluate(`(async () => {
      const lib = await import(${JSON.stringify(library)});
      const { start } = await import(${JSON.stringify(outfile)});
      const functions = start(lib);
      for (const name in functions) if (typeof functions[name] === "function") host.register(name, functions[name]);
    })()`);
    return xs;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
