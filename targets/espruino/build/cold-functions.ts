// A function costs five JsVars and one for each parameter for as long as it exists, also with its code in flash. Functions,
// methods and classes that do not run with every message are merged into a few makers. A maker creates the one it is asked
// for; the caller calls it and drops it.

import { type NodePath, type PluginObj, types as t } from "@babel/core";
import { className, methodName, type Profile } from "./profile.ts";

/**
 * Characters of code in one maker. The engine reads past the functions in front of the one it creates, so a large maker is
 * slow; a small one saves less.
 */
const MAKER_CHARACTERS = 2000;

/** One function of a maker. */
interface Cold {
  /** What it is called in the profile. */
  name: string;
  made: t.Expression;
  /** Size of its code. */
  characters: number;
  /** Puts `creation()`, a call of the maker, in place of each use. */
  redirect(creation: () => t.CallExpression): void;
}

/** @param names properties that nothing outside the program knows */
export function coldFunctions({ hot, used }: Profile, names: readonly string[]): () => PluginObj {
  return () => ({
    visitor: {
      Program: {
        exit(program) {
          program.scope.crawl();
          checkHot(program, hot);
          const { families, single } = coldClasses(program, used);
          const methods = coldMethods(program, hot, new Set(names));
          const makers = mergeIntoMakers(program, [...methods, ...coldDeclarations(program, hot), ...single]);
          program.node.body.unshift(...families, ...makers);
          program.scope.crawl();
          checkRemoved(program, methods);
        },
      },
    },
  });
}

/** A hot function that is not found would be treated as cold. */
function checkHot(program: NodePath<t.Program>, hot: ReadonlySet<string>): void {
  const found = new Set(Object.keys(program.scope.bindings));
  program.traverse({
    ClassMethod(path) {
      found.add(methodName(path));
    },
  });
  const lost = [...hot].filter(name => !found.has(name));
  if (lost.length)
    throw new Error(`functions of the profile that the lowered program does not have: ${lost.join(" ")}`);
}

/**
 * Classes without an instance in the profile: errors, the message store. Classes with the same ancestor share a maker. An
 * instance keeps its own copy of its class, so `instanceof` cannot compare it; the name of an error can.
 */
function coldClasses(
  program: NodePath<t.Program>,
  used: ReadonlySet<string>,
): { families: t.FunctionDeclaration[]; single: Cold[] } {
  const classes = new Map<string, NodePath<t.Class>>();
  program.traverse({
    Class(path) {
      const name = className(path);
      const isUsed = [...used].some(one => one.startsWith(`${name}.`));
      if (name && !isUsed && isPrivate(program, name)) classes.set(name, path);
    },
  });
  const byRoot = new Map<string, string[]>();
  for (const name of classes.keys()) {
    let root = name;
    while (parentOf(classes, root)) root = parentOf(classes, root);
    byRoot.set(root, [...(byRoot.get(root) ?? []), name]);
  }
  const families: t.FunctionDeclaration[] = [];
  const single: Cold[] = [];
  for (const names of byRoot.values()) {
    const statements = names.map(name => statementOf(classes.get(name)!, program));
    program.node.body = program.node.body.filter(statement => !statements.includes(statement));
    if (names.length === 1) {
      // A function that returns the class: the engine can skip that.
      const call = (creation: t.CallExpression) => t.callExpression(creation, []);
      single.push(coldClass(program, classes.get(names[0]!)!, statements, call));
    } else {
      const members = names.map(name => coldClass(program, classes.get(name)!, statements, creation => creation));
      // All in an array: the engine cannot skip a class expression, which this becomes when it is minified.
      const all = t.arrayExpression(names.map(name => t.identifier(name)));
      families.push(makerOf(program, members, which => [...statements, t.returnStatement(item(all, which))]));
    }
  }
  return { families, single };
}

/**
 * @param family statements that go with the class: inside them its name keeps its meaning
 * @param create from the call of the maker to the class
 */
