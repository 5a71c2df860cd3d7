// Bundles a user's device program, or a test file, into one module for XS with esbuild. "iotf-embedded" stays external:
// XS loads the file that is flashed. Moddable's modules, node:test and node:assert are replaced by those in device/.

import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { SourceMap, type SourceMapping } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type * as Esbuild from "esbuild";
import { CommandError, UsageError } from "../cli/errors.ts";
import { installed } from "./installed.ts";

export type Target = "xs" | "node";

export interface ProgramOptions {
  /** The user's file. */
  file: string;
  target: Target;
  /** Value of `import config from "mc/config"`: the key=value words of mcconfig. */
  config: Readonly<Record<string, string>>;
  /** True for a test file: the module exports `runTests`. */
  tests?: boolean;
}

/** A built module in its own folder, which `remove` deletes. */
export interface Program {
  path: string;
  /** Replaces line numbers of the built module by those of the user's files in a text of XS. */
  located(text: string): string;
  remove(): Promise<void>;
}

const LAST_COLUMN = 1_000_000;

/** dist/: the folder of this file if it is built, else that of this repository. */
const HERE = dirname(fileURLToPath(import.meta.url));
const DIST = realpathSync(existsSync(join(HERE, "xs-device.js")) ? HERE : join(HERE, "../../../dist"));

/** A file of the published package. */
export function published(name: string): string {
  return join(DIST, name);
}

const PACKAGE: Readonly<Record<Target, Record<string, string>>> = {
  xs: {
    "iotf-embedded": "xs-device.js",
    "iotf-embedded/core": "iotf-embedded.js",
    "iotf-embedded/http": "http.js",
  },
  node: {
    "iotf-embedded": "node.js",
    "iotf-embedded/core": "index-node.js",
    "iotf-embedded/http": "http-node.js",
    "iotf-embedded/testing": "testing.js",
  },
};

/** Modules that a device has and this worker does not. */
const MODDABLE: Readonly<Record<string, string>> = { timer: "xs-timer.js", time: "xs-time.js" };

const RUNNER: Readonly<Record<string, string>> = {
  "node:test": "xs-node-test.js",
  "node:assert": "xs-node-assert.js",
  "node:assert/strict": "xs-node-assert.js",
};

export async function buildProgram(options: ProgramOptions): Promise<Program> {
  const file = resolve(options.file);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`there is no file ${options.file}`);
  const { build } = await loadEsbuild();
  const folder = await mkdtemp(join(realpathSync(tmpdir()), "iotf-xs-"));
  const path = join(folder, "program.js");
  const remove = () => rm(folder, { recursive: true, force: true });
  const run = options.tests ? `;export { runTests } from "node:test";` : "";
  try {
    await build({
      stdin: { contents: `export * from ${JSON.stringify(file)};${run}`, resolveDir: dirname(file), loader: "js" },
      outfile: path,
      bundle: true,
      format: "esm",
      platform: "neutral",
      mainFields: ["module", "main"],
      conditions: ["moddable"],
      target: "es2022",
      legalComments: "none",
      logLevel: "silent",
      sourcemap: "external",
      plugins: [modules(options, file)],
    });
  } catch (error) {
    await remove();
    throw new CommandError(buildFailure(error, options.file));
  }
  return { path, located: text => withSources(text, path), remove };
}

function modules({ target, config, tests = false }: ProgramOptions, file: string): Esbuild.Plugin {
  const outside = (name: string) => {
    const path = published(name);
    return { path: target === "node" ? pathToFileURL(path).href : path, external: true };
  };
  return {
    name: "device-modules",
    setup({ onResolve, onLoad }) {
      // Imported for its side effects; package.json may say that it has none.
      onResolve({ filter: /.*/ }, ({ path }) => (path === file ? { path, sideEffects: true } : undefined));
      onResolve({ filter: /^iotf-embedded(\/|$)/ }, ({ path }) => {
        const name = PACKAGE[target][path];
        if (name) return outside(name);
        if (path === "iotf-embedded/testing") return { path: published("testing.js") };
        return { errors: [{ text: `${path} is for Node, not for a device` }] };
      });
      // Imports by path: of the harness, which becomes part of the module, and of tests in this repository.
      onResolve({ filter: /^\.\.?\// }, ({ path, resolveDir }) => {
        const file = relative(DIST, resolve(resolveDir, path));
        if (target === "node" && file === "testing.js") return outside(file);
        if (file === "node.js") return outside(target === "xs" ? "xs-device.js" : file);
        return file === "iotf-embedded.js" ? outside(file) : undefined;
      });
      // In a Moddable manifest, a module has the name of its file.
      onResolve({ filter: /^[^./:]+$/ }, ({ path }) => {
        const beside = [".ts", ".js"].map(end => join(dirname(file), path + end)).find(existsSync);
        return beside === undefined ? undefined : { path: beside };
      });
      onResolve({ filter: /^(timer|time)$/ }, ({ path }) => ({ path: published(MODDABLE[path]!) }));
      onResolve({ filter: /^mc\/config$/ }, ({ path }) => ({ path, namespace: "config" }));
      onLoad({ filter: /.*/, namespace: "config" }, () => ({ contents: JSON.stringify(config), loader: "json" }));
      onResolve({ filter: /^node:/ }, ({ path }) => {
        const name = tests ? RUNNER[path] : undefined;
        if (name) return { path: published(name) };
        return { errors: [{ text: `${path} is Node's, a device has no such module` }] };
      });
    },
  };
}

/** esbuild of the user's project, else of this repository. */
async function loadEsbuild(): Promise<typeof Esbuild> {
  try {
    return await import(pathToFileURL(installed("esbuild")).href);
  } catch {
    throw new CommandError("this needs esbuild: npm install --save-dev esbuild");
  }
}

/** XS reports lines without columns: uses the last mapping of the line. */
function withSources(text: string, path: string): string {
  const map = new SourceMap(JSON.parse(readFileSync(`${path}.map`, "utf8")));
  return text.replaceAll(/([^\s(]+):(\d+)/g, (whole, file: string, line: string) => {
    if (file !== path) return whole;
    const { originalSource, originalLine } = map.findEntry(Number(line) - 1, LAST_COLUMN) as Partial<SourceMapping>;
    if (originalSource === undefined) return whole;
    return `${relative(process.cwd(), resolve(dirname(path), originalSource))}:${originalLine! + 1}`;
  });
}

function buildFailure(error: unknown, program: string): string {
  const errors = (error as Esbuild.BuildFailure).errors ?? [];
  if (!errors.length) return `${program}: ${(error as Error).message}`;
  return errors
    .map(({ text, location }) => `${location ? `${location.file}:${location.line}` : program}: ${text}`)
    .join("\n");
}
