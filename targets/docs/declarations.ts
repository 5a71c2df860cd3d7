// Reads declaration files: which names an entry of the package exports, and how each is declared.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseSync, types as t } from "@babel/core";

/** One exported name. */
export interface Export {
  name: string;
  /** The file that declares it. */
  file: string;
  node: t.Declaration;
  /** Its docstring without comment signs. */
  doc: string;
}

interface Parsed {
  text: string;
  body: t.Statement[];
}

const cache = new Map<string, Parsed>();

export function parsed(file: string): Parsed {
  let found = cache.get(file);
  if (!found) {
    const text = readFileSync(file, "utf8");
    const plugins = [["typescript", { dts: file.endsWith(".d.ts") }]] as never;
    const tree = parseSync(text, { configFile: false, babelrc: false, sourceType: "module", parserOpts: { plugins } });
    found = { text, body: (tree as t.File).program.body };
    cache.set(file, found);
  }
  return found;
}

/** The exports of a declaration file, in the order of the file. */
export function exportsOf(file: string): Map<string, Export> {
  const found = new Map<string, Export>();
  for (const statement of parsed(file).body) {
    if (isInternal(statement)) continue;
    if (t.isExportAllDeclaration(statement)) {
      for (const [name, one] of exportsOf(target(file, statement.source.value))) {
        if (!found.has(name)) found.set(name, one);
      }
    } else if (t.isExportNamedDeclaration(statement)) addNamed(found, file, statement);
  }
  return found;
}

function addNamed(found: Map<string, Export>, file: string, statement: t.ExportNamedDeclaration): void {
  const { declaration, source, specifiers } = statement;
  if (declaration) {
    const name = nameOf(declaration);
    found.set(name, { name, file, node: declaration, doc: docOf(statement) });
  } else if (source) {
    const all = exportsOf(target(file, source.value));
    for (const specifier of specifiers as t.ExportSpecifier[]) {
      const one = all.get(specifier.local.name);
      const name = (specifier.exported as t.Identifier).name;
      if (one) found.set(name, { ...one, name });
    }
  }
}

/** The declaration of a name that `file` uses, also if it is imported. */
export function declarationOf(file: string, name: string): Export | undefined {
  for (const statement of parsed(file).body) {
    if (t.isImportDeclaration(statement) && statement.source.value.startsWith(".")) {
      const specifier = statement.specifiers.find(one => one.local.name === name);
      if (!t.isImportSpecifier(specifier)) continue;
      return exportsOf(target(file, statement.source.value)).get((specifier.imported as t.Identifier).name);
    }
  }
  return exportsOf(file).get(name);
}

function target(file: string, specifier: string): string {
  const path = join(dirname(file), specifier);
  return file.endsWith(".d.ts") ? path.replace(/(\.d)?\.[jt]s$/, ".d.ts") : path;
}

function nameOf(declaration: t.Declaration): string {
  if (t.isVariableDeclaration(declaration)) return (declaration.declarations[0]!.id as t.Identifier).name;
  return ((declaration as t.ClassDeclaration).id as t.Identifier).name;
}

function isInternal(node: t.Node): boolean {
  return node.leadingComments?.some(({ value }) => value.includes("@internal")) ?? false;
}

/** A member that applications may use. */
export function isPublic(node: t.Node): boolean {
  const { accessibility } = node as t.ClassMethod;
  return !isInternal(node) && accessibility !== "private" && accessibility !== "protected";
}

/** The docstring before a node: text, with a newline between its lines. */
export function docOf(node: t.Node): string {
  const comments = node.leadingComments ?? [];
  const last = comments[comments.length - 1];
  if (last?.type !== "CommentBlock" || !last.value.startsWith("*")) return "";
  return last.value
    .slice(1)
    .split("\n")
    .map(line => line.replace(/^\s*\* ?/, "").trimEnd())
    .join("\n")
    .trim();
}

/** The source of a node on one line. */
export function textOf(file: string, node: t.Node | null | undefined): string {
  if (!node) return "";
  return parsed(file).text.slice(node.start!, node.end!).replace(/\s+/g, " ").trim();
}
