// What a terminal shows: colours where they are wanted, the table of devices, and lines above it that scroll by.

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { colours } from "../../../harness/cli/colour.ts";
import { Screen } from "../../../harness/cli/screen.ts";
import { table } from "../../../harness/cli/table.ts";

const plain = (_: unknown, text: string) => text;

test("colours on a terminal only, and not where NO_COLOR or TERM says so", () => {
  const painted = (isTTY: boolean, env: NodeJS.ProcessEnv) =>
    colours({ stdout: Object.assign(new PassThrough(), { isTTY }), env })("red", "x");
  assert.equal(painted(true, {}), "\x1b[31mx\x1b[0m");
  assert.equal(painted(true, { NO_COLOR: "" }), "\x1b[31mx\x1b[0m", "empty counts as absent (no-color.org)");
  for (const [tty, env] of [
    [false, {}],
    [true, { NO_COLOR: "1" }],
    [true, { TERM: "dumb" }],
  ] as const) {
    assert.equal(painted(tty, env), "x");
  }
});

const device = (id: string, connected: boolean) => ({
  clientId: `d:abc123:thermo:${id}`,
  connected,
  since: new Date(2026, 0, 1, 10, 20, 30).getTime(),
  events: 12,
  commands: 3,
  lastEvent: { name: "status", at: new Date(2026, 0, 1, 11, 0, 0).getTime() },
  heap: 81234,
});

test("the table has columns that stand under each other, the connected devices first", () => {
  const lines = table(
    [device("a", false), { ...device("b", true), heap: undefined, lastEvent: undefined }],
    120,
    20,
    plain,
  );
  assert.deepEqual(lines, [
    "",
    "DEVICE             STATE         SINCE     EVENTS  COMMANDS  LAST EVENT       FREE HEAP",
    "d:abc123:thermo:b  connected     10:20:30      12         3",
    "d:abc123:thermo:a  disconnected  10:20:30      12         3  11:00:00 status      81234",
  ]);
  assert.deepEqual(table([], 120, 20, plain), []);
});

test("the table keeps to its room, and says how many are not in it", () => {
  const many = Array.from({ length: 30 }, (_, n) => device(String(n), n % 2 === 0));
  for (const rows of [5, 10, 40]) {
    const lines = table(many, 50, rows, plain);
    assert.ok(lines.length <= rows, `${lines.length} lines`);
    assert.ok(lines.every(line => line.length <= 50));
    const shown = lines.filter(line => line.startsWith("d:")).length;
    if (shown < 30) assert.equal(lines.at(-1), `and ${30 - shown} more`);
  }
});

test("lines go above the block, which is drawn anew below them", () => {
  const written: string[] = [];
  const stdout = Object.assign(new PassThrough(), { columns: 40, rows: 24 });
  stdout.write = ((text: string) => written.push(text)) as never;
  let block: string[] = [];
  const room: number[][] = [];
  const screen = new Screen(stdout, (columns, rows) => {
    room.push([columns, rows]);
    return block;
  });
  screen.print("one");
  block = ["a", "b"];
  screen.print("two");
  screen.print("three");
  screen.end();
  block = [];
  screen.print("four");
  assert.deepEqual(written, ["one\n", "two\na\nb\n", "\x1b[2A\r\x1b[Jthree\na\nb\n", "four\n"]);
  assert.deepEqual(room[0], [39, 12]);
});
