// Private members get names that classes share, and the program does the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bundle } from "../../../targets/bundle/bundle.ts";
import { privateNames } from "../../../targets/bundle/private-names.ts";
import { withFolder, writeFile } from "../support/folder.ts";

/** The program as JavaScript, after renaming. */
function renamed(program: string): Promise<string> {
  return withFolder(async folder => {
    const file = writeFile(folder, "program.ts", program);
    const config = writeFile(folder, "tsconfig.json", '{ "files": ["program.ts"] }');
    return bundle({ entry: file, lines: true, plugins: [privateNames(config, folder)] });
  });
}

const PROGRAM = `
class Base {
  private first = 1;
  private hidden!: number;
  constructor() { Object.defineProperty(this, "hidden", { value: 5 }); }
  sum() { const { first, hidden } = this; return first + hidden; }
}
class Derived extends Base {
  private own = 10;
  private get twice() { return this.own * 2; }
  private set twice(value: number) { this.own = value / 2; }
  all() { this.twice = 60; const { own: half } = this; return [this.sum(), half, this.twice]; }
}
class Other {
  first = 3;
  private different = 4;
  plus(that: Other) { return this.first + that.different; }
}
const derived = new Derived();
export const result = [derived.all(), new Other().plus(new Other()), Object.keys(derived)];
`;

test("classes share the names; a subclass goes on after its parent; a name that is a string stays", async () => {
  const text = await renamed(PROGRAM);
  const { result } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  assert.deepEqual(result, [[6, 30, 60], 7, ["private0", "private2"]]);
  for (const name of ["own", "twice", "different"]) assert.doesNotMatch(text, new RegExp(`this\\.${name}\\b`));
  assert.match(text, /this\.first \+ that\.private0/);
});

const REFUSED: Record<string, [program: string, error: RegExp]> = {
  "a parent under another name": [
    "class Base { private a = 1 } const Alias = Base; class Derived extends Alias { private b = 2 } new Derived();",
    /the parent Alias must be one class, found 0/,
  ],
  "an assignment by a member's name alone": [
    "class A { private m = 1; read() { let m; ({ m } = this); return m } } new A();",
    /\(\{ m \} = …\) is not supported/,
  ],
};

for (const [name, [program, error]] of Object.entries(REFUSED)) {
  test(`${name} stops the build`, async () => {
    await assert.rejects(renamed(program), error);
  });
}
