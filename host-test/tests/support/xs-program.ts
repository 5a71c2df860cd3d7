// Starts XS with a test program in it that exports `play(library, argument)`.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { startXs, type Xs } from "../../harness/xs/host.ts";

/** @param library file in dist/, the first argument of `play`; `xs.call("play", argument)` passes the second */
export async function startProgram(program: URL, library: string): Promise<Xs> {
  const folder = mkdtempSync(join(tmpdir(), "xs-program-"));
  try {
    const outfile = join(folder, "program.mjs");
    await build({
      entryPoints: [fileURLToPath(program)],
      bundle: true,
      outfile,
      format: "esm",
      platform: "neutral",
      target: "es2022",
    });
    const xs = await startXs();
    await xs.evaluate(`(async () => {
      const lib = await import(${JSON.stringify(library)});
      const { play } = await import(${JSON.stringify(outfile)});
      host.register("play", argument => play(lib, argument));
    })()`);
    return xs;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
