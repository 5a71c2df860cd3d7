// Puts the helpers of a cold function inside it. A function costs five JsVars and one for each parameter for as long as it
// exists; a helper inside exists only while the function runs.

import { type NodePath, type PluginObj, types as t } from "@babel/core";
import type { Profile } from "./profile.ts";

/** @param profile functions that are not hot in it get the functions and constants that nothing else uses */
export function inlineCold({ hot }: Profile): () => PluginObj {
  return () => ({
    visitor: {
      Program: {
        exit(program) {
          splitDeclarations(program);
          const names = program.node.body.filter(one => t.isFunctionDeclaration(one)).map(declaredName);
          for (const name of names) if (!hot.has(name)) inlineInto(program, name);
        },
      },
    },
  });
}

/** One name a declaration, so that each can go its own way. */
function splitDeclarations(program: NodePath<t.Program>): void {
  program.node.body = program.node.body.flatMap((statement): t.Statement[] =>
    t.isVariableDeclaration(statement)
      ? statement.declarations.map(one => t.variableDeclaration(statement.kind, [one]))
      : [statement],
  );
  program.scope.crawl();
}

function inlineInto(program: NodePath<t.Program>, name: string): void {
  const host = program.node.body.find(statement => declaredName(statement) === name);
  if (!t.isFunctionDeclaration(host)) return; // it is inside another function by now
  const names = exclusiveTo(program, name);
  const moved = program.node.body.filter(statement => names.has(declaredName(statement)));
  program.node.body = program.node.body.filter(statement => !moved.includes(statement));
  host.body.body.unshift(
    ...moved.filter(statement => t.isFunctionDeclaration(statement)),
    ...moved.filter(statement => !t.isFunctionDeclaration(statement)),
  );
  program.scope.crawl();
}

/** Names at the top that only `host`, and one another, use. */
function exclusiveTo(program: NodePath<t.Program>, host: string): Set<string> {
  const users = new Map<string, string[]>();
  for (const statement of program.node.body) {
    const name = declaredName(statement);
    if (name && name !== host && isMovable(statement)) users.set(name, []);
  }
  for (const [name, by] of users) {
    for (const reference of program.scope.getBinding(name)!.referencePaths) {
      const statement = reference.find(path => path.parentPath === program)!.node;
      by.push(declaredName(statement));
    }
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (const [name, by] of users) {
      if (by.length && by.every(user => user === host || user === name || users.has(user))) continue;
      users.delete(name);
      changed = true;
    }
  }
  return new Set(users.keys());
}

/** The name that a statement declares, or "". */
function declaredName(statement: t.Node): string {
  if (t.isFunctionDeclaration(statement)) return statement.id!.name;
  if (!t.isVariableDeclaration(statement)) return "";
  const { id } = statement.declarations[0]!;
  return t.isIdentifier(id) ? id.name : "";
}

/** True if it does not matter when, and how often, the statement runs. */
function isMovable(statement: t.Statement): boolean {
  if (t.isFunctionDeclaration(statement)) return true;
  return t.isVariableDeclaration(statement) && isLiteral(statement.declarations[0]!.init);
}

function isLiteral(node: t.Node | null | undefined): boolean {
  if (t.isArrayExpression(node)) return node.elements.every(isLiteral);
  if (t.isObjectExpression(node)) return node.properties.every(one => t.isObjectProperty(one) && isLiteral(one.value));
  if (t.isUnaryExpression(node)) return isLiteral(node.argument);
  // A constant that it names moves with it, or stays where both can use it.
  return t.isLiteral(node) || t.isIdentifier(node);
}
