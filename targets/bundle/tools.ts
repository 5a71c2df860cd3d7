// Bundles the tools for a PC: the local platform with its page, and the command line. The npm packages they need become
// part of their files, together with the licence texts, so that the library has no dependencies.

import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import { MAX_LINE } from "./bundle.ts";

/** A package that is part of a built file. */
export interface Part {
  name: string;
  version: string;
  /** Text of the licence. */
  licence: string;
}

export interface ToolOptions {
  root: string;
  /** Relative to `root`. */
  source: string;
  outfile: string;
  plugins: Plugin[];
  /** Adds `#!/usr/bin/env node`. */
  shebang?: boolean;
}

const COMMON = {
  bundle: true,
  minifySyntax: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "silent",
  metafile: true,
} as const satisfies BuildOptions;

// CommonJS packages load Node's own modules by `require`, which an ES module does not have.
const REQUIRE = `import { createRequire as _createRequire } from "node:module"; const require = _createRequire(import.meta.url);`;

/** One ES module for Node. Returns the packages in it. */
export async function bundleTool({ root, source, outfile, plugins, shebang }: ToolOptions): Promise<Part[]> {
  const { metafile } = await build({
    ...COMMON,
    absWorkingDir: root, // names of inputs are relative to it
    entryPoints: [join(root, source)],
    outfile,
    format: "esm",
    platform: "node",
    target: "node20",
    lineLimit: MAX_LINE, // Node prints the line of an uncaught error
    banner: { js: shebang ? `#!/usr/bin/env node\n${REQUIRE}` : REQUIRE },
    plugins,
  });
  return parts(root, Object.keys(metafile.inputs));
}

/** The page: a script and a style sheet are bundled, the rest is copied. Returns the packages in them. */
export async function bundlePage(root: string, source: string, folder: string): Promise<Part[]> {
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({
    ...COMMON,
    absWorkingDir: root,
    entryPoints: [join(root, source, "page.ts"), join(root, source, "page.css")],
    outdir: folder,
    format: "esm",
    minifyWhitespace: true,
    minifyIdentifiers: true,
    target: ["chrome111", "firefox115", "safari16.4"],
  });
  for (const file of ["index.html", "icon.svg"]) await copyFile(join(root, source, file), join(folder, file));
  return parts(root, Object.keys(metafile.inputs));
}

/** The packages that these files belong to. */
async function parts(root: string, files: readonly string[]): Promise<Part[]> {
  const folders = new Set<string>();
  for (const file of files) {
    const [path] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file.replaceAll("\\", "/")) ?? [];
    if (path) folders.add(path);
  }
  return Promise.all([...folders].map(folder => part(join(root, folder))));
}

async function part(folder: string): Promise<Part> {
  const { name, version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find(entry => /^(licen[cs]e|copying)(\.|$)/i.test(entry));
  if (!file) throw new Error(`${name} ${version} (${license}) is bundled, but its package has no licence text`);
  const licence = await readFile(join(folder, file), "utf8");
  return { name, version, licence: licence.trim() };
}
