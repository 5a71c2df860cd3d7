// Gives methods of src/ names that no other class uses: `clear` of Publisher becomes `clearOfPublisher`. cold-functions.ts,
// which knows no types, can then tell which method a call means. Done on the sources, with the types of TypeScript.

import { readFile } from "node:fs/promises";
import type { Plugin } from "esbuild";
import type { ClassDeclaration, Identifier, Node } from "typescript/unstable/ast";
import {
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

/** Replaces the characters of a file from `start` to `end`. */
interface Edit {
  start: number;
  end: number;
  text: string;
}

/** @param config the tsconfig.json of the program. @param folder the sources in it whose methods get such names */
export function distinctMethods(config: string, folder: string): Plugin {
  const api = new API();
  const edits = findEdits(api.updateSnapshot({ openProjects: [config] }).getProject(config)!, folder);
  api.close();
  return {
    name: "distinct-methods",
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const found = edits.get(path);
        return found && { contents: edited(await readFile(path, "utf8"), found), loader: "ts" };
      });
    },
  };
}

/** @param edits in the order of the text */
function edited(text: string, edits: readonly Edit[]): string {
  let result = "";
  let at = 0;
  for (const edit of edits) {
    result += text.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return result + text.slice(at);
}

/** By the name of the file. */
function findEdits({ program, checker }: Project, folder: string): Map<string, Edit[]> {
  const names = program.getSourceFileNames().filter(name => name.startsWith(folder));
  const nodes = new Map(names.map(name => [name, everyNode(program.getSourceFile(name)!)]));
  const methods = unambiguous([...nodes.values()].flat());
  const symbols = checker.getSymbolAtLocation(methods.map(({ name }) => name));
  const renamed = new Map(
    methods.map(({ owner, name }, i) => [declarations(symbols[i])[0]!, `${name.text}Of${owner}`]),
  );
  const spellings = new Set(methods.map(({ name }) => name.text));
  const edits = new Map<string, Edit[]>();
  for (const [file, inFile] of nodes) {
    const places = inFile.filter(node => isIdentifier(node)).filter(({ text }) => spellings.has(text));
    const found = checker.getSymbolAtLocation(places).map(symbol => declarations(symbol).map(one => renamed.get(one)));
    edits.set(
      file,
      places.flatMap(({ end, text }, i) => {
        const [name, other] = found[i]!;
        if (other) throw new Error(`${file}: ${text} is a method of one class or another; give them an interface`);
        return name ? [{ start: end - text.length, end, text: name }] : [];
      }),
    );
  }
  return edits;
}

/** Where a symbol is declared. An inherited member has another symbol in each class, but one declaration. */
function declarations(symbol: TypeSymbol | undefined): string[] {
  return (symbol?.declarations ?? []).map(({ path, index }) => `${path}:${index}`);
}

/**
 * Methods and getters of classes that extend nothing and that nothing extends. A call of a member of an interface may mean
 * any class that has all members of it, so these members are left out.
 */
function unambiguous(nodes: readonly Node[]): { owner: string; name: Identifier }[] {
  const interfaces = nodes.flatMap(node =>
    isInterfaceDeclaration(node) || isTypeLiteralNode(node) ? [node.members.filter(isSignature)] : [],
  );
  const classes = nodes.filter(node => isClassDeclaration(node));
  const inherited = new Set(classes.map(parentOf));
  return classes.flatMap(one => {
    const owner = one.name!.text;
    if (parentOf(one) || inherited.has(owner)) return [];
    const members = new Set(one.members.filter(isMember).map(nameOf));
    const fits = interfaces.filter(all => all.every(it => it.postfixToken || members.has(nameOf(it))));
    const ambiguous = new Set(fits.flat().map(nameOf));
    return one.members.flatMap(member => {
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
function parentOf({ heritageClauses }: ClassDeclaration): string {
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
