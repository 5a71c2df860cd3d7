// From src/ to one module that Espruino can run: syntax it lacks is written in older words, functions stand before whoever
// calls them while the module is loaded, names are short. What comes out is checked (lacks.ts).

import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type NodePath, type PluginObj, types as t, transformAsync } from "@babel/core";
import { build, type Plugin, transform } from "esbuild";
import { minify } from "terser";
import { bundle } from "../../bundle/bundle.ts";
import { check } from "./lacks.ts";
import { shortenable } from "./names.ts";
import { seldomMethods } from "./seldom.ts";
import { sinkSeldom } from "./sink.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const ENTRY = join(ROOT, "targets/espruino/index.ts");
const UTF8 = join(ROOT, "src/codec/utf8.ts");
const OWN_UTF8 = join(ROOT, "targets/espruino/utf8.ts");

/** What the language has and Espruino lacks, and what stands in for it there. */
const STANDINS = {
  "Number.isNaN": "isNaN",
  // Looked for by src/codec/utf8.ts.
  TextEncoder: "undefined",
  TextDecoder: "undefined",
  "String.fromArrayBuffer": "undefined",
};

/** `require` and `exports` until the end: esbuild has ideas of its own about what says so. */
const REQUIRE = "engineRequire";
const EXPORTS = "engineExports";

const SYNTAX = {
  format: "esm",
  target: "es2019",
  legalComments: "none",
  logLevel: "silent",
  supported: { "nullish-coalescing": true, "object-rest-spread": true },
} as const;

/** The module for Espruino, as text. @throws Error naming what in it Espruino cannot run */
export async function espruinoModule(): Promise<string> {
  const code = await uncheckedModule();
  check(code, "iotf.js");
  return code;
}

/** @param supers leaves super() as it is, for engines that know nothing else */
export async function uncheckedModule(supers = false): Promise<string> {
  const whole = await bundle({ entry: ENTRY, plugins: [ownUtf8] });
  const names = await shortenable(whole);
  return lower(whole, names, [seldomMethods(names), sinkSeldom, ...(supers ? [] : [withoutSuper])]);
}

/** targets/espruino/utf8.ts for all but itself. */
const ownUtf8: Plugin = {
  name: "own-utf8",
  setup({ onResolve }) {
    onResolve({ filter: /utf8\.ts$/ }, ({ path, resolveDir, importer }) =>
      importer !== OWN_UTF8 && resolve(resolveDir, path) === UTF8 ? { path: OWN_UTF8 } : undefined,
    );
  },
};

/** An ES module in Espruino's words, as a CommonJS one. `names`: properties to shorten. Not checked. */
export async function lower(
  text: string,
  names: readonly string[],
  more: readonly (() => PluginObj)[] = [withoutSuper],
): Promise<string> {
  const lean = await build({
    ...SYNTAX,
    stdin: { contents: text },
    bundle: true, // leaves out what only the engines without stand-ins call
    write: false,
    define: STANDINS,
    minifySyntax: true,
  });
  const older = await olderWords(lean.outputFiles[0]!.text, more);
  const mangleProps = names.length ? { mangleProps: new RegExp(`^(?:${names.join("|")})$`) } : {};
  const short = await transform(older, { ...SYNTAX, ...mangleProps });
  const least = await shortest(short.code);
  return least.replaceAll(EXPORTS, "exports").replaceAll(REQUIRE, "require");
}

/** A CommonJS module in Espruino's words. @throws Error naming what in it Espruino cannot run */
export async function lowerProgram(text: string, file: string): Promise<string> {
  const code = await shortest(await olderWords(text));
  check(code, file);
  return code;
}

async function olderWords(text: string, more: readonly (() => PluginObj)[] = []): Promise<string> {
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
      espruinoWays,
      ...more,
    ],
  });
  return result!.code!;
}

async function shortest(text: string): Promise<string> {
  const { code } = await minify(text, {
    ecma: 2017,
    toplevel: true,
    // Inlining more than the simplest functions makes variables that are declared behind their use.
    compress: { passes: 4, arrows: false, pure_getters: true, keep_fargs: false, inline: 1 },
    format: { ascii_only: true },
  });
  return code!;
}

const isNamed = (node: t.Node | null | undefined, name: string) => t.isIdentifier(node, { name });
const method = (object: t.Expression, name: string, given: t.Expression[]) =>
  t.callExpression(t.memberExpression(object, t.identifier(name)), given);

/** What no published plugin does. */
function espruinoWays(): PluginObj {
  return {
    visitor: {
      // A function is there once its declaration was run, not before.
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
      // The inner name of a class expression means nothing.
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

/** super() of a built-in class cannot be called, and inside another super() it calls the wrong one. */
function withoutSuper(): PluginObj {
  return {
    visitor: {
      Class(path) {
        const parent = path.node.superClass as t.Identifier | null | undefined;
        path.traverse({
          CallExpression(call) {
            if (!t.isSuper(call.node.callee)) return;
            const given = call.node.arguments as t.Expression[];
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

/** To the front of an array, as it is used here: set() goes from the first byte to the last. */
function withoutCopyWithin(path: NodePath, object: t.Expression, [target, from, to]: t.Expression[]): void {
  if (!t.isNumericLiteral(target, { value: 0 })) throw path.buildCodeFrameError("only copyWithin(0, …) can be lowered");
  path.replaceWith(method(object, "set", [method(t.cloneNode(object), "subarray", [from!, to!])]));
}

/** /^[…]{1,n}$/ */
function withoutCount(path: NodePath, { pattern }: t.RegExpLiteral, text: t.Expression): void {
  const counted = /^\^(\[[^\]]*\])\{1,(\d+)\}\$$/.exec(pattern);
  if (!counted || !t.isIdentifier(text)) return;
  const length = t.memberExpression(t.cloneNode(text), t.identifier("length"));
  const short = t.binaryExpression("<=", length, t.numericLiteral(Number(counted[2])));
  path.replaceWith(t.logicalExpression("&&", short, method(t.regExpLiteral(`^${counted[1]}+$`), "test", [text])));
}
