// Renames private members to private0, private1 and so on, so that unrelated classes share names. A subclass continues
// after the numbers of its parent. On Moddable each name takes about 28 bytes of flash. This is safe because TypeScript
// lets no other class use a private member. A name that is also a string stays: Object.defineProperty may use it.

import type { Plugin } from "esbuild";
import type { ClassDeclaration, Node } from "typescript/unstable/ast";
import {
  isClassDeclaration,
  isGetAccessorDeclaration,
  isIdentifier,
  isMethodDeclaration,
  isPropertyDeclaration,
  isSetAccessorDeclaration,
  isStringLiteral,
} from "typescript/unstable/ast/is";
import { parentName, type Renaming, renameMembers } from "./rename-members.ts";

/** @param config the tsconfig.json of the program. @param folder private members of classes in it are renamed */
export function privateNames(config: string, folder: string): Plugin {
  return renameMembers(config, folder, renamings);
}

function renamings(inFolder: readonly Node[]): Renaming[] {
  const classes = inFolder.filter(node => isClassDeclaration(node));
  const strings = new Set(inFolder.filter(node => isStringLiteral(node)).map(({ text }) => text));
  return classes.flatMap(declaration => {
    const first = countInherited(declaration, classes);
    const members = privateMembers(declaration).filter(({ text }) => !strings.has(text));
    const names = [...new Set(members.map(({ text }) => text))]; // a getter and a setter have one
    return members.map(name => ({ name, newName: `private${first + names.indexOf(name.text)}` }));
  });
}

function countInherited(declaration: ClassDeclaration, classes: readonly ClassDeclaration[]): number {
  const name = parentName(declaration);
  if (name === "" || name === "Error") return 0;
  const parents = classes.filter(other => other.name!.text === name);
  if (parents.length !== 1) throw new Error(`the parent ${name} must be one class, found ${parents.length}`);
  return countInherited(parents[0]!, classes) + privateMembers(parents[0]!).length;
}

function privateMembers({ members }: ClassDeclaration) {
  return members.flatMap(member => {
    const isNamed =
      isPropertyDeclaration(member) ||
      isMethodDeclaration(member) ||
      isGetAccessorDeclaration(member) ||
      isSetAccessorDeclaration(member);
    if (!isNamed || !isIdentifier(member.name)) return [];
    return member.modifiers?.some(modifier => modifier.getText() === "private") ? [member.name] : [];
  });
}
