// esbuild plugin: "#mqtt-packet" is the patched mqtt-packet, and the modules that it imports are the stand-ins.

import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "esbuild";
import { type Group, PATCHES, type Patch } from "./patches.ts";

export const MQTT_PACKET = fileURLToPath(new URL("../../node_modules/mqtt-packet", import.meta.url));
const STANDINS = fileURLToPath(new URL("standins", import.meta.url));

export function sourceOf(file: string): string {
  return readFileSync(join(MQTT_PACKET, file), "utf8");
}

/** `source`, which is `file` of mqtt-packet, with the patches of `groups`. Throws if a patch does not match its count. */
export function patched(file: string, source: string, groups: readonly Group[]): string {
  return PATCHES[file]!.reduce(
    (text, patch) => (groups.includes(patch[0]) ? applyPatch(file, patch, text) : text),
    source,
  );
}

export function applyPatch(file: string, [group, find, replace, count = 1]: Patch, source: string): string {
  const found = typeof find === "string" ? source.split(find).length - 1 : [...source.matchAll(find)].length;
  if (found === count) return source.replaceAll(find, replace);
  throw new Error(
    `mqtt-packet/${file} is not what patch group "${group}" was written for: ` +
      `expected ${count} of ${find instanceof RegExp ? find : JSON.stringify(find)}, found ${found}`,
  );
}

function contentsOf(files: Map<string, string>, file: string): string {
  const contents = files.get(file);
  if (contents === undefined) throw new Error(`mqtt-packet/${file} is new: patches.ts has no entry for it`);
  return contents;
}

/** @param source reads a file of mqtt-packet */
export function mqttPacketPlugin(groups: readonly Group[], source: (file: string) => string = sourceOf): Plugin {
  return {
    name: "mqtt-packet",
    setup(build) {
      // All files, so that every patch is checked, also in a file that is not imported after patching.
      const files = new Map(Object.keys(PATCHES).map(file => [file, patched(file, source(file), groups)]));
      build.onResolve({ filter: /^(buffer|events|bl|debug|process-nextick-args)$/ }, ({ path }) => ({
        path: join(STANDINS, `${path}.ts`),
        sideEffects: false,
      }));
      build.onResolve({ filter: /^#mqtt-packet$/ }, () => ({ path: join(MQTT_PACKET, "mqtt.js"), sideEffects: false }));
      build.onResolve({ filter: /^\.\// }, ({ path, resolveDir }) =>
        resolveDir === MQTT_PACKET ? { path: join(MQTT_PACKET, path), sideEffects: false } : undefined,
      );
      build.onLoad({ filter: /[\\/]mqtt-packet[\\/]\w+\.js$/ }, ({ path }) =>
        dirname(path) === MQTT_PACKET ? { contents: contentsOf(files, basename(path)), loader: "js" } : undefined,
      );
    },
  };
}
