// Is the command line of `npm run platform` read right, and are its mistakes told without repeating a token?

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommandLine, UsageError } from "./options.ts";

test("without options: port 1883 on loopback, closed to unknown devices", () => {
  const { help, org, platform } = parseCommandLine([]);
  assert.deepEqual([help, org], [false, "abc123"]);
  assert.deepEqual(platform, { port: 1883, host: "127.0.0.1", orgs: ["abc123"], devices: [], open: false });
});

test("all options, with a colon and shell characters in a token", () => {
  const args = [
    "--port",
    "0",
    "--host",
    "::1",
    "--org",
    "myorg1",
    "--open",
    "--device=a:b:x:y$(z)",
    "--device",
    "c:d:e",
  ];
  const { platform } = parseCommandLine(args);
  assert.deepEqual(platform, {
    port: 0,
    host: "::1",
    orgs: ["myorg1"],
    devices: [
      { org: "myorg1", type: "a", id: "b", token: "x:y$(z)" },
      { org: "myorg1", type: "c", id: "d", token: "e" },
    ],
    open: true,
  });
});

const MISTAKES: [string[], RegExp][] = [
  [["--bogus"], /^unknown option --bogus$/],
  [["-x"], /^unknown option -x$/],
  [["--port"], /--port/],
  [["--port", "abc"], /--port: abc/],
  [["--port", "65536"], /--port: 65536/],
  [["--port", "--open"], /--port/],
  [["--org", "a:b"], /--org: a:b/],
  [["--open=yes"], /--open/],
  [["--device", "thermo:SECRET"], /^option --device takes TYPE:ID:TOKEN$/],
  [["--device", "a b:t-01:SECRET"], /--device/],
  [["--device", "thermo:t-01:"], /--device/],
  [["--device", "thermo:t-01:MP", "SECRET"], /only options/],
];

for (const [args, text] of MISTAKES) {
  test(`${args.join(" ")}: one line`, () => {
    assert.throws(
      () => parseCommandLine(args),
      (error: Error) => {
        assert.ok(error instanceof UsageError);
        assert.match(error.message, text);
        assert.doesNotMatch(error.message, /\n|SECRET/);
        return true;
      },
    );
  });
}
