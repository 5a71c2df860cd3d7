// Makes one ES module of an entry file, the patched mqtt-packet and the stand-ins.

import { writeFile } from "node:fs/promises";
import { build, type Plugin, type TransformOptions, transform } from "esbuild";
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
  /** For devices: short local names and arrow functions. */
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
  const text = minify ? withArrows(written) : written;
  const { rest, define } = trim === true ? withoutNumbers(withConstants(text)) : { rest: text, define: {} };
  const result = await squeezed(rest, { define, ...shortening(await shorten(rest)) }, minify, lines);
  if (outfile) await writeFile(outfile, result);
  return result;
}

/**
 * esbuild changes every top-level `const` to `var`. A `var` costs a preloaded module RAM on a device, a `const` does not.
 * `squeezed` fails if one of them is assigned to.
 */
function withConstants(text: string): string {
  return text.replace(/^var /gm, "const ");
}

/**
 * Functions become arrow functions, in front of everything else as function declarations are. In XS, a function that can
 * be called with `new` has a prototype object and more: 64 bytes of flash that no caller uses.
 */
function withArrows(text: string): string {
  const arrows: string[] = [];
  const rest = text.replace(/^function (\w+)(\(.*\)) (\{\n[\s\S]*?^\}\n)/gm, (declaration, name, parameters, body) => {
    if (/\b(?:this|arguments)\b/.test(body)) return declaration;
    arrows.push(`const ${name} = ${parameters} => ${body}`);
    return "";
  });
  return rest.replace(/^(?:import .*\n)*/, imports => imports + arrows.join(""));
}

/**
 * Takes out the declarations of numeric constants; esbuild then writes the number at each use. A declaration costs more
 * bytes than the number, and on a device each constant of a module has a slot.
 */
function withoutNumbers(text: string): { rest: string; define: Record<string, string> } {
  const exported = text.slice(text.lastIndexOf("\nexport {"));
  const define: Record<string, string> = {};
  let rest = text;
  const take = (find: RegExp, left: string): void => {
    rest = rest.replace(find, (declaration, name: string, value: string) => {
      if (new RegExp(`\\b${name}\\b`).test(exported)) return declaration;
      define[name] = value;
      return left;
    });
  };
  // esbuild joins declarations: const LEAST = 9, MOST = 20, Publisher = class {
  take(/(?<=^\S.*), ([A-Z][A-Z0-9_]*) = (\d[\de]*)(?=, |;$)/gm, "");
  take(/^const ([A-Z][A-Z0-9_]*) = (\d[\de]*), /gm, "const ");
  take(/^const ([A-Z][A-Z0-9_]*) = (\d[\de]*);$/gm, "");
  return { rest, define };
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
