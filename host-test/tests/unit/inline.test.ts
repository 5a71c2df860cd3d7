// inlined() does not change what a bundle does, and leaves no variable of a module that would take RAM on a board.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseSync, types as t } from "@babel/core";
import { inlined } from "../../../targets/bundle/inline.ts";

const run = async (text: string) => import(`data:text/javascript,${encodeURIComponent(text)}`);

/** Each makes `result`, which must be the same afterwards. `has`: what the text has then; `lacks`: what it must not have. */
const CASES: Record<string, { text: string; result: unknown; has?: RegExp; lacks?: RegExp }> = {
  "a function with one caller becomes part of it": {
    text: "function twice(n) { return n * 2 } function run(n) { const m = twice(n); return m + 1 } const result = run(3) + run(4);",
    result: 16,
    lacks: /twice/,
  },
  "a function becomes an arrow function": {
    text: "function add(a, b) { return a + b } const result = [add(1, 2), add(3, 4)]; export { add, result };",
    result: [3, 7],
    has: /const \w+ = \(a, b\) =>/,
  },
  "one with a `this` of its own does not": {
    text: "function own() { return this } const it = { own }; const result = it.own() === it && own.call(1);",
    result: 1,
    has: /function own\(/,
  },
  "a variable keeps its value from one iteration to the next": {
    text: "function f(n) { var s = ''; for (var i = 0; i < n; i++) { var x; if (i === 0) x = 'a'; s += x } return s } const result = f(3) + f(2);",
    result: "aaaaa",
  },
  "closures of different iterations share a variable": {
    text: "function f(n) { const all = []; for (var i = 0; i < n; i++) all.push(() => i); return all.map(one => one()) } const result = [f(2), f(3)];",
    result: [
      [2, 2],
      [3, 3, 3],
    ],
  },
  "let without a value is initialized, so that the compiler cannot give it an old value": {
    text: "function f(n) { let x; if (n > 1) x = n; return x } const result = [f(1), f(2)];",
    result: [undefined, 2],
    has: /= void 0|undefined/,
  },
  "a variable may be assigned before its declaration": {
    text: "function f(n) { if (n > 1) late = n; var late; return late } const result = [f(1), f(2)];",
    result: [undefined, 2],
  },
  "cases of a switch share a variable": {
    text: "function f(n) { switch (n) { case 1: var x = Math.max(n, 5); break; case 2: return [x]; default: x = n; x += Math.abs(x) } return x } const result = [f(1), f(2), f(3)];",
    result: [5, [undefined], 6],
  },
  "constants of the module are const, also where a function in front uses them": {
    text: "function f() { return table } var table = Object.freeze([1]); const result = [f(), f()];",
    result: [[1], [1]],
    has: /const table =/,
    lacks: /var /,
  },
  "an export keeps its name, whatever the compiler makes of it": {
    text: "const five = 5; class A { get n() { return five } } const result = new A().n; export { A as B, result, five as default };",
    result: 5,
    has: /as B\b.*as default/s,
  },
};

for (const [name, { text, result, has, lacks }] of Object.entries(CASES)) {
  test(name, async () => {
    const before = text.includes("export {") ? text : `${text} export { result };`;
    assert.deepEqual((await run(before)).result, result);
    const after = await inlined(before);
    assert.deepEqual((await run(after)).result, result);
    if (has) assert.match(after, has);
    if (lacks) assert.doesNotMatch(after, lacks);
  });
}

test("imports and re-exports stay, and what is imported can be exported", async () => {
  const text = 'import { a as b } from "x"; export * from "y"; export { b };';
  const after = await inlined(text);
  assert.match(after, /import \{ a as b \} from "x";\nexport \* from "y";/);
  assert.match(after, /export \{ b \};/);
});

test("an export that the compiler would lose stops the build", async () => {
  await assert.rejects(inlined("const $moduleExports = {}; const f = 1; export { f };"), /lost an export/);
});

test("a syntax error is reported with line and column", async () => {
  await assert.rejects(inlined("const = 1; export {};"), /\(1:6\)/);
});

for (const file of [
  "iotf-embedded",
  "moddable",
  "http",
  "http-moddable",
  "managed",
  "managed-moddable",
  "update-moddable",
  "tls-certificates",
  "tls-handshake",
  "tls-ciphersuites",
]) {
  test(`dist/${file}.js declares only const variables at module level`, () => {
    const path = fileURLToPath(new URL(`../../../dist/${file}.js`, import.meta.url));
    const { program } = parseSync(readFileSync(path, "utf8"), { configFile: false, babelrc: false }) as t.File;
    const variables = program.body.filter(statement => t.isVariableDeclaration(statement));
    assert.deepEqual(
      variables.filter(({ kind }) => kind !== "const"),
      [],
    );
  });
}
