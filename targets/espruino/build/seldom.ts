// A method costs memory there for as long as its class lives: five JsVars and one for each parameter. Methods and getters
// that are not called with every message become one function for each class, which makes the one that is asked for, to be
// called and forgotten.

import { type NodePath, type PluginObj, types as t } from "@babel/core";

/** What is called with every event or command: these stay methods. A name here that src/ does not have does no harm. */
const OFTEN =
  "accept ack acknowledge acknowledged add again announced at begin commandKind count delivered dequeue due end " +
  "enqueue exactlyOnce find flush flushBody flushHead follow forgotten frame full heard hold holding idle incoming " +
  "kind live message nextId onMessage overflows packet pending pump pumpAll pumpControl pumpOutbox pumpRequests " +
  "pumpResends push read release removeAt resume resumeFrame resumeHeader send settle settled streamedOut " +
  "streaming tell tick tickFrom timer whole";
/** One alone would cost as much as it saves. */
const LEAST = 2;

/** @param names those that nothing outside the program knows */
export function seldomMethods(names: readonly string[]): () => PluginObj {
  const often = OFTEN.split(" ");
  const candidates = new Set(names.filter(name => !often.includes(name)));
  return () => ({
    visitor: {
      Program: {
        exit(program) {
          const uses = usesOf(program);
          const gone = new Set<string>();
          program.traverse({ Class: path => split(program, path.node, candidates, uses, gone) });
          program.scope.crawl();
          program.traverse({
            MemberExpression(path) {
              const { property, computed } = path.node;
              if (computed || !t.isIdentifier(property) || !gone.has(property.name)) return;
              throw path.buildCodeFrameError(`${property.name} is no method any more, and this place was missed`);
            },
          });
        },
      },
    },
  });
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

function split(
  program: NodePath<t.Program>,
  node: t.Class,
  candidates: Set<string>,
  uses: Map<string, Uses>,
  gone: Set<string>,
): void {
  const seldom = node.body.body.filter(
    (member): member is t.ClassMethod =>
      nameOf(member) !== "" && candidates.has(nameOf(member)) && isSure(member, uses),
  );
  if (seldom.length < LEAST) return;
  const maker = program.scope.generateUidIdentifier("seldom");
  const which = t.identifier("which");
  let choice: t.Expression = t.nullLiteral();
  for (const [index, member] of [...seldom.entries()].reverse()) {
    gone.add(nameOf(member));
    const made = t.functionExpression(null, member.params as t.Identifier[], member.body);
    choice = t.conditionalExpression(t.binaryExpression("===", which, t.numericLiteral(index)), made, choice);
    for (const place of uses.get(nameOf(member))!.places) {
      const target = t.memberExpression(t.callExpression(maker, [t.numericLiteral(index)]), t.identifier("call"));
      if (member.kind === "get") place.replaceWith(t.callExpression(target, [place.node.object]));
      else {
        const call = place.parent as t.CallExpression;
        call.arguments.unshift(place.node.object);
        call.callee = target;
      }
    }
  }
  node.body.body = node.body.body.filter(member => !seldom.includes(member as t.ClassMethod));
  program.node.body.unshift(t.functionDeclaration(maker, [which], t.blockStatement([t.returnStatement(choice)])));
}

function nameOf(member: t.Node): string {
  if (!t.isClassMethod(member, { static: false }) || !t.isIdentifier(member.key)) return "";
  return member.kind === "method" || member.kind === "get" ? member.key.name : "";
}

/** Whoever names it means this one: there is no other, and it is only called, or read where it is a getter. */
function isSure(member: t.Node, uses: Map<string, Uses>): boolean {
  const { definitions, places } = uses.get(nameOf(member))!;
  const isGetter = t.isClassMethod(member, { kind: "get" });
  const fits = ({ node, parent }: NodePath) =>
    isGetter
      ? !t.isAssignmentExpression(parent) && !t.isUpdateExpression(parent)
      : t.isCallExpression(parent) && parent.callee === node;
  return definitions === 1 && places.length > 0 && places.every(fits);
}
