// A bundle of the library in which a few places of src or of mqtt-packet are changed. Fails when a place is not there, or
// there twice.

import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { bundle } from "../../../targets/bundle/bundle.ts";
import { sourceOf } from "../../../targets/bundle/trim.ts";

export interface Change {
  /** Below src/, or "mqtt-packet/" and a file of mqtt-packet as published. */
  file: string;
  from: string;
  to: string;
}

const MQTT_PACKET = "mqtt-packet/";
const SRC = fileURLToPath(new URL("../../../src/", import.meta.url));

export async function buildVariant(changes: readonly Change[], outfile: string): Promise<void> {
  const made: Change[] = [];
  const source = (file: string) => {
    const mine = changes.filter(change => change.file === MQTT_PACKET + file);
    made.push(...mine);
    return mine.reduce(changed, sourceOf(file));
  };
  await bundle({ entry: `${SRC}index.ts`, outfile, source, plugins: [changing(changes, made)] });
  if (made.length !== changes.length) throw new Error("neither src nor mqtt-packet has a file of that name");
}

function changing(changes: readonly Change[], made: Change[]): Plugin {
  return {
    name: "variant",
    setup(build) {
      build.onLoad({ filter: /\/src\/.*\.ts$/ }, async ({ path }) => {
        const mine = changes.filter(change => path === SRC + change.file);
        if (!mine.length) return undefined;
        made.push(...mine);
        return { contents: mine.reduce(changed, await readFile(path, "utf8")), loader: "ts" };
      });
    },
  };
}

/** `text` with this change. */
export function changed(text: string, { file, from, to }: Change): string {
  const parts = text.split(from);
  if (parts.length !== 2) throw new Error(`${file} has this ${parts.length - 1} times: ${from}`);
  return parts.join(to);
}
