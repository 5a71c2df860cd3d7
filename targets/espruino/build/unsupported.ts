// What Espruino 2v29 does not support. Each entry was tried in the engine, and unsupported.test.ts tries it again. The
// build searches the lowered bundle for these constructs and fails with the line; then lower.ts has to replace the
// construct, or src/ has to avoid it.

import { type NodePath, parseSync, types as t, traverse } from "@babel/core";

/** A construct of the language. */
interface Unsupported {
  what: string;
  /** A program that sets `works` to true if the engine supports the construct. */
  probe: string;
  /** True if a node uses it. */
  used: (node: t.Node, path: NodePath) => boolean;
}

const isMethod = (node: t.Node): node is t.ClassMethod => t.isClassMethod(node) || t.isClassPrivateMethod(node);
const hasSpread = (items: readonly (t.Node | null)[]) => items.some(item => t.isSpreadElement(item));
const parametersOf = (node: t.Node) => (t.isFunction(node) ? node.params : []);
const KEYWORDS =
  "break case catch class const continue debugger default delete do else extends finally for function if in instanceof " +
  "new of return super switch this throw try typeof var void while with";

export const LANGUAGE: readonly Unsupported[] = [
  {
    what: "private fields and methods (#x)",
    probe: "class A { #x = 1; f() { return this.#x; } } works = new A().f() === 1;",
    used: node => t.isPrivateName(node),
  },
  {
    what: "class fields",
    probe: "class A { x = 1; y } works = new A().x === 1;",
    used: node => t.isClassProperty(node),
  },
  {
    what: "methods named like a keyword",
    probe: "class A { delete() { return 1; } } works = new A().delete() === 1;",
    used: node => isMethod(node) && t.isIdentifier(node.key) && KEYWORDS.split(" ").includes(node.key.name),
  },
  {
    what: "computed or quoted names in a class or an object literal",
    probe: "var k = 'z'; works = ({ [k]: 1 }).z === 1;",
    used: node =>
      (t.isObjectMember(node) && node.computed) || (isMethod(node) && (node.computed || !t.isIdentifier(node.key))),
  },
  {
    what: "super",
    probe: "class A extends Error { constructor(m) { super(m); } } works = new A('x').message === 'x';",
    used: node => t.isSuper(node),
  },
  {
    what: "extends of anything but a name",
    probe: "var o = { A: class { f() { return 1; } } }; class B extends o.A {} works = new B().f() === 1;",
    used: node => t.isClass(node) && !!node.superClass && !t.isIdentifier(node.superClass),
  },
  {
    what: "the inner name of a class expression",
    probe: "var A = class B { f() { return B === A; } }; works = new A().f();",
    used: node => t.isClassExpression(node) && !!node.id,
  },
  {
    what: "a class expression that may be skipped",
    probe: "works = (true ? 1 : class { constructor(x) { this.x = x; } }) === 1;",
    used: (node, path) => t.isClassExpression(node) && isPartOfChoice(path),
  },
  {
    what: "a function before its declaration",
    probe: "works = f() === 1; function f() { return 1; }",
    used: (node, path) => t.isFunctionDeclaration(node) && typeof path.key === "number" && followsOther(path),
  },
  {
    what: "a var before its declaration",
    probe: "var a = 1; (function() { a = 2; var a; })(); works = a === 1;",
    used: (node, path) => t.isVariableDeclarator(node) && t.isIdentifier(node.id) && isUsedBefore(path, node.id.name),
  },
  {
    what: "default parameters",
    probe: "works = (function(a, b = 3) { return b; })(1) === 3;",
    used: node => parametersOf(node).some(parameter => t.isAssignmentPattern(parameter)),
  },
  {
    what: "rest parameters",
    probe: "works = (function(...a) { return a.length; })(1, 2) === 2;",
    used: node => parametersOf(node).some(parameter => t.isRestElement(parameter)),
  },
  {
    what: "destructuring",
    probe: "var { a } = { a: 1 }; works = a === 1;",
    used: node => t.isObjectPattern(node) || t.isArrayPattern(node),
  },
  {
    what: "spread in calls and arrays",
    probe: "works = Math.max(...[1, 5]) === 5;",
    used: node =>
      (t.isArrayExpression(node) && hasSpread(node.elements)) ||
      ((t.isCallExpression(node) || t.isNewExpression(node)) && hasSpread(node.arguments)),
  },
  {
    what: "spread in object literals",
    probe: "works = ({ ...{ x: 1 } }).x === 1;",
    used: node => t.isObjectExpression(node) && hasSpread(node.properties),
  },
  {
    what: "optional chaining (?.)",
    probe: "var a; works = a?.b === undefined;",
    used: node => t.isOptionalMemberExpression(node) || t.isOptionalCallExpression(node),
  },
  {
    what: "logical assignment (??=, ||=, &&=)",
    probe: "var a; a ??= 4; works = a === 4;",
    used: node => t.isAssignmentExpression(node) && ["??=", "||=", "&&="].includes(node.operator),
  },
  {
    what: "**",
    probe: "works = 2 ** 3 === 8;",
    used: node =>
      (t.isBinaryExpression(node) && node.operator === "**") ||
      (t.isAssignmentExpression(node) && node.operator === "**="),
  },
  {
    what: "labels",
    probe: "a: for (;;) { for (;;) { break a; } } works = true;",
    used: node => t.isLabeledStatement(node),
  },
  {
    what: "a case behind default",
    probe: "switch (1) { default: works = false; break; case 1: works = true; }",
    used: (node, path) => t.isSwitchCase(node) && !node.test && path.key !== (path.container as t.Node[]).length - 1,
  },
  {
    what: "async functions",
    probe: "(async function() {}); works = true;",
    used: node => t.isFunction(node) && !!node.async,
  },
  {
    what: "generators",
    probe: "(function*() {}); works = true;",
    used: node => t.isFunction(node) && !!node.generator,
  },
  {
    what: "tagged templates",
    probe: "works = (s => s[0])`a` === 'a';",
    used: node => t.isTaggedTemplateExpression(node),
  },
  {
    what: "BigInt",
    probe: "works = typeof 1n === 'bigint';",
    used: node => t.isBigIntLiteral(node),
  },
  {
    // `this.length` may be a property of another object.
    what: "setting the length of an array to 0",
    probe: "var a = [1, 2]; a.length = 0; works = a.length === 0;",
    used: node =>
      t.isAssignmentExpression(node) &&
      t.isMemberExpression(node.left) &&
      !t.isThisExpression(node.left.object) &&
      t.isNumericLiteral(node.right, { value: 0 }) &&
      t.isIdentifier(node.left.property, { name: "length" }),
  },
  {
    what: "regular expressions with ?, {n,m}, lazy quantifiers, quantified groups, (?…), \\b, \\u or a bare |",
    probe: "works = /^ab?c$/.test('ac') || /^a{1,2}$/.test('a') || /^(ab)*$/.test('abab') || /^a|b$/.test('xb');",
    used: node => t.isRegExpLiteral(node) && !isSimple(node.pattern, node.flags),
  },
  {
    what: "modules (import, export)",
    probe: "export default 1; works = true;",
    used: node => t.isImportOrExportDeclaration(node),
  },
];

