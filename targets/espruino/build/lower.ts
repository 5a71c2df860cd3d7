// Makes one module of src/ that Espruino can run. Methods get names of their own (distinct-methods.ts), Babel replaces
// syntax that Espruino does not support, functions move in front of the code that calls them while the module loads, rarely
// used functions are made on demand (inline-cold.ts, cold-functions.ts), and names are shortened. The result is checked
// (unsupported.ts).

import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type NodePath, type PluginObj, types as t, transformAsync } from "@babel/core";
import { build, type Plugin, transform } from "esbuild";
import { minify } from "terser";
import { bundle } from "../../bundle/bundle.ts";
import { shortenable, shortening } from "../../bundle/names.ts";
import { coldFunctions } from "./cold-functions.ts";
import { distinctMethods } from "./distinct-methods.ts";
import { inlineCold } from "./inline-cold.ts";
import { profile } from "./profile.ts";
import { check } from "./unsupported.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const ENTRY = join(ROOT, "targets/espruino/index.ts");
const CONFIG = join(ROOT, "targets/espruino/tsconfig.json");
const UTF8 = join(ROOT, "src/utf8.ts");
const OWN_UTF8 = join(ROOT, "targets/espruino/utf8.ts");

/** What Espruino does not support, and what replaces it. */
const STANDINS = {
  "Number.isNaN": "isNaN",
  // src/utf8.ts asks for these.
  TextEncoder: "undefined",
  TextDecoder: "undefined",
  "String.fromArrayBuffer": "undefined",
};

/** `require` and `exports` have these names until the end, because esbuild would take the module for CommonJS. */
const REQUIRE = "engineRequire";
const EXPORTS = "engineExports";

const SYNTAX = {
  format: "esm",
  target: "es2019",
  legalComments: "none",
  logLevel: "silent",
  supported: { "nullish-coalescing": true, "object-rest-spread": true },
} as const;

/** The module for Espruino, as text. @throws Error naming what in it Espruino does not support */
export async function espruinoModule(): Promise<string> {
  const code = await uncheckedModule();
  check(code, "iotf.js");
  return code;
}

/** @param supers true: super stays, for engines other than Espruino */
export async function uncheckedModule(supers = false): Promise<string> {
  const whole = await withStandIns(
    await bundle({ entry: ENTRY, plugins: [ownUtf8, distinctMethods(CONFIG, join(ROOT, "src/"))] }),
  );
  const names = await shortenable(whole, ["src", "targets/espruino"], ["src/index.ts", "targets/espruino/index.ts"]);
  const calls = await profile(whole);
  const plugins = [frozenLists, inlineCold(calls), coldFunctions(calls, names), ...(supers ? [] : [withoutSuper])];
  return finish(await olderSyntax(whole, plugins), names);
}

/** Replaces src/utf8.ts by targets/espruino/utf8.ts, except in that file. */
const ownUtf8: Plugin = {
  name: "own-utf8",
  setup({ onResolve }) {
    onResolve({ filter: /utf8\.ts$/ }, ({ path, resolveDir, importer }) =>
      importer !== OWN_UTF8 && resolve(resolveDir, path) === UTF8 ? { path: OWN_UTF8 } : undefined,
    );
  },
};

/** An ES module as a CommonJS one that Espruino can run. Not checked. */
export async function lower(text: string): Promise<string> {
  return finish(await olderSyntax(await withStandIns(text), [withoutSuper]), []);
}

async function withStandIns(text: string): Promise<string> {
  const { outputFiles } = await build({
    ...SYNTAX,
    stdin: { contents: text },
    bundle: true, // removes functions that only other engines call
    write: false,
    define: STANDINS,
    minifySyntax: true,
  });
  return outputFiles[0]!.text;
}

/** @param names properties to shorten */
async function finish(text: string, names: readonly string[]): Promise<string> {
  const short = await transform(text, { ...SYNTAX, ...shortening(names) });
  const least = await shortest(short.code);
  return least.replaceAll(EXPORTS, "exports").replaceAll(REQUIRE, "require");
}

/** A program as a CommonJS module that Espruino can run. @throws Error naming what in it Espruino does not support */
export async function lowerProgram(text: string, file: string): Promise<string> {
  const code = await shortest(await olderSyntax(text));
  check(code, file);
  return code;
}

async function olderSyntax(text: string, more: readonly (() => PluginObj)[] = []): Promise<string> {
  const result = await transformAsync(text, {
    cwd: ROOT,
    configFile: false,
    babelrc: false,
    sourceType: "unambiguous",
    assumptions: {
      arrayLikeIsIterable: true,
      ignoreFunctionLength: true,
      iterableIsArray: true,
      objectRestNoSymbols: true,
      pureGetters: true,
      setSpreadProperties: true,
    },
    plugins: [
      ["@babel/plugin-transform-object-rest-spread", { useBuiltIns: true }],
      "@babel/plugin-transform-spread",
      "@babel/plugin-transform-destructuring",
      "@babel/plugin-transform-parameters",
      espruinoSyntax,
      ...more,
    ],
  });
  return result!.code!;
}

