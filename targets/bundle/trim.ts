// esbuild plugin: brings mqtt-packet in through the patches, and the stand-ins in place of what it imports.

import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { type Group, PATCHES, type Patch } from "./patches.ts";

// By path: tsconfig.json leads the name "mqtt-packet" to its declarations.
export const MQTT_PACKET = fileURLToPath(new URL("../../node_modules/mqtt-packet", import.meta.url));
const STANDINS = fileURLToPath(new URL("standins", import.meta.url));

/** mqtt-packet's `source` of `file` with the patches of `groups`. Throws where a patch does not match as it must. */
export function patched(file: string, source: string, groups: readonly Group[], patches = PATCHES): string {
  let result = source;
  for (const patch of patches) {
    if (patch.file === file && groups.includes(patch.group)) result = applied(patch, result);
  }
  return result;
}

function applied(patch: Patch, source: string): string {
  const { file, group, find, replace, count = 1 } = patch;
  const found = typeof find === "string" ? source.split(find).length - 1 : [...source.matchAll(find)].length;
  if (found !== count) {
    throw new Error(
      `mqtt-packet/${file} is not what patch group "${group}" was written for: ` +
        `expected ${count} of ${find instanceof RegExp ? find : JSON.stringify(find)}, found ${found}`,
    );
  }
  return typeof find === "string" ? source.replaceAll(find, () => replace) : source.replace(find, replace);
}

export function mqttPacketPlugin(groups: readonly Group[]): Plugin {
  return {
    name: "mqtt-packet",
    setup(build) {
      build.onResolve({ filter: /^(buffer|events|bl|debug|process-nextick-args)$/ }, ({ path }) => ({
        path: join(STANDINS, `${path}.ts`),
        sideEffects: false,
      }));
      build.onResolve({ filter: /^mqtt-packet$/ }, () => ({ path: join(MQTT_PACKET, "mqtt.js"), sideEffects: false }));
      build.onResolve({ filter: /^\.\// }, ({ path, resolveDir }) =>
        resolveDir === MQTT_PACKET ? { path: join(MQTT_PACKET, path), sideEffects: false } : undefined,
      );
      build.onLoad({ filter: /[\\/]mqtt-packet[\\/]\w+\.js$/ }, ({ path }) =>
        dirname(path) === MQTT_PACKET
          ? { contents: patched(basename(path), readFileSync(path, "utf8"), groups), loader: "js" }
          : undefined,
      );
    },
  };
}
