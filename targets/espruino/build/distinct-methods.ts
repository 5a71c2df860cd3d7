// Renames methods and getters of src/ so that a name belongs to one class: `clear` of Publisher becomes `clearOfPublisher`.
// cold-functions.ts, which has no types, can then tell which method a call means.

import type { Plugin } from "esbuild";
import type { Node } from "typescript/unstable/ast";
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
import { parentName, type Renaming, renameMembers } from "../../bundle/rename-members.ts";

/** @param config the tsconfig.json of the program. @param folder methods of classes in it are renamed */
export function distinctMethods(config: string, folder: string): Plugin {
  return renameMembers(config, folder, certainMethods);
}

/**
 * Methods and getters that a call means for certain. Those of the public classes are not among them, because each of these
 * extends a class or is extended. A class may fit an interface without `implements`, and a call of a member of an interface
 * may mean every class that fits it.
 */
function certainMethods(inFolder: readonly Node[], program: readonly Node[]): Renaming[] {
  const interfaces = program.flatMap(node =>
    isInterfaceDeclaration(node) || isTypeLiteralNode(node) ? [node.members.filter(isSignature)] : [],
  );
  const extended = new Set(program.filter(node => isClassDeclaration(node)).map(parentName));
  const renamings = inFolder
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
          ? [{ name: member.name, newName: `${member.name.text}Of${owner}`, undestructured: true }]
          : [];
      });
    });
  const newNames = new Set(renamings.map(({ newName }) => newName));
  if (newNames.size !== renamings.length) throw new Error("two classes have one name");
  return renamings;
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