async function shortest(text: string): Promise<string> {
  const { code } = await minify(text, {
    ecma: 2017,
    toplevel: true,
    // With more inlining, terser declares variables after their first use, which Espruino does not support.
    compress: { passes: 4, arrows: false, pure_getters: true, keep_fargs: false, inline: 1 },
    format: { ascii_only: true },
  });
  return code!;
}

const isNamed = (node: t.Node | null | undefined, name: string) => t.isIdentifier(node, { name });
const method = (object: t.Expression, name: string, given: t.Expression[]) =>
  t.callExpression(t.memberExpression(object, t.identifier(name)), given);

/** Changes for which there is no published plugin. */
function espruinoSyntax(): PluginObj {
  return {
    visitor: {
      // In Espruino a function exists once its declaration was executed, not before.
      "Program|BlockStatement"(path: NodePath) {
        const { node } = path as NodePath<t.Program | t.BlockStatement>;
        const functions = node.body.filter(statement => t.isFunctionDeclaration(statement));
        if (functions.length === 0) return;
        node.body = [...functions, ...node.body.filter(statement => !t.isFunctionDeclaration(statement))];
      },
      CallExpression(path) {
        const { callee } = path.node;
        const given = path.node.arguments as t.Expression[];
        if (!t.isMemberExpression(callee)) return;
        const { object, property } = callee;
        if (isNamed(object, "Object") && isNamed(property, "freeze")) path.replaceWith(given[0]!);
        else if (isNamed(property, "copyWithin")) withoutCopyWithin(path, object, given);
        else if (t.isRegExpLiteral(object) && isNamed(property, "test")) withoutCount(path, object, given[0]!);
      },
      // Espruino ignores the inner name of a class expression.
      VariableDeclarator(path) {
        const { id, init } = path.node;
        if (!t.isClassExpression(init) || !init.id) return;
        (path.get("init") as NodePath).scope.rename(init.id.name, (id as t.Identifier).name);
        init.id = null;
      },
      ExportNamedDeclaration(path) {
        const assignments = path.node.specifiers.map(specifier => {
          const { local, exported } = specifier as t.ExportSpecifier;
          const target = t.memberExpression(t.identifier(EXPORTS), exported as t.Identifier);
          return t.expressionStatement(t.assignmentExpression("=", target, local));
        });
        path.replaceWithMultiple(assignments);
      },
    },
  };
}

/** A call of frozen() of src/frozen.ts becomes a literal, which inline-cold.ts can move. */
function frozenLists(): PluginObj {
  return {
    visitor: {
      Program(program) {
        const { referencePaths } = program.scope.getBinding("frozen")!;
        // Backwards: lists in lists come first.
        for (const { parent, parentPath } of referencePaths.toReversed()) {
          parentPath!.replaceWith(t.arrayExpression((parent as t.CallExpression).arguments as t.Expression[]));
        }
      },
    },
  };
}

/** super() of a built-in class cannot be called; inside another super, super() and super.x() call the wrong function. */
function withoutSuper(): PluginObj {
  return {
    visitor: {
      Class(path) {
        const parent = path.node.superClass as t.Identifier | null | undefined;
        path.traverse({
          CallExpression(call) {
            const { callee } = call.node;
            const given = call.node.arguments as t.Expression[];
            if (t.isMemberExpression(callee) && t.isSuper(callee.object)) {
              callee.object = t.memberExpression(t.cloneNode(parent!), t.identifier("prototype"));
              call.replaceWith(method(callee, "call", [t.thisExpression(), ...given]));
              return;
            }
            if (!t.isSuper(callee)) return;
            const message = t.memberExpression(t.thisExpression(), t.identifier("message"));
            call.replaceWith(
              isNamed(parent, "Error")
                ? t.assignmentExpression("=", message, given[0]!)
                : method(parent!, "call", [t.thisExpression(), ...given]),
            );
          },
        });
      },
    },
  };
}

/** copyWithin(0, …), the only form that src/ uses: set() copies from the first byte to the last. */
function withoutCopyWithin(path: NodePath, object: t.Expression, [target, from, to]: t.Expression[]): void {
  if (!t.isNumericLiteral(target, { value: 0 })) throw path.buildCodeFrameError("only copyWithin(0, …) can be lowered");
  path.replaceWith(method(object, "set", [method(t.cloneNode(object), "subarray", [from!, to!])]));
}

/** /^[…]{1,n}$/, because Espruino has no {1,n}. */
function withoutCount(path: NodePath, { pattern }: t.RegExpLiteral, text: t.Expression): void {
  const counted = /^\^(\[[^\]]*\])\{1,(\d+)\}\$$/.exec(pattern);
  if (!counted || !t.isIdentifier(text)) return;
  const length = t.memberExpression(t.cloneNode(text), t.identifier("length"));
  const short = t.binaryExpression("<=", length, t.numericLiteral(Number(counted[2])));
  path.replaceWith(t.logicalExpression("&&", short, method(t.regExpLiteral(`^${counted[1]}+$`), "test", [text])));
}
