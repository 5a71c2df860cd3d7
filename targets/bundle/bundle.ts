// Makes one ES module of an entry file, mqtt-packet and the stand-ins.

import { writeFile } from "node:fs/promises";
import { build, type Plugin, transform } from "esbuild";
import { ALWAYS, type Group, TRIM } from "./patches.ts";
import { mqttPacketPlugin } from "./trim.ts";

export interface BundleOptions {
  entry: string;
  /** Written there when given. */
  outfile?: string;
  /** false: mqtt-packet as published, but for what plain Uint8Arrays need. Or exactly these groups of patches. */
  trim?: boolean | readonly Group[];
  /** Short local names too. Names of properties are never shortened. */
  minify?: boolean;
  plugins?: Plugin[];
  external?: string[];
}

/** Returns the text of the bundle. */
export async function bundle(options: BundleOptions): Promise<string> {
  const { entry, outfile, trim = true, minify = false, plugins = [], external = [] } = options;
  const groups = [...ALWAYS, ...(trim === true ? TRIM : trim || [])];
  const whole = await build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    platform: "neutral",
    target: "es2020",
    minifySyntax: true,
    treeShaking: true,
    // Fields by assignment: defining them as the standard says takes a helper and a call for each, in every instance.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    legalComments: "none",
    logLevel: "silent",
    external,
    plugins: [mqttPacketPlugin(groups), ...plugins],
  });
  const text = whole.outputFiles[0]!.text;
  const result = await squeezed(trim === true ? withConstants(text) : text, minify);
  if (outfile) await writeFile(outfile, result);
  return result;
}

/**
 * esbuild makes `var` of every top-level `const`; each then costs a preloaded module RAM on a device, a `const` none.
 * `squeezed` fails if one of them is assigned to.
 */
function withConstants(text: string): string {
  return text.replace(/^var /gm, "const ");
}

async function squeezed(text: string, minify: boolean): Promise<string> {
  const result = await transform(text, {
    format: "esm",
    target: "es2020",
    minifySyntax: true,
    minifyWhitespace: true,
    minifyIdentifiers: minify,
    legalComments: "none",
    logLevel: "silent",
    logOverride: { "assign-to-constant": "error" },
  });
  return result.code;
}
