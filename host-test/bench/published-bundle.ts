// The client with mqtt-packet as published: what the patches save is the difference.

import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { bundle } from "../../targets/bundle/bundle.ts";

const PUBLISHED = fileURLToPath(new URL("published.ts", import.meta.url));

const asPublished: Plugin = {
  name: "as-published",
  setup({ onResolve }) {
    onResolve({ filter: /^#mqtt-packet$/ }, ({ importer }) =>
      importer === PUBLISHED ? undefined : { path: PUBLISHED, sideEffects: false },
    );
  },
};

export function bundlePublished(entry: string, outfile?: string): Promise<string> {
  return bundle({
    entry,
    trim: false,
    minify: outfile === undefined,
    plugins: [asPublished],
    ...(outfile === undefined ? {} : { outfile }),
  });
}
