// Is the command line of `iotf-embedded platform` read right, and are its mistakes told without repeating a token?

import assert from "node:assert/strict";
import { test } from "node:test";
import { DEMO_DEVICE } from "../../../harness/cli/demo-device.ts";
import { parseCommandLine } from "../../../harness/cli/platform-options.ts";
import { assertUsageError } from "./testing.ts";

test("without options: port 1883 on loopback, the demo device, a page", () => {
  const { org, platform, page, json } = parseCommandLine([]);
  assert.deepEqual([org, page, json], ["abc123", 0, false]);
  const devices = [DEMO_DEVICE];
  assert.deepEqual(platform, {
    port: 1883,
    host: "127.0.0.1",
    orgs: ["abc123"],
    devices,
    applications: [],
    open: false,
  });
});

test("the demo device, whose token everyone knows, is let in on this machine only, and only when no other is", () => {
  for (const [args, known] of [
    [["--host", "::1"], true],
    [["--host", "127.1.2.3"], true],
    [["--host", "0.0.0.0"], false],
    [["--host", "192.168.1.2"], false],
    [["--open"], false],
    [["--org", "myorg1"], false],
    [["--device", "a:b:c"], false],
  ] as const) {
    assert.equal(parseCommandLine(args).platform.devices?.includes(DEMO_DEVICE), known, args.join(" "));
  }
});

test("the page: its port, or none", () => {
  assert.equal(parseCommandLine(["--page", "8080"]).page, 8080);
  assert.equal(parseCommandLine(["--no-page"]).page, undefined);
});

test("all options, with a colon and shell characters in a token", () => {
  const line = "--port 0 --host ::1 --org myorg1 --open --device=a:b:x:y$(z) --device c:d:e --application k1:x:y";
  const { platform } = parseCommandLine(line.split(" "));
  assert.deepEqual(platform, {
    port: 0,
    host: "::1",
    orgs: ["myorg1"],
    devices: [
      { org: "myorg1", type: "a", id: "b", token: "x:y$(z)" },
      { org: "myorg1", type: "c", id: "d", token: "e" },
    ],
    applications: [{ org: "myorg1", key: "k1", token: "x:y" }],
    open: true,
  });
});

test("an API key is made when other machines can reach the platform and no application is registered", () => {
  const { platform, apiKey } = parseCommandLine(["--host", "0.0.0.0"]);
  const { key, token } = platform.applications![0]!;
  assert.deepEqual(apiKey, { user: `a-abc123-${key}`, token });
  assert.match(`${key} ${token}`, /^[0-9a-f]{8} [\w-]{20}$/);
  assert.notEqual(parseCommandLine(["--host", "0.0.0.0"]).apiKey?.token, token);
  for (const args of [[], ["--host", "::1"], ["--host", "0.0.0.0", "--application", "k1:x"]]) {
    assert.equal(parseCommandLine(args).apiKey, undefined);
  }
});

const MISTAKES: [string[], RegExp][] = [
  [["--bogus"], /^unknown option --bogus$/],
  [["-x"], /^unknown option -x$/],
  [["--port"], /--port/],
  [["--port", "abc"], /--port must be .*, not 'abc'/],
  [["--port", "65536"], /--port must be .*, not '65536'/],
  [["--port", "--open"], /--port/],
  [["--org", "a:b"], /--org: a:b/],
  [["--open=yes"], /--open/],
  [["--device", "thermo:SECRET"], /^option --device takes TYPE:ID:TOKEN$/],
  [["--device", "a b:t-01:SECRET"], /--device/],
  [["--device", "thermo:t-01:"], /--device/],
  [["--application", "SECRET"], /^option --application takes KEY:TOKEN$/],
  [["--application", "a b:SECRET"], /^option --application takes KEY:TOKEN$/],
  [["--device", "thermo:t-01:MP", "SECRET"], /expected options only/],
];

for (const [args, text] of MISTAKES) {
  test(`${args.join(" ")}: one line`, () => assertUsageError(() => parseCommandLine(args), text));
}