function coldClass(
  program: NodePath<t.Program>,
  path: NodePath<t.Class>,
  family: readonly t.Statement[],
  create: (creation: t.CallExpression) => t.CallExpression,
): Cold {
  const name = className(path);
  const references = program.scope
    .getBinding(name)!
    .referencePaths.filter(reference => !family.includes(statementOf(reference, program)));
  return {
    name,
    characters: path.toString().length,
    made: functionThatReturns(path.node),
    redirect: creation => {
      for (const reference of references) {
        const { parent, parentPath, node } = reference;
        if (t.isNewExpression(parent) && parent.callee === node) parent.callee = create(creation());
        else if (t.isBinaryExpression(parent, { operator: "instanceof" }) && hasName(path)) {
          const nameOfError = t.memberExpression(parent.left as t.Expression, t.identifier("name"));
          parentPath!.replaceWith(t.binaryExpression("===", nameOfError, t.stringLiteral(name)));
        } else throw reference.buildCodeFrameError(`class ${name} is made on demand and cannot be used like this`);
      }
    },
  };
}

/** True if the engine's side, the exports, does not mention it. */
function isPrivate(program: NodePath<t.Program>, name: string): boolean {
  return program.scope
    .getBinding(name)!
    .referencePaths.every(({ parent }) => !(t.isAssignmentExpression(parent) && t.isMemberExpression(parent.left)));
}

function parentOf(cold: Map<string, NodePath<t.Class>>, name: string): string {
  const superClass = cold.get(name)?.node.superClass;
  return t.isIdentifier(superClass) ? superClass.name : "";
}

function statementOf(path: NodePath, program: NodePath<t.Program>): t.Statement {
  return path.find(one => one.parentPath === program)!.node as t.Statement;
}

/** True if instances of the class tell its name. */
function hasName({ node }: NodePath<t.Class>): boolean {
  return node.body.body.some(one => t.isClassMethod(one, { kind: "get" }) && t.isIdentifier(one.key, { name: "name" }));
}

/** Methods and getters. They are removed from their classes. */
function coldMethods(program: NodePath<t.Program>, hot: ReadonlySet<string>, names: ReadonlySet<string>): Cold[] {
  const uses = usesOf(program);
  const cold: Cold[] = [];
  program.traverse({
    ClassMethod(path) {
      const { node } = path;
      const { key, kind } = node;
      if (!t.isIdentifier(key) || (kind !== "method" && kind !== "get") || node.static) return;
      const name = methodName(path);
      const { definitions, places } = uses.get(key.name)!;
      if (hot.has(name) || !names.has(key.name) || definitions > 1 || !isOnlyCalled(kind, places)) return;
      const characters = path.toString().length;
      path.remove();
      cold.push({
        name,
        characters,
        made: t.functionExpression(null, node.params as t.Identifier[], node.body),
        redirect: creation => {
          for (const place of places) {
            const call = t.memberExpression(creation(), t.identifier("call"));
            const { object } = place.node;
            if (kind === "get") place.replaceWith(t.callExpression(call, [object]));
            else {
              const parent = place.parent as t.CallExpression;
              parent.arguments.unshift(object);
              parent.callee = call;
            }
          }
        },
      });
    },
  });
  return cold;
}

/** Where a name is defined, as a member of any class or object, and where it is used. */
interface Uses {
  definitions: number;
  places: NodePath<t.MemberExpression>[];
}

function usesOf(program: NodePath<t.Program>): Map<string, Uses> {
  const uses = new Map<string, Uses>();
  const of = (name: string) => uses.get(name) ?? uses.set(name, { definitions: 0, places: [] }).get(name)!;
  program.traverse({
    MemberExpression(path) {
      const { property, computed } = path.node;
      if (!computed && t.isIdentifier(property)) of(property.name).places.push(path);
    },
    "ObjectMember|ClassMethod"({ node }: { node: t.Node }) {
      const { key } = node as t.ClassMethod;
      if (t.isIdentifier(key)) of(key.name).definitions++;
    },
  });
  return uses;
}

