// What the bundle of a device makes the linker of the Moddable SDK keep. The linker strips the built-ins of the engine by
// name: a property name anywhere in the program keeps every built-in of that name, whatever object it is used on. So a
// method of ours called `find` keeps those of arrays, typed arrays and iterators. A name that costs 500 bytes of flash or
// more is either accepted here, with its reason, or not used.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { type NodePath, parseSync, traverse } from "@babel/core";

/**
 * Bytes of RV32IMC code of all built-ins of a name, in XS of the SDK 8.2.3; their slots and helpers come on top. With
 * helpers: RegExp and the names of its methods, the two changes of case, sort.
 */
const FLASH: Readonly<Record<string, number>> = {
  RegExp: 16000,
  toLowerCase: 12000,
  toUpperCase: 12000,
  toLocaleLowerCase: 12000,
  toLocaleUpperCase: 12000,
  normalize: 60000,
  sort: 3000,
  replaceAll: 2900,
  parse: 3184,
  replace: 2718,
  concat: 2526,
  slice: 2390,
  splice: 2166,
  with: 2102,
  forEach: 1996,
  split: 1988,
  exec: 1952,
  set: 1882,
  freeze: 1844,
  toSpliced: 1716,
  reverse: 1656,
  fromAsync: 1606,
  reduce: 1578,
  from: 1510,
  indexOf: 1484,
  lastIndexOf: 1456,
  filter: 1334,
  toLocaleString: 1328,
  find: 1252,
  fill: 1236,
  every: 1182,
  some: 1182,
  bind: 1136,
  join: 1114,
  map: 1106,
  includes: 1090,
  copyWithin: 1088,
  shift: 1024,
  match: 962,
  stringify: 958,
  entries: 928,
  values: 892,
  at: 876,
  flags: 876,
  matchAll: 870,
  fromArrayBuffer: 860,
  toReversed: 856,
  finally: 844,
  unshift: 798,
  keys: 782,
  getOrInsertComputed: 780,
  raw: 754,
  of: 742,
  return: 726,
  search: 722,
  toSorted: 720,
  fromEntries: 698,
  push: 686,
  apply: 672,
  fromCharCode: 632,
  get: 630,
  escape: 628,
  drop: 560,
  take: 560,
  flatMap: 550,
  pop: 544,
  source: 532,
  sumPrecise: 526,
  toExponential: 524,
  create: 520,
  reduceRight: 520,
};

/** Names that the bundle uses all the same. Whoever removes the last use of one removes it here. */
const ACCEPTED: readonly string[] = [
  // JSON is what an event is; the SDK's own modules keep the names `set`, `get`, `from`, `freeze`, `fill` and `join`
  // anyway.
  ...["parse", "stringify", "freeze", "set", "get", "from", "fill", "join"],
  // Text and bytes, and lists that grow.
  ...["indexOf", "split", "fromCharCode", "fromArrayBuffer", "push", "shift", "keys", "filter"],
  // The option `limits.values`.
  "values",
  // The send buffer and the outbox move their bytes; set() would allocate a copy of them.
  "copyWithin",
  // Names of our own; without RegExp they keep nothing.
  ...["source", "flags"],
];

/** Names of properties in a program, and RegExp where it has a literal. */
function namesIn(source: string): Set<string> {
  const names = new Set<string>();
  const keyed = ({ node }: NodePath): void => {
    const { key, property, computed } = node as { key?: object; property?: object; computed?: boolean };
    const name = key ?? property;
    if (!computed && name && "name" in name) names.add(String(name.name));
  };
  traverse(parseSync(source, { sourceType: "module", configFile: false, babelrc: false })!, {
    RegExpLiteral: () => void names.add("RegExp"),
    MemberExpression: keyed,
    OptionalMemberExpression: keyed,
    ObjectProperty: keyed,
    ObjectMethod: keyed,
    ClassMethod: keyed,
    ClassProperty: keyed,
  });
  return names;
}

const costly = (names: Set<string>): string[] =>
  [...names].filter(name => Object.hasOwn(FLASH, name) && !ACCEPTED.includes(name));

test("the search finds uses, keys, methods and literals, and no local variables", () => {
  const program =
    "let reverse = 1; a.replace(b?.match, /x/); const c = { search: 1 }; class D { exec() {} reduce = 1; }";
  assert.deepEqual(costly(namesIn(program)).sort(), ["RegExp", "exec", "match", "reduce", "replace", "search"]);
});

for (const file of ["iotf-embedded.js", "moddable.js"]) {
  test(`dist/${file} keeps no built-in of 500 bytes or more that is not accepted`, () => {
    const path = fileURLToPath(new URL(`../../../dist/${file}`, import.meta.url));
    const found = costly(namesIn(readFileSync(path, "utf8")));
    assert.deepEqual(found, [], found.map(name => `${name}: ${FLASH[name]} bytes of flash`).join(", "));
  });
}
