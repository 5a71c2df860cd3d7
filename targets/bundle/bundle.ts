// Makes one ES module of an entry file, the patched mqtt-packet and the stand-ins.

import { writeFile } from "node:fs/promises";
import { build, type Plugin, type TransformOptions, transform } from "esbuild";
import { inlined } from "./inline.ts";
import { shortening } from "./names.ts";
import { ALWAYS, type Group, TRIM } from "./patches.ts";
import { mqttPacketPlugin, sourceOf } from "./trim.ts";

/** Characters; esbuild breaks a line after a token that passes it. */
export const MAX_LINE = 120;

export interface BundleOptions {
  entry: string;
  /** Written there when given. */
  outfile?: string;
  /** false: mqtt-packet as published, except for what plain Uint8Arrays need. Or exactly these groups of patches. */
  trim?: boolean | readonly Group[];
  /** For devices: short local names, and what inline.ts does. */
  minify?: boolean;
  /** Returns the names of properties to shorten. Default: none. */
  shorten?: (bundle: string) => Promise<readonly string[]>;
  /** Lines of about MAX_LINE characters instead of one. On XS a line costs an instruction in builds with debug information. */
  lines?: boolean;
  plugins?: Plugin[];
  external?: string[];
  /** Reads a file of mqtt-packet; a test passes a changed one. */
  source?: (file: string) => string;
}

/** Returns the text of the bundle. */
export async function bundle(options: BundleOptions): Promise<string> {
  const { entry, outfile, trim = true, minify = false, lines = false, plugins = [] } = options;
  const { external = [], source = sourceOf, shorten = async () => [] } = options;
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
    // Fields by assignment: with define semantics, every field of every instance costs a call of a helper.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    legalComments: "none",
    logLevel: "silent",
    external,
    plugins: [...plugins, mqttPacketPlugin(groups, source)],
  });
  const written = whole.outputFiles[0]!.text;
  const text = minify ? await inlined(written) : written;
  const result = await squeezed(text, shortening(await shorten(text)), minify, lines);
  if (outfile) await writeFile(outfile, result);
  return result;
}

// While these are names of the engine to esbuild, it gives them to nothing else. The linker of the Moddable SDK would keep
// the built-ins of the same name, `at` of texts and arrays for example.
const RESERVED = "reserved(at,is,of,at.at,at.is,at.of);";

async function squeezed(text: string, names: TransformOptions, minify: boolean, lines: boolean): Promise<string> {
  const result = await transform(minify ? RESERVED + text : text, {
    ...names,
    format: "esm",
    target: "es2020",
    minifySyntax: true,
    minifyWhitespace: !lines,
    minifyIdentifiers: minify,
    lineLimit: lines ? MAX_LINE : 0,
    legalComments: "none",
    logLevel: "silent",
    logOverride: { "assign-to-constant": "error" },
  });
  return result.code.replace(RESERVED, "");
}
