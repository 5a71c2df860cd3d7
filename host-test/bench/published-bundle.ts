// The client with mqtt-packet as published: what the patches save is the difference.

import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { bundle } from "../../targets/bundle/bundle.ts";
import { shortenable } from "../../targets/bundle/names.ts";

const PUBLISHED = fileURLToPath(new URL("published.ts", import.meta.url));

const asPublished: Plugin = {
  name: "as-published",
  setup({ onResolve }) {
    onResolve({ filter: /^#mqtt-packet$/ }, ({ importer }) =>
      importer === PUBLISHED ? undefined : { path: PUBLISHED, sideEffects: false },
    );
  },
};

const SHORT = { shorten: (text: string) => shortenable(text, ["src"], ["src/index.ts"]) };

/** @param outfile without it, names of properties are short: for its size only */
export function bundlePublished(entry: string, outfile?: string): Promise<string> {
  return bundle({
    entry,
    trim: false,
    minify: true,
    plugins: [asPublished],
    ...(outfile === undefined ? SHORT : { outfile }),
  });
}
