// A bundle of the library in which a few places of src read otherwise. Fails when a place is not there, or there twice.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { bundle } from "../../targets/bundle/bundle.ts";

export interface Change {
  /** Below src/. */
  file: string;
  from: string;
  to: string;
}

const SRC = fileURLToPath(new URL("../../src/", import.meta.url));

export async function buildVariant(changes: readonly Change[], outfile: string): Promise<void> {
  const made: Change[] = [];
  await bundle({ entry: `${SRC}index.ts`, outfile, plugins: [changing(changes, made)] });
  if (made.length !== changes.length) throw new Error("src has no file of that name");
}

function changing(changes: readonly Change[], made: Change[]): Plugin {
  return {
    name: "variant",
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        const mine = changes.filter(change => path === SRC + change.file);
        if (!mine.length) return undefined;
        let text = await readFile(path, "utf8");
        for (const change of mine) text = changed(text, change);
        made.push(...mine);
        return { contents: text, loader: "ts" };
      });
    },
  };
}

function changed(text: string, { file, from, to }: Change): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`src/${file} has this ${parts.length - 1} times: ${from}`);
  return parts.join(to);
}
