// NEEDS dist/ (npm run build). docs/reference.md is what `npm run docs` writes, and its tables of options say what the
// clients do: each limit of a range is accepted, the number beyond it is refused.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DEFAULT_LIMITS, DeviceClient, MqttClient } from "../../../../dist/node.js";
import { anchor, committedReference, ENTRIES, reference } from "../../../../targets/docs/reference.ts";
import { IDENTITY } from "../../support/identity.ts";

const DEVICE = { ...IDENTITY, host: "127.0.0.1" };
const ENDPOINT = { host: "127.0.0.1", port: 1883 };

/** How an option of each table is given to a client. */
const CONSTRUCT: Readonly<Record<string, (name: string, value: number) => unknown>> = {
  DeviceOptions: (name, value) => new DeviceClient({ ...DEVICE, [name]: value }),
  Limits: (name, value) => new MqttClient({ endpoint: ENDPOINT, clientId: "x", limits: { [name]: value } }),
  MqttOptions: (name, value) => new MqttClient({ endpoint: ENDPOINT, clientId: "x", [name]: value }),
};

const page = committedReference();

interface Option {
  name: string;
  type: string;
  fallback: string;
  range: string;
}

/** The rows of the table of options below a heading. */
function options(heading: string): Option[] {
  const section = page.split(`\n### ${heading}\n`)[1]!.split("\n### ")[0]!;
  const rows = section.split("\n").filter(line => line.startsWith("| `"));
  return rows.map(row => {
    const [, name, type, fallback, range] = row.split(/(?<!\\)\|/).map(cell => cell.trim());
    return { name: name!.replaceAll("`", ""), type: type!.replaceAll("`", ""), fallback: fallback!, range: range! };
  });
}

test("docs/reference.md is what `npm run docs` writes", () => {
  assert.equal(reference(), page, "npm run docs");
});

test("each entry of package.json has a section", () => {
  const manifest = readFileSync(new URL("../../../../package.json", import.meta.url), "utf8");
  const files = [...manifest.matchAll(/"types": "\.\/(dist\/[^"]+)"/g)].map(([, file]) => file!);
  assert.ok(files.length > 5);
  for (const file of files) assert.ok(ENTRIES.includes(file), file);
});

for (const [heading, construct] of Object.entries(CONSTRUCT)) {
  const numbers = options(heading).filter(({ type }) => type.startsWith("number"));

  test(`${heading}: the table has a range for each number`, () => {
    assert.ok(numbers.length > 1);
    for (const { name, range } of numbers) assert.match(range, /\d+\.\.\d+|above \d+, at most \d+/, name);
  });

  for (const { name, range } of numbers) {
    const [, least, most, above, upTo] = /(\d+)\.\.(\d+)|above (\d+), at most (\d+)/.exec(range) ?? [];
    const accepted = above ? [Number(above) + 0.001, Number(upTo)] : [Number(least), Number(most)];
    const refused = above ? [Number(above), Number(upTo) + 0.001] : [Number(least) - 1, Number(most) + 1];

    test(`${heading}: ${name} is ${range}, limits included`, () => {
      for (const value of accepted) assert.doesNotThrow(() => construct(name, value), `${name} ${value}`);
      for (const value of refused) {
        assert.throws(() => construct(name, value), { code: "configuration" }, `${name} ${value}`);
      }
    });
  }
}

test("Limits: the defaults of the table are those of the library", () => {
  const documented = Object.fromEntries(options("Limits").map(({ name, fallback }) => [name, JSON.parse(fallback)]));
  assert.deepEqual(documented, { ...DEFAULT_LIMITS });
});

test("each entry of the table of contents leads to a heading", () => {
  const headings = [...page.matchAll(/^#+ (.*)$/gm)].map(([, title]) => anchor(title!));
  const links = [...page.matchAll(/\]\(#([^)]*)\)/g)].map(([, target]) => target!);
  assert.ok(links.length > 10);
  for (const link of links) assert.ok(headings.includes(link), link);
});