/** Globals, static functions and methods that are missing or incomplete. A method counts unless the bundle has one of that name. */
export const GLOBALS =
  "Map Set WeakMap WeakSet WeakRef Symbol Proxy Reflect BigInt Intl Buffer TextEncoder TextDecoder URL Atomics " +
  "SharedArrayBuffer RangeError URIError EvalError AggregateError queueMicrotask setImmediate structuredClone " +
  "performance crypto fetch encodeURI decodeURI escape unescape";
export const STATICS =
  "Object.freeze Object.isFrozen Object.seal Object.is Object.hasOwn Object.getOwnPropertySymbols Number.isNaN " +
  "Number.isInteger Number.isSafeInteger Number.isFinite Number.parseInt Number.parseFloat Number.MAX_SAFE_INTEGER " +
  "Number.EPSILON Math.trunc Math.imul Math.clz32 Math.fround Math.hypot Math.cbrt Math.log2 Math.log10 Array.from " +
  "Array.of Date.UTC String.raw String.fromCodePoint ArrayBuffer.isView Promise.race Promise.any Promise.allSettled";
export const METHODS =
  "at codePointAt copyWithin entries findLast findLastIndex flat flatMap isWellFormed keys localeCompare " +
  "matchAll normalize reduceRight search setUTCHours toExponential toLocaleString toPrecision toReversed toSorted " +
  "toSpliced trimEnd trimStart values with";

