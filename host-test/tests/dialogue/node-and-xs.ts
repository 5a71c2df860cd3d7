// The cases of an engine-free program as tests: each runs on Node and in XS.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Xs } from "../../harness/xs/host.ts";
import { startProgram } from "../support/xs-program.ts";

/**
 * `play(name)` returns "", or what was wrong.
 * @param bundle file in dist/ that the program is given in XS
 */
export function testOnNodeAndXs(
  names: readonly string[],
  onNode: { play(name: string): string },
  program: URL,
  bundle: string,
): void {
  let xs: Xs;
  before(async () => {
    xs = await startProgram(program, bundle);
  });
  after(() => xs.close());

  for (const name of names) {
    test(`${name}, on Node`, () => assert.equal(onNode.play(name), ""));
    test(`${name}, in XS`, async () => assert.equal(await xs.call<string>("play", name), ""));
  }
}
