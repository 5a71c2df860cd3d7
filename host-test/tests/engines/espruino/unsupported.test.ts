// The list of what Espruino lacks: the build finds each of it, and, tried in the engine, each is still missing.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { check, GLOBALS, LANGUAGE, METHODS, STATICS } from "../../../../targets/espruino/build/unsupported.ts";
import { Espruino, withoutEspruino } from "./engine.ts";

describe("the build looks for what Espruino lacks", () => {
  for (const { what, probe } of LANGUAGE) {
    test(what, () => {
      assert.throws(
        () => check(`var works;\n${probe}`, "file.js"),
        (error: Error) => error.message.startsWith("file.js:2:") && error.message.includes(`Espruino has no ${what}: `),
      );
    });
  }

  for (const [code, what] of [
    ["new Map();", "Map"],
    ["var a = Object.freeze({});", "Object.freeze"],
    ["var a = new Uint8Array(3); a.copyWithin(0, 1);", ".copyWithin()"],
  ] as const) {
    test(what, () => {
      assert.throws(
        () => check(`\n${code}`, "file.js"),
        new RegExp(`^Error: file.js:2:\\d+: Espruino has no ${what.replace(/[().]/g, "\\$&")}: `),
      );
    });
  }

  test("what it has passes, and so do names of the program's own", () => {
    check(
      `class A { at(i) { return this.keys[i] } get length() { return 1 } }
       class B extends A { constructor(x) { A.call(this); this.x = x ?? [1, 2].map(y => y + 1) } }
       var c = { get d() { return \`\${1}\` }, Map: 1 }, e = new B(), f = /^[A-Z]+(-|_)\\d*$/i.test("A-1");
       for (const g in c) e.at(g);
       var h = typeof TextEncoder, i = Object.keys(c), j = c.Map;
       switch (h) { case "x": break; default: e.length }`,
      "file.js",
    );
  });
});

describe("what Espruino lacks, tried in the engine", { skip: withoutEspruino() }, () => {
  let engine: Espruino;
  before(async () => {
    engine = await Espruino.start({});
  });
  after(() => engine?.close());

  for (const { what, probe } of LANGUAGE) {
    test(what, async () => {
      const program = `(function() { var works = false; try { ${probe} } catch (e) { works = false; } return works; })()`;
      // What cannot even be parsed fails as a whole.
      assert.notEqual(await engine.evaluate(program).catch(() => false), true, "it has it now: take it off the list");
    });
  }

  test("globals", async () => {
    const there = await engine.evaluate(
      `${JSON.stringify(GLOBALS.split(" "))}.filter(function(name) { return eval("typeof " + name) !== "undefined" })`,
    );
    assert.deepEqual(there, []);
  });

  test("static functions", async () => {
    const there = await engine.evaluate(
      `${JSON.stringify(STATICS.split(" "))}.filter(function(name) { return eval(name) !== undefined })`,
    );
    assert.deepEqual(there, []);
  });

  test("methods, each on every kind of value that the standard gives it", async () => {
    const values = { "''": "", "[]": [], "new Uint8Array(1)": new Uint8Array(1), "(1)": 1, "new Date()": new Date() };
    for (const name of METHODS.split(" ")) {
      const kinds = Object.entries(values).filter(([, value]) => name in Object(value));
      assert.ok(kinds.length, `${name} is a method of the language`);
      for (const [text] of kinds) {
        assert.equal(await engine.evaluate(`(${text}).${name} === undefined`), true, `${text} has ${name}`);
      }
    }
  });
});