/** @throws Error naming the first construct in `code` that Espruino does not support, with its line */
export function check(code: string, file: string): void {
  const tree = parseSync(code, { configFile: false, babelrc: false, sourceType: "unambiguous" })!;
  const own = ownMethods(tree);
  const globals = GLOBALS.split(" ");
  const statics = STATICS.split(" ");
  const methods = METHODS.split(" ").filter(name => !own.has(name));
  traverse(tree, {
    enter(path) {
      const { node } = path;
      const what = LANGUAGE.find(({ used }) => used(node, path))?.what ?? missing(path, globals, statics, methods);
      if (!what) return;
      const { line, column } = node.loc!.start;
      const excerpt = code.split("\n")[line - 1]!.slice(column, column + 60);
      throw new Error(`${file}:${line}:${column + 1}: Espruino has no ${what}: ${excerpt}`);
    },
  });
}

function ownMethods(tree: t.Node): Set<string> {
  const names = new Set<string>();
  traverse(tree, {
    "ClassMethod|ObjectMethod|ObjectProperty"({ node }: { node: t.Node }) {
      const { key } = node as t.ClassMethod;
      if (t.isIdentifier(key)) names.add(key.name);
    },
  });
  return names;
}

function missing(
  { node, scope, parent }: NodePath,
  globals: readonly string[],
  statics: readonly string[],
  methods: readonly string[],
): string | undefined {
  if (
    t.isIdentifier(node) &&
    globals.includes(node.name) &&
    t.isReferenced(node, parent) &&
    !scope.getBinding(node.name)
  ) {
    // `typeof` works for a missing global.
    return t.isUnaryExpression(parent, { operator: "typeof" }) ? undefined : node.name;
  }
  if (!t.isMemberExpression(node) || node.computed || !t.isIdentifier(node.property)) return undefined;
  const name = node.property.name;
  const full = t.isIdentifier(node.object) ? `${node.object.name}.${name}` : "";
  if (statics.includes(full)) return full;
  if (/^(Object|JSON|Math|String)\./.test(full)) return undefined; // Object.keys, not Array.prototype.keys
  return methods.includes(name) && t.isCallExpression(parent) && parent.callee === node ? `.${name}()` : undefined;
}

/** True if it depends on a condition in the same expression whether `path` is evaluated. */
function isPartOfChoice(path: NodePath): boolean {
  const near = path.findParent(one => one.isFunction() || one.isConditionalExpression() || one.isLogicalExpression());
  return near !== null && !near.isFunction();
}

function followsOther({ key, container }: NodePath): boolean {
  return (container as t.Node[]).slice(0, key as number).some(statement => !t.isFunctionDeclaration(statement));
}

function isUsedBefore({ node, scope, parent }: NodePath, name: string): boolean {
  if (!t.isVariableDeclaration(parent, { kind: "var" })) return false;
  const binding = scope.getBinding(name)!;
  const before = (use: NodePath) =>
    use.node.start! < node.start! && use.getFunctionParent() === binding.path.getFunctionParent();
  return [...binding.referencePaths, ...binding.constantViolations].some(before);
}

/** Characters, classes, groups without quantifier, alternatives in groups, `*` and `+` behind one character, anchors. */
function isSimple(pattern: string, flags: string): boolean {
  const plain = pattern.replace(/\\[dDsSwWnrtf0]|\\x[0-9a-f]{2}|\\[^a-zA-Z0-9]/g, "x").replace(/\[[^\]]*\]/g, "x");
  const grouped = /\((?!\?)[^()]*\)(?![*+?{])/g;
  let rest = plain;
  while (grouped.test(rest)) rest = rest.replace(grouped, inner => (/[?{\\]/.test(inner) ? "?" : "x"));
  return /^[gi]*$/.test(flags) && !/[?{}|\\()]/.test(rest) && !/[*+][*+]/.test(rest);
}
