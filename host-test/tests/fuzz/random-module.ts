// Generates a random ES module, to test what transforms code. Each function may call the functions before it. The code nests
// blocks, loops, switches and closures, and records values in `notes`, which must be the same afterwards.

import type { Random } from "./random.ts";

/** Names that an expression may read, assign and call. */
interface Scope {
  readable: string[];
  assignable: string[];
  callable: string[];
}

/** Exports `notes`: what the functions saw, the same at each import. */
export function randomModule(random: Random, functionCount = 12): string {
  let names = 0;
  const fresh = () => `v${names++}`;

  const expression = (scope: Scope, depth = 0): string => {
    const inner = () => expression(scope, depth + 1);
    const kind = random.below(depth > 2 ? 2 : 7);
    if (kind === 0 || scope.readable.length === 0) return String(random.below(9));
    if (kind === 1) return random.pick(scope.readable);
    if (kind === 2) return `(${inner()} + ${inner()})`;
    if (kind === 3) return `note(${inner()})`;
    if (kind === 4) return `(${inner()} % 3 ? ${inner()} : ${inner()})`;
    if (kind === 5 && scope.assignable.length > 0) return `(${random.pick(scope.assignable)} += ${random.below(4)})`;
    return scope.callable.length > 0 ? `${random.pick(scope.callable)}(${inner()}, ${inner()})` : inner();
  };

  const block = (outer: Scope, depth: number): string => {
    const scope = { readable: [...outer.readable], assignable: [...outer.assignable], callable: outer.callable };
    const value = () => expression(scope);
    const nested = (...values: string[]) => block({ ...scope, readable: [...scope.readable, ...values] }, depth + 1);
    const declare = (name: string, isVariable: boolean) => {
      scope.readable.push(name);
      if (isVariable) scope.assignable.push(name);
    };
    let text = "";
    for (let left = 1 + random.below(5); left > 0; left--) {
      const name = fresh();
      const kind = random.below(depth > 2 ? 4 : 10);
      if (kind === 0) {
        text += `const ${name} = ${value()};\n`;
        declare(name, false);
      } else if (kind === 1) {
        text += `let ${name} = ${value()};\n`;
        declare(name, true);
      } else if (kind === 2) {
        text += `let ${name};\nif (${value()} % 2) ${name} = ${value()};\n`;
        text += `note(${name});\n${name} = ${name} ?? ${value()};\n`;
        declare(name, true);
      } else if (kind === 3) text += `note(${value()});\n`;
      else if (kind === 4) text += `if (${value()} % 2) {\n${nested()}} else {\n${nested()}}\n`;
      else if (kind === 5) text += `for (let ${name} = 0; ${name} < 3 && fuel-- > 0; ${name}++) {\n${nested(name)}}\n`;
      else if (kind === 6) text += `for (const ${name} of [${value()}, ${value()}]) {\n${nested(name)}}\n`;
      else if (kind === 7) {
        text += `switch (${value()} % 3) {\ncase 0: {\n${nested()}}\nbreak;\n`;
        text += `case 1: {\n${nested()}}\ndefault: {\n${nested()}}\n}\n`;
      } else if (kind === 8) {
        text += `const ${name} = a${name} => {\nif (fuel-- < 0) return 4;\n${nested(`a${name}`)}return ${value()};\n};\n`;
        text += `note(${name}(${value()}));\nclosures.push(${name});\n`;
      } else text += `if (${value()} % 7 === 3) return ${value()};\n`;
    }
    return text;
  };

  // `fuel` bounds the calls and iterations of one run.
  let text = `const notes = [], closures = [];\nlet fuel = 0;\n`;
  text += "function note(value) { if (notes.length < 9999) notes.push(String(value)); return value; }\n";
  const callable: string[] = [];
  for (let i = 0; i < functionCount; i++) {
    const scope = { readable: ["a", "b"], assignable: ["a"], callable };
    text += `function f${i}(a, b) {\nif (fuel-- < 0) return 3;\n${block(scope, 0)}return ${expression(scope)};\n}\n`;
    callable.push(`f${i}`);
  }
  text += `for (const f of [${callable.join()}]) {\nfuel = 200;\nnote(f(${random.below(9)}, 2));\n`;
  return `${text}for (const one of closures.splice(0)) {\nfuel = 20;\nnote(one(1));\n}\n}\nexport { notes };\n`;
}
