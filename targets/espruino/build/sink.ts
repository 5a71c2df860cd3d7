// A function costs memory there even while nobody calls it: five JsVars and one for each parameter. What only a rarely
// called function needs is declared inside of it: made when that is called, gone when it returns.

import { type NodePath, type PluginObj, types as t } from "@babel/core";

/**
 * Functions of src/ that run once for a client or seldom, and leave no function behind that would keep what is in them. What
 * else is called by one of them alone goes into it.
 */
const SELDOM: readonly string[] = [
  "configure",
  "checkLimits",
  "checkOptions",
  "parseIso",
  "encodeInScript",
  "unreadable",
];

/** @throws Error when one of the functions is gone from src/ */
export function sinkSeldom(): PluginObj {
  return {
    visitor: {
      Program: {
        exit(program) {
          splitDeclarations(program);
          for (const name of SELDOM) sinkInto(program, name);
        },
      },
    },
  };
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

function sinkInto(program: NodePath<t.Program>, name: string): void {
  const root = program.scope.getBinding(name)?.path;
  if (!root?.isFunctionDeclaration()) throw new Error(`src/ has no function ${name} any more: mend SELDOM in sink.ts`);
  const names = exclusiveTo(program, name);
  const moved = program.node.body.filter(statement => names.has(declaredName(statement)));
  program.node.body = program.node.body.filter(statement => !moved.includes(statement));
  root.node.body.body.unshift(
    ...moved.filter(statement => t.isFunctionDeclaration(statement)),
    ...moved.filter(statement => !t.isFunctionDeclaration(statement)),
  );
  program.scope.crawl();
}

/** Names at the top that `root`, and one another, are the only ones to use. */
function exclusiveTo(program: NodePath<t.Program>, root: string): Set<string> {
  const users = new Map<string, string[]>();
  for (const statement of program.node.body) {
    const name = declaredName(statement);
    if (name && name !== root && isInert(statement)) users.set(name, []);
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
      if (by.length && by.every(user => user === root || user === name || users.has(user))) continue;
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

/** Whether it does not matter when, and how often, the statement is run. */
function isInert(statement: t.Statement): boolean {
  if (t.isFunctionDeclaration(statement)) return true;
  return t.isVariableDeclaration(statement) && isLiteral(statement.declarations[0]!.init);
}

function isLiteral(node: t.Node | null | undefined): boolean {
  if (t.isArrayExpression(node)) return node.elements.every(isLiteral);
  if (t.isObjectExpression(node)) return node.properties.every(one => t.isObjectProperty(one) && isLiteral(one.value));
  if (t.isUnaryExpression(node)) return isLiteral(node.argument);
  // A constant beside it goes along, or stays where it can be seen.
  return t.isLiteral(node) || t.isIdentifier(node);
}
