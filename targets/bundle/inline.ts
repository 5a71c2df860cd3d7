// Makes code for devices, which in XS takes less flash and fewer instructions: a function that is called once becomes part
// of its caller, functions of the module become arrow functions, and `var` becomes `const` or `let`.

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
/** What the compiler takes for an object of somebody else. */
const EXPORTED = "$moduleExports";
const PLAIN = { configFile: false, babelrc: false, sourceType: "module" } as const;

/** The same ES module. `bundle` has one export declaration, as esbuild writes it. */
export async function inlined(bundle: string): Promise<string> {
  const { imports, script, exported } = withoutModule(initialized(bundle));
  const tree = parseSync(await compile(script), PLAIN)!;
  traverse(tree, {
    Program: {
      exit(program) {
        if (restoreExports(program) !== exported) throw new Error("the compiler has lost an export");
        arrowFunctions(program);
      },
    },
    VariableDeclaration: replaceVar,
  });
  const result = await transformFromAstAsync(tree, undefined, PLAIN);
  return `${imports}${result!.code}\n`;
}

/** The compiler may give a variable without a value the place of another one, and then it has the value of that one. */
function initialized(bundle: string): string {
  let result = "";
  let at = 0;
  traverse(parseSync(bundle, PLAIN)!, {
    VariableDeclarator({ node, parent, parentPath }) {
      if (node.init || (parent as t.VariableDeclaration).kind === "var" || parentPath.parentPath!.isForXStatement())
        return;
      result += `${bundle.slice(at, node.end!)} = void 0`;
      at = node.end!;
    },
  });
  return result + bundle.slice(at);
}

/** The compiler takes scripts: `export { a as b }` becomes `$moduleExports.b = a`. `exported`: how many there are. */
function withoutModule(bundle: string): { imports: string; script: string; exported: number } {
  let imports = ""; // re-exports among them
  let script = "";
  let exported = 0;
  for (const node of (parseSync(bundle, PLAIN) as t.File).program.body) {
    const text = bundle.slice(node.start!, node.end!);
    if ((node as t.ImportDeclaration).source) imports += `${text}\n`;
    else if (!t.isExportNamedDeclaration(node)) script += `${text}\n`;
    else {
      for (const specifier of node.specifiers as t.ExportSpecifier[]) {
        script += `${EXPORTED}.${(specifier.exported as t.Identifier).name} = ${specifier.local.name};\n`;
        exported++;
      }
    }
  }
  return { imports, script, exported };
}

async function compile(script: string): Promise<string> {
  const running = promisify(execFile)(process.execPath, [COMPILER, ...FLAGS], { maxBuffer: 16 * 1024 * 1024 });
  running.child.stdin!.end(script);
  return (await running).stdout;
}

/** Returns how many exports there are. */
function restoreExports(program: NodePath<t.Program>): number {
  const specifiers: t.ExportSpecifier[] = [];
  for (const statement of program.get("body")) {
    const { expression } = statement.node as t.ExpressionStatement;
    if (!t.isAssignmentExpression(expression)) continue;
    const { left, right } = expression;
    if (!t.isMemberExpression(left) || !t.isIdentifier(left.object, { name: EXPORTED })) continue;
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

/** undefined if the function needs a `this` of its own, or more. */
function arrowOf(path: NodePath<t.FunctionDeclaration | t.FunctionExpression>): t.Expression | undefined {
  const { params, body, async, generator } = path.node;
  let own = generator;
  path.traverse({
    "ThisExpression|MetaProperty": () => {
      own = true;
    },
    Identifier: ({ node: { name } }) => {
      own ||= name === "arguments";
    },
  });
  return own ? undefined : t.arrowFunctionExpression(params as t.Identifier[], body, async);
}

/**
 * `var` becomes `const` or `let` where nothing else changes. In XS, each `var` costs instructions at the start of the
 * function, and one of a module costs a preloaded module RAM.
 */
function replaceVar(path: NodePath<t.VariableDeclaration>): void {
  const { node, parentPath: place, scope } = path;
  if (node.kind !== "var") return;
  const bindings = Object.keys(path.getBindingIdentifiers()).map(name => scope.getBinding(name)!);
  const inLoop = path.findParent(parent => parent.isLoop() || parent.isFunction())?.isLoop();
  const hasValue = node.declarations.every(({ init }) => init) || place.isForXStatement();
  if (inLoop && !hasValue) return; // `let` would be undefined again in each round
  for (const { path: declarator, referencePaths, constantViolations, scope: owner } of bindings) {
    if (declarator.parentPath !== path) return; // declared twice
    for (const use of [...referencePaths, ...constantViolations]) {
      const runsLater = place.isProgram() && use.scope.getFunctionParent();
      if (!runsLater && use.node.start! < node.start!) return;
      if (!use.findParent(parent => parent === place)) return;
      // `let` would be another variable for a function that each round makes.
      if (inLoop && use.scope.getFunctionParent() !== owner.getFunctionParent()) return;
    }
  }
  const constant = hasValue && bindings.every(({ constantViolations }) => constantViolations.length === 0);
  node.kind = constant ? "const" : "let";
}
