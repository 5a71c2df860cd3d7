// A random ES module whose functions call one another, nest blocks, loops, switches and closures, and note what they see.
// For what changes the form of code and not what it does.

import type { Random } from "./random.ts";

/** Names that an expression may use. */
interface Scope {
  values: string[];
  variables: string[];
  functions: string[];
}

/** Exports `notes`: what the functions saw, the same at each import. */
export function randomModule(random: Random, functions = 12): string {
  let names = 0;
  const fresh = () => `v${names++}`;

  const expression = ({ values, variables, functions }: Scope, depth = 0): string => {
    const inner = () => expression({ values, variables, functions }, depth + 1);
    const kind = random.below(depth > 2 ? 2 : 7);
    if (kind === 0 || values.length === 0) return String(random.below(9));
    if (kind === 1) return random.pick(values);
    if (kind === 2) return `(${inner()} + ${inner()})`;
    if (kind === 3) return `note(${inner()})`;
    if (kind === 4) return `(${inner()} % 3 ? ${inner()} : ${inner()})`;
    if (kind === 5 && variables.length > 0) return `(${random.pick(variables)} += ${random.below(4)})`;
    return functions.length > 0 ? `${random.pick(functions)}(${inner()}, ${inner()})` : inner();
  };

  const block = (outer: Scope, depth: number): string => {
    const scope = { values: [...outer.values], variables: [...outer.variables], functions: [...outer.functions] };
    const value = () => expression(scope);
    const nested = (...values: string[]) => block({ ...scope, values: [...scope.values, ...values] }, depth + 1);
    const declare = (name: string, isVariable: boolean) => {
      scope.values.push(name);
      if (isVariable) scope.variables.push(name);
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
        text += `let ${name};\nif (${value()} % 2) ${name} = ${value()};\nnote(${name});\n${name} = ${name} ?? ${value()};\n`;
        declare(name, true);
      } else if (kind === 3) text += `note(${value()});\n`;
      else if (kind === 4) text += `if (${value()} % 2) {\n${nested()}} else {\n${nested()}}\n`;
      else if (kind === 5) text += `for (let ${name} = 0; ${name} < 3 && fuel-- > 0; ${name}++) {\n${nested(name)}}\n`;
      else if (kind === 6) text += `for (const ${name} of [${value()}, ${value()}]) {\n${nested(name)}}\n`;
      else if (kind === 7) {
        text += `switch (${value()} % 3) {\ncase 0: {\n${nested()}}\nbreak;\ncase 1: {\n${nested()}}\ndefault: {\n${nested()}}\n}\n`;
      } else if (kind === 8) {
        text += `const ${name} = a${name} => {\nif (fuel-- < 0) return 4;\n${nested(`a${name}`)}return ${value()};\n};\nnote(${name}(${value()}));\n`;
        text += `later.push(${name});\n`;
      } else text += `if (${value()} % 7 === 3) return ${value()};\n`;
    }
    return text;
  };

  let text = `const notes = [], later = [];\nlet fuel = 0;\n`;
  text += "function note(value) { if (notes.length < 9999) notes.push(String(value)); return value; }\n";
  const known: string[] = [];
  for (let i = 0; i < functions; i++) {
    const scope = { values: ["a", "b"], variables: ["a"], functions: known };
    text += `function f${i}(a, b) {\nif (fuel-- < 0) return 3;\n${block(scope, 0)}return ${expression(scope)};\n}\n`;
    known.push(`f${i}`);
  }
  text += `for (const f of [${known.join()}]) {\nfuel = 200;\nnote(f(${random.below(9)}, 2));\n`;
  return `${text}for (const one of later.splice(0)) {\nfuel = 20;\nnote(one(1));\n}\n}\nexport { notes };\n`;
}