/** True if every use is a call or, of a getter, reads it. */
function isOnlyCalled(kind: string, places: readonly NodePath<t.MemberExpression>[]): boolean {
  const fits = ({ node, parent }: NodePath) =>
    kind === "get"
      ? !t.isAssignmentExpression(parent) && !t.isUpdateExpression(parent)
      : t.isCallExpression(parent) && parent.callee === node;
  return places.length > 0 && places.every(fits);
}

/** Functions at the top. They are removed from there. */
function coldDeclarations(program: NodePath<t.Program>, hot: ReadonlySet<string>): Cold[] {
  const cold: Cold[] = [];
  for (const path of program.get("body")) {
    if (!path.isFunctionDeclaration() || hot.has(path.node.id!.name)) continue;
    const { id, params, body } = path.node;
    const { referencePaths } = program.scope.getBinding(id!.name)!;
    const isCall = ({ node, parent }: NodePath) => t.isCallExpression(parent) && parent.callee === node;
    // A function that runs while the module is loaded has to be there.
    const runsLater = (reference: NodePath) => reference.getFunctionParent() !== null;
    if (!referencePaths.every(reference => isCall(reference) && runsLater(reference))) continue;
    cold.push({
      name: id!.name,
      made: t.functionExpression(null, params as t.Identifier[], body),
      characters: path.toString().length,
      redirect: creation => {
        for (const { parent } of referencePaths) (parent as t.CallExpression).callee = creation();
      },
    });
  }
  const names = new Set(cold.map(one => one.name));
  program.node.body = program.node.body.filter(
    statement => !t.isFunctionDeclaration(statement) || !names.has(statement.id!.name),
  );
  return cold;
}

function mergeIntoMakers(program: NodePath<t.Program>, cold: readonly Cold[]): t.FunctionDeclaration[] {
  const groups: Cold[][] = [];
  let characters = MAKER_CHARACTERS;
  for (const one of cold) {
    if (characters >= MAKER_CHARACTERS) {
      groups.push([]);
      characters = 0;
    }
    groups.at(-1)!.push(one);
    characters += one.characters;
  }
  return groups.map(group => {
    const made = group.map(one => one.made);
    return makerOf(program, group, which => [t.returnStatement(chosen(which, made, 0, made.length))]);
  });
}

/** `function maker(which) { … }`. @param body of the function, from the name of its parameter */
function makerOf(
  program: NodePath<t.Program>,
  cold: readonly Cold[],
  body: (which: t.Identifier) => t.Statement[],
): t.FunctionDeclaration {
  const maker = program.scope.generateUidIdentifier("make");
  const which = program.scope.generateUidIdentifier("which");
  for (const [index, { redirect }] of cold.entries()) {
    redirect(() => t.callExpression(t.cloneNode(maker), [t.numericLiteral(index)]));
  }
  return t.functionDeclaration(maker, [which], t.blockStatement(body(which)));
}

function item(array: t.Expression, index: t.Expression): t.Expression {
  return t.memberExpression(array, index, true);
}

function functionThatReturns({ superClass, body }: t.Class): t.Expression {
  const made = t.classExpression(null, superClass ?? null, body);
  return t.functionExpression(null, [], t.blockStatement([t.returnStatement(made)]));
}

/** One of `made`, by halves: each level of a conditional takes stack of the engine. */
function chosen(which: t.Identifier, made: readonly t.Expression[], from: number, to: number): t.Expression {
  if (to - from === 1) return made[from]!;
  const middle = (from + to) >> 1;
  const isBelow = t.binaryExpression("<", t.cloneNode(which), t.numericLiteral(middle));
  return t.conditionalExpression(isBelow, chosen(which, made, from, middle), chosen(which, made, middle, to));
}

/** A use that was missed would call a method that no class has. */
function checkRemoved(program: NodePath<t.Program>, methods: readonly Cold[]): void {
  const removed = new Set(methods.map(({ name }) => name.slice(name.indexOf(".") + 1)));
  program.traverse({
    MemberExpression(path) {
      const { property, computed } = path.node;
      if (computed || !t.isIdentifier(property) || !removed.has(property.name)) return;
      throw path.buildCodeFrameError(`${property.name} is no method any more, and this use was missed`);
    },
  });
}
