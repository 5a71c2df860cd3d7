// Renames methods and getters of src/ so that a name belongs to one class: `clear` of Publisher becomes `clearOfPublisher`.
// cold-functions.ts, which has no types, can then tell which method a call means. The sources are edited before esbuild
// reads them, with the types of TypeScript.

import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";
import type { ClassDeclaration, Identifier, Node } from "typescript/unstable/ast";
import {
  isBindingElement,
  isClassDeclaration,
  isGetAccessorDeclaration,
  isIdentifier,
  isInterfaceDeclaration,
  isMethodDeclaration,
  isMethodSignatureDeclaration,
  isPropertyDeclaration,
  isPropertySignatureDeclaration,
  isTypeLiteralNode,
} from "typescript/unstable/ast/is";
import { API, type Project, type Symbol as TypeSymbol } from "typescript/unstable/sync";

/** Replaces `old`, which ends in front of `end`. */
interface Edit {
  old: string;
  end: number;
  text: string;
}

/** @param config the tsconfig.json of the program. @param folder methods of classes in it are renamed */
export function distinctMethods(config: string, folder: string): Plugin {
  const edits = editsOf(config, folder);
  return {
    name: "distinct-methods",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const fileEdits = edits.get(path);
        return fileEdits && { contents: applyEdits(await readFile(path, "utf8"), fileEdits), loader: "ts" };
      });
    },
  };
}

function editsOf(config: string, folder: string): Map<string, Edit[]> {
  const compiler = new API(); // a process
  try {
    return findEdits(compiler.updateSnapshot({ openProjects: [config] }).getProject(config)!, folder);
  } finally {
    compiler.close();
  }
}

/** @param edits in the order of the text */
function applyEdits(text: string, edits: readonly Edit[]): string {
  let result = "";
  let at = 0;
  for (const { old, end, text: replacement } of edits) {
    const start = end - old.length;
    if (text.slice(start, end) !== old) throw new Error(`${old} is not where TypeScript found it`);
    result += text.slice(at, start) + replacement;
    at = end;
  }
  return result + text.slice(at);
}

/** The edits of each file, by its path. */
function findEdits({ program, checker }: Project, folder: string): Map<string, Edit[]> {
  const paths = program.getSourceFileNames().filter(path => !path.includes("/node_modules/"));
  const nodes = new Map(paths.map(path => [path, everyNode(program.getSourceFile(path)!)]));
  const classes = paths.filter(path => path.startsWith(folder)).flatMap(path => nodes.get(path)!);
  const methods = renamableMethods(classes, [...nodes.values()].flat());
  const symbols = checker.getSymbolAtLocation(methods.map(({ name }) => name));
  const newNames = new Map(
    methods.map(({ owner, name }, i) => [declarationKeys(symbols[i])[0]!, `${name.text}Of${owner}`]),
  );
  if (newNames.size !== new Set(newNames.values()).size) throw new Error("two classes have one name");
  const oldNames = new Set(methods.map(({ name }) => name.text));
  const edits = new Map<string, Edit[]>();
  for (const [path, fileNodes] of nodes) {
    const uses = fileNodes.filter(node => isIdentifier(node)).filter(({ text }) => oldNames.has(text));
    const usedSymbols = checker.getSymbolAtLocation(uses);
    const fileEdits = uses.flatMap(({ end, text: old, parent }, i) => {
      let symbol = usedSymbols[i];
      if (isBindingElement(parent) && !parent.propertyName) {
        const type = checker.getTypeAtLocation(parent.parent);
        symbol = type && checker.getPropertyOfType(type, old);
      }
      const keys = declarationKeys(symbol);
      const text = newNames.get(keys[0] ?? "");
      if (keys.some(key => newNames.get(key) !== text)) throw new Error(`${path}: ${old} may mean several methods`);
      if (text && isBindingElement(parent)) throw new Error(`${path}: { ${old} } is a method or getter of one class`);
      return text ? [{ old, end, text }] : [];
    });
    if (fileEdits.length > 0) edits.set(path, fileEdits);
  }
  return edits;
}

/** Where a symbol is declared. An inherited member has another symbol in each class, but one declaration. */
function declarationKeys(symbol: TypeSymbol | undefined): string[] {
  return (symbol?.declarations ?? []).map(({ path, index }) => `${path}:${index}`);
}

/**
 * Methods and getters that a call means for certain. Those of the public classes are not among them, because each of these
 * extends a class or is extended. A class may fit an interface without `implements`, and a call of a member of an interface
 * may mean every class that fits it.
 */
function renamableMethods(inFolder: readonly Node[], program: readonly Node[]): { owner: string; name: Identifier }[] {
  const interfaces = program.flatMap(node =>
    isInterfaceDeclaration(node) || isTypeLiteralNode(node) ? [node.members.filter(isSignature)] : [],
  );
  const extended = new Set(program.filter(node => isClassDeclaration(node)).map(parentName));
  return inFolder
    .filter(node => isClassDeclaration(node))
    .flatMap(declaration => {
      const owner = declaration.name!.text;
      if (parentName(declaration) || extended.has(owner)) return [];
      const members = new Set(declaration.members.filter(isMember).map(nameOf));
      const fitting = interfaces.filter(all => all.every(it => it.postfixToken || members.has(nameOf(it))));
      const ambiguous = new Set(fitting.flat().map(nameOf));
      return declaration.members.flatMap(member => {
        const isMethod = isMethodDeclaration(member) || isGetAccessorDeclaration(member);
        return isMethod && isIdentifier(member.name) && !ambiguous.has(nameOf(member))
          ? [{ owner, name: member.name }]
          : [];
      });
    });
}

function isMember(node: Node) {
  return isMethodDeclaration(node) || isGetAccessorDeclaration(node) || isPropertyDeclaration(node);
}

function isSignature(node: Node) {
  return isMethodSignatureDeclaration(node) || isPropertySignatureDeclaration(node);
}

function nameOf({ name }: { name: Node }): string {
  return name.getText();
}

/** The class that `node` extends, or "". */
function parentName({ heritageClauses }: ClassDeclaration): string {
  const parents = heritageClauses?.filter(clause => clause.getText().startsWith("extends")) ?? [];
  return parents[0]?.types[0]?.expression.getText() ?? "";
}

function everyNode(node: Node): Node[] {
  const nodes = [node];
  node.forEachChild(child => {
    nodes.push(...everyNode(child));
  });
  return nodes;
}
