// Renames members of classes of src/ wherever a program uses them, by the types of TypeScript. The sources are edited
// before esbuild reads them.

import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";
import type { ClassDeclaration, Identifier, Node } from "typescript/unstable/ast";
import {
  isBinaryExpression,
  isBindingElement,
  isIdentifier,
  isShorthandPropertyAssignment,
} from "typescript/unstable/ast/is";
import { API, type Project, type Symbol as TypeSymbol } from "typescript/unstable/sync";

export interface Renaming {
  /** In the declaration of the member. */
  name: Identifier;
  newName: string;
  /** `const { name } = object` stops the build, for who must see each use as `object.name`. */
  undestructured?: boolean;
}

/** `inFolder`: all nodes of the files in `folder`. `program`: all nodes of the whole program. */
export type ChooseMembers = (inFolder: readonly Node[], program: readonly Node[]) => Renaming[];

/** Replaces `old`, which ends in front of `end`. */
interface Edit {
  old: string;
  end: number;
  text: string;
}

/** @param config the tsconfig.json of the program. @param folder members of classes in it are renamed */
export function renameMembers(config: string, folder: string, choose: ChooseMembers): Plugin {
  const edits = editsOf(config, folder, choose);
  return {
    name: "rename-members",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const fileEdits = edits.get(path);
        return fileEdits && { contents: applyEdits(await readFile(path, "utf8"), fileEdits), loader: "ts" };
      });
    },
  };
}

/** The class that `node` extends, or "". */
export function parentName({ heritageClauses }: ClassDeclaration): string {
  const parents = heritageClauses?.filter(clause => clause.getText().startsWith("extends")) ?? [];
  return parents[0]?.types[0]?.expression.getText() ?? "";
}

function editsOf(config: string, folder: string, choose: ChooseMembers): Map<string, Edit[]> {
  const compiler = new API(); // a process
  try {
    return findEdits(compiler.updateSnapshot({ openProjects: [config] }).getProject(config)!, folder, choose);
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
function findEdits({ program, checker }: Project, folder: string, choose: ChooseMembers): Map<string, Edit[]> {
  const paths = program.getSourceFileNames().filter(path => !path.includes("/node_modules/"));
  const nodes = new Map(paths.map(path => [path, everyNode(program.getSourceFile(path)!)]));
  const inFolder = paths.filter(path => path.startsWith(folder)).flatMap(path => nodes.get(path)!);
  const renamings = choose(inFolder, [...nodes.values()].flat());
  const symbols = checker.getSymbolAtLocation(renamings.map(({ name }) => name));
  const byDeclaration = new Map(
    renamings.flatMap((renaming, i) => declarationKeys(symbols[i]).map(key => [key, renaming] as const)),
  );
  const oldNames = new Set(renamings.map(({ name }) => name.text));
  const edits = new Map<string, Edit[]>();
  for (const [path, fileNodes] of nodes) {
    const uses = fileNodes.filter(node => isIdentifier(node)).filter(({ text }) => oldNames.has(text));
    const usedSymbols = checker.getSymbolAtLocation(uses);
    const fileEdits = uses.flatMap(({ end, text: old, parent }, i) => {
      let symbol = usedSymbols[i];
      // const { old } = object
      const binds = isBindingElement(parent) && !parent.propertyName;
      if (binds) {
        const type = checker.getTypeAtLocation(parent.parent);
        symbol = type && checker.getPropertyOfType(type, old);
      }
      const keys = declarationKeys(symbol);
      const renaming = byDeclaration.get(keys[0] ?? "");
      const assigns = isShorthandPropertyAssignment(parent) && isAssignmentTarget(parent.parent);
      if (assigns) throw new Error(`${path}: ({ ${old} } = …) is not supported: ${old} may be a renamed member`);
      if (keys.some(key => byDeclaration.get(key) !== renaming))
        throw new Error(`${path}: ${old} may mean several members`);
      if (!renaming) return [];
      const { newName, undestructured } = renaming;
      if (undestructured && isBindingElement(parent)) throw new Error(`${path}: { ${old} } is a method or getter`);
      return [{ old, end, text: binds ? `${newName}: ${old}` : newName }];
    });
    if (fileEdits.length > 0) edits.set(path, fileEdits);
  }
  return edits;
}

function isAssignmentTarget(literal: Node): boolean {
  return isBinaryExpression(literal.parent) && literal.parent.left === literal;
}

/** Where a symbol is declared. An inherited member has another symbol in each class, but one declaration. */
function declarationKeys(symbol: TypeSymbol | undefined): string[] {
  return (symbol?.declarations ?? []).map(({ path, index }) => `${path}:${index}`);
}

function everyNode(node: Node): Node[] {
  const nodes = [node];
  node.forEachChild(child => {
    nodes.push(...everyNode(child));
  });
  return nodes;
}
