// Makes code that XS runs with less flash and fewer instructions: a function that is called once becomes part of its
// caller, functions of the module become arrow functions, and `var` becomes `const` or `let`.

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
const PLAIN = { configFile: false, babelrc: false, sourceType: "module" } as const;

/** The same ES module. `bundle` has one export declaration, as esbuild writes it. */
export async function inlined(bundle: string): Promise<string> {
  const { links, script } = withoutModule(bundle);
  const tree = parseSync(await compiled(script), PLAIN)!;
  traverse(tree, {
    Program: {
      // Last, when it is known what each variable is.
      exit(program) {
        program.scope.crawl();
        exportAssigned(program);
        for (const name in program.scope.bindings) arrowFunction(program.scope.bindings[name]!.path);
      },
    },
    VariableDeclaration: blockScope,
  });
  const result = await transformFromAstAsync(tree, undefined, PLAIN);
  return `${links}${result!.code}\n`;
}

/** The compiler takes scripts: `export { a as b }` becomes `exported.b = a`. */
function withoutModule(bundle: string): { links: string; script: string } {
  let links = ""; // to other modules
  let script = "";
  for (const node of (parseSync(bundle, PLAIN) as t.File).program.body) {
    const text = bundle.slice(node.start!, node.end!);
    if ((node as t.ImportDeclaration).source) links += `${text}\n`;
    else if (!t.isExportNamedDeclaration(node)) script += `${text}\n`;
    else {
      for (const { local, exported } of node.specifiers as t.ExportSpecifier[]) {
        script += `exported.${(exported as t.Identifier).name} = ${local.name};\n`;
      }
    }
  }
  return { links, script };
}

async function compiled(script: string): Promise<string> {
  const running = promisify(execFile)(process.execPath, [COMPILER, ...FLAGS], { maxBuffer: 16 * 1024 * 1024 });
  running.child.stdin!.end(script);
  return (await running).stdout;
}

function exportAssigned(program: NodePath<t.Program>): void {
  const specifiers: t.ExportSpecifier[] = [];
  for (const statement of program.get("body")) {
    const { expression } = statement.node as t.ExpressionStatement;
    if (!t.isAssignmentExpression(expression)) continue;
    const { left, right } = expression;
    if (!t.isMemberExpression(left) || !t.isIdentifier(left.object, { name: "exported" })) continue;
    const exported = left.property as t.Identifier;
    const local = t.isIdentifier(right) ? right : program.scope.generateUidIdentifier(exported.name);
    specifiers.push(t.exportSpecifier(local, exported));
    if (local === right) statement.remove();
    else statement.replaceWith(t.variableDeclaration("const", [t.variableDeclarator(local, right)]));
  }
  program.pushContainer("body", t.exportNamedDeclaration(null, specifiers));
}

/**
 * An arrow function, in front of everything else as function declarations are. In XS, a function that can be called with
 * `new` has a prototype object and more: 64 bytes of flash that no caller uses.
 */
function arrowFunction(path: NodePath): void {
  const { node } = path;
  if (!t.isFunctionDeclaration(node) || node.generator) return;
  let ownThis = false;
  path.traverse({
    ThisExpression: () => {
      ownThis = true;
    },
    Identifier: ({ node: { name } }) => {
      ownThis ||= name === "arguments";
    },
  });
  if (ownThis) return;
  const program = path.parentPath as NodePath<t.Program>;
  const arrow = t.arrowFunctionExpression(node.params as t.Identifier[], node.body, node.async);
  path.remove();
  program.unshiftContainer("body", t.variableDeclaration("const", [t.variableDeclarator(node.id!, arrow)]));
}

/** In XS, each `var` costs instructions at the start of the function, and one of a module costs a preloaded module RAM. */
function blockScope(path: NodePath<t.VariableDeclaration>): void {
  const { node, parentPath: block, scope } = path;
  if (node.kind !== "var") return;
  const bindings = Object.keys(path.getBindingIdentifiers()).map(name => scope.getBinding(name)!);
  const inLoop = path.findParent(parent => parent.isLoop() || parent.isFunction())?.isLoop();
  const initialized = node.declarations.every(({ init }) => init) || block.isForXStatement();
  if (inLoop && !initialized) return; // it would begin again with each round
  for (const { path: declarator, referencePaths, constantViolations, scope: owner } of bindings) {
    if (declarator.parentPath !== path) return; // declared twice
    for (const use of [...referencePaths, ...constantViolations]) {
      if (use.node.start! < node.start! || !use.findParent(parent => parent === block)) return;
      if (inLoop && use.scope.getFunctionParent() !== owner.getFunctionParent()) return;
    }
  }
  const constant = initialized && bindings.every(({ constantViolations }) => constantViolations.length === 0);
  node.kind = constant ? "const" : "let";
}
