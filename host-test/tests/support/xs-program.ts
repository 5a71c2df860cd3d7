// Starts XS with a test program in it: a module whose `start(library)` returns an object with functions, which `xs.call`
// calls.

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { startXs, type Xs, type XsOptions } from "../../harness/xs/host.ts";
import { withFolder } from "./folder.ts";

/** @param library file in dist/, given to `start`; undefined: the program needs none */
export function startProgram(program: URL, library: string | undefined, options: XsOptions = {}): Promise<Xs> {
  return withFolder(async folder => {
    const outfile = join(folder, "program.mjs");
    const target = { format: "esm", platform: "neutral", target: "es2022" } as const;
    await build({ entryPoints: [fileURLToPath(program)], bundle: true, outfile, ...target });
    const xs = await startXs(options);
    await xs.evaluate(`(async () => {
      const lib = ${library === undefined ? "undefined" : `await import(${JSON.stringify(library)})`};
      const { start } = await import(${JSON.stringify(outfile)});
      const functions = start(lib);
      for (const name in functions) if (typeof functions[name] === "function") host.register(name, functions[name]);
    })()`);
    return xs;
  });
}
