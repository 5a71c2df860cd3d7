// What trimming and the short cuts of src/wire buy is found by leaving them out: the client, with mqtt-packet as published
// framing every PUBLISH and reading every frame.

import { readFileSync } from "node:fs";
import type { Plugin } from "esbuild";
import { bundle } from "../../targets/bundle/bundle.ts";

/** Short cut and what it falls back to; the build fails where it is not found. */
const SHORT_CUTS: readonly (readonly [find: string, replace: string])[] = [
  ["if (at + length + 5 > this.publishLimit) return", "if (at >= 0) return"],
  ["wholeFrame(frame) || parse(frame)", "parse(frame)"],
];

const withoutShortCuts: Plugin = {
  name: "without-short-cuts",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]src[\\/]wire[\\/]packet\.ts$/ }, ({ path }) => {
      let contents = readFileSync(path, "utf8");
      for (const [find, replace] of SHORT_CUTS) {
        if (contents.split(find).length !== 2) throw new Error(`bench: no "${find}" in ${path}`);
        contents = contents.replace(find, replace);
      }
      return { contents, loader: "ts" };
    });
  },
};

export function bundleUntrimmed(entry: string, outfile?: string): Promise<string> {
  return bundle({
    entry,
    trim: false,
    minify: outfile === undefined,
    plugins: [withoutShortCuts],
    ...(outfile === undefined ? {} : { outfile }),
  });
}
