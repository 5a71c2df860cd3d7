// What runs on a PC only and needs packages from npm: the local platform with its page, and the command line. Each
// package is part of the file that needs it, so whoever installs the library gets no other packages with it; their
// licences come along.

import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";

/** A package that is part of a built file. */
export interface Part {
  name: string;
  version: string;
  /** The text that has to come along. */
  licence: string;
}

export interface ToolOptions {
  root: string;
  /** Relative to `root`. */
  source: string;
  outfile: string;
  plugins?: Plugin[];
  external?: string[];
  /** With a first line that lets it be run by its name. */
  shebang?: boolean;
}

const COMMON = {
  bundle: true,
  minifySyntax: true,
  minifyWhitespace: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "silent",
  metafile: true,
} as const satisfies BuildOptions;

// Packages in CommonJS ask for Node's own modules by require, which an ES module does not have.
const REQUIRE = `import { createRequire as _createRequire } from "node:module"; const require = _createRequire(import.meta.url);`;

/** One ES module for Node. Returns the packages in it. */
export async function bundleTool({ root, source, outfile, plugins, external, shebang }: ToolOptions): Promise<Part[]> {
  const { metafile } = await build({
    ...COMMON,
    absWorkingDir: root, // what the names of the inputs begin from
    entryPoints: [join(root, source)],
    outfile,
    format: "esm",
    platform: "node",
    target: "node20",
    banner: { js: shebang ? `#!/usr/bin/env node\n${REQUIRE}` : REQUIRE },
    ...(plugins ? { plugins } : {}),
    ...(external ? { external } : {}),
  });
  return parts(root, Object.keys(metafile.inputs));
}

/** The page's files: a script and a style sheet for browsers, and what is copied as it is. Returns the packages in them. */
export async function bundlePage(root: string, source: string, folder: string): Promise<Part[]> {
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({
    ...COMMON,
    absWorkingDir: root,
    entryPoints: [join(root, source, "page.ts"), join(root, source, "page.css")],
    outdir: folder,
    format: "esm",
    minifyIdentifiers: true,
    target: ["chrome111", "firefox115", "safari16.4"],
  });
  for (const file of ["index.html", "icon.svg"]) await copyFile(join(root, source, file), join(folder, file));
  return parts(root, Object.keys(metafile.inputs));
}

/** The packages these files are from. */
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
  if (!file) throw new Error(`${name} ${version} (${license}) is bundled, but has no licence text to bring along`);
  const licence = await readFile(join(folder, file), "utf8");
  return { name, version, licence: licence.trim() };
}
