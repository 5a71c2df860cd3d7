// Makes code that takes less flash and fewer instructions in XS: a function that is called from one place becomes part of
// its caller, functions of the module become arrow functions, and `var` becomes `const` or `let`.

import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { type NodePath, parseSync, types as t, transformFromAstAsync, traverse } from "@babel/core";

const COMPILER = createRequire(import.meta.url).resolve("google-closure-compiler/cli.js");
const FLAGS = [
  "--compilation_level=SIMPLE", // keeps the names of properties
  "--renaming=false",
  "--assume_function_wrapper", // what is not exported is not used elsewhere
  "--env=CUSTOM",
  "--rewrite_polyfills=false",
  "--language_in=ECMASCRIPT_2020",
  "--language_out=ECMASCRIPT_2020",
  "--formatting=PRETTY_PRINT",
  "--warning_level=QUIET",
];
/** Undeclared object that receives the exports, so that the compiler keeps them. */
const EXPORTS_OBJECT = "$moduleExports";
const BABEL_OPTIONS = { configFile: false, babelrc: false, sourceType: "module" } as const;

/** Returns an ES module that does the same. `bundle` has one export declaration, as esbuild writes it. */
export async function inlined(bundle: string): Promise<string> {
  const { imports, script, exportCount } = toScript(initializeLets(bundle));
  const tree = parseSync(await compile(script), BABEL_OPTIONS)!;
  traverse(tree, {
    Program: {
      exit(program) {
        if (restoreExports(program) !== exportCount) throw new Error("the compiler has lost an export");
        arrowFunctions(program);
      },
    },
    VariableDeclaration: replaceVar,
  });
  const result = await transformFromAstAsync(tree, undefined, BABEL_OPTIONS);
  return `${imports}${result!.code}\n`;
}

/**
 * Adds `= void 0` to each `let` without an initial value: the compiler may merge it with another variable, whose old value
 * it would then have.
 */
function initializeLets(bundle: string): string {
  let result = "";
  let at = 0;
  traverse(parseSync(bundle, BABEL_OPTIONS)!, {
    VariableDeclarator({ node, parent, parentPath }) {
      if (node.init || (parent as t.VariableDeclaration).kind === "var" || parentPath.parentPath!.isForXStatement())
        return;
      result += `${bundle.slice(at, node.end!)} = void 0`;
      at = node.end!;
    },
  });
  return result + bundle.slice(at);
}

/** Turns the module into a script, which the compiler needs: `export { a as b }` becomes `$moduleExports.b = a`. */
function toScript(bundle: string): { imports: string; script: string; exportCount: number } {
  let imports = ""; // re-exports among them
  let script = "";
  let exportCount = 0;
  for (const node of (parseSync(bundle, BABEL_OPTIONS) as t.File).program.body) {
    const text = bundle.slice(node.start!, node.end!);
    if ((node as t.ImportDeclaration).source) imports += `${text}\n`;
    else if (!t.isExportNamedDeclaration(node)) script += `${text}\n`;
    else {
      for (const specifier of node.specifiers as t.ExportSpecifier[]) {
        script += `${EXPORTS_OBJECT}.${(specifier.exported as t.Identifier).name} = ${specifier.local.name};\n`;
        exportCount++;
      }
    }
  }
  return { imports, script, exportCount };
}

async function compile(script: string): Promise<string> {
  const running = promisify(execFile)(process.execPath, [COMPILER, ...FLAGS], { maxBuffer: 16 * 1024 * 1024 });
  running.child.stdin!.end(script);
  return (await running).stdout;
}

/** Restores the export declaration and returns the number of exports. */
function restoreExports(program: NodePath<t.Program>): number {
  const specifiers: t.ExportSpecifier[] = [];
  for (const statement of program.get("body")) {
    const { expression } = statement.node as t.ExpressionStatement;
    if (!t.isAssignmentExpression(expression)) continue;
    const { left, right } = expression;
    if (!t.isMemberExpression(left) || !t.isIdentifier(left.object, { name: EXPORTS_OBJECT })) continue;
    const name = left.property as t.Identifier;
    const local = t.isIdentifier(right) ? right : program.scope.generateUidIdentifier(name.name);
    specifiers.push(t.exportSpecifier(local, name));
    if (local === right) statement.remove();
    else statement.replaceWith(t.variableDeclaration("const", [t.variableDeclarator(local, right)]));
  }
  if (specifiers.length > 0) program.pushContainer("body", t.exportNamedDeclaration(null, specifiers));
  return specifiers.length;
}

/**
 * Functions of the module become arrow functions, declarations in front of everything else. In XS, a function that can be
 * called with `new` has a prototype object and more: 64 bytes of flash that no caller uses.
 */
function arrowFunctions(program: NodePath<t.Program>): void {
  for (const statement of program.get("body")) {
    if (statement.isFunctionDeclaration()) {
      const arrow = arrowOf(statement);
      if (!arrow) continue;
      const { id } = statement.node;
      statement.remove();
      program.unshiftContainer("body", t.variableDeclaration("const", [t.variableDeclarator(id!, arrow)]));
    } else if (statement.isVariableDeclaration()) {
      for (const declarator of statement.get("declarations")) {
        const init = declarator.get("init");
        if (init.isFunctionExpression()) init.replaceWith(arrowOf(init) ?? init.node);
      }
    }
  }
}

/** Returns undefined if the function is a generator or contains `this`, `arguments` or `new.target`. */
function arrowOf(path: NodePath<t.FunctionDeclaration | t.FunctionExpression>): t.Expression | undefined {
  const { params, body, async, generator } = path.node;
  let needsFunction = generator;
  path.traverse({
    "ThisExpression|MetaProperty": () => {
      needsFunction = true;
    },
    Identifier: ({ node: { name } }) => {
      needsFunction ||= name === "arguments";
    },
  });
  return needsFunction ? undefined : t.arrowFunctionExpression(params as t.Identifier[], body, async);
}

/**
 * Replaces `var` by `const` or `let` where the code then does the same. In XS each `var` costs instructions at the start of
 * its function, and a module-level `var` or `let` takes RAM even if the module is preloaded.
 */
function replaceVar(path: NodePath<t.VariableDeclaration>): void {
  const { node, parentPath: parent, scope } = path;
  if (node.kind !== "var") return;
  const bindings = Object.keys(path.getBindingIdentifiers()).map(name => scope.getBinding(name)!);
  const inLoop = path.findParent(above => above.isLoop() || above.isFunction())?.isLoop();
  const hasValue = node.declarations.every(({ init }) => init) || parent.isForXStatement();
  if (inLoop && !hasValue) return; // `let` would be undefined again in each round
  for (const { path: declarator, referencePaths, constantViolations, scope: declaredIn } of bindings) {
    if (declarator.parentPath !== path) return; // declared twice
    for (const use of [...referencePaths, ...constantViolations]) {
      // Assumes that code of the module calls no function that uses the variable before its declaration.
      const inFunction = parent.isProgram() && use.scope.getFunctionParent();
      if (!inFunction && use.node.start! < node.start!) return;
      if (!use.findParent(above => above === parent)) return;
      // `let` would be another variable for a function that each round makes.
      if (inLoop && use.scope.getFunctionParent() !== declaredIn.getFunctionParent()) return;
    }
  }
  const constant = hasValue && bindings.every(({ constantViolations }) => constantViolations.length === 0);
  node.kind = constant ? "const" : "let";
}
