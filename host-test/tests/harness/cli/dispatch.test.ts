// `iotf-embedded` and its commands: help, exit codes, and mistakes told in one line.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { COMMANDS } from "../../../harness/cli/dispatch.ts";
import { Run } from "./testing.ts";

test("without a command: the list of them, exit code 2; with help: exit code 0", async () => {
  const bare = new Run([]);
  assert.equal(await bare.code, 2);
  for (const args of [["--help"], ["-h"], ["help"]]) {
    const asked = await new Run(args).succeeds();
    assert.deepEqual([asked.out, asked.err, bare.out], [bare.err, "", ""]);
  }
  for (const name of COMMANDS.keys()) assert.match(bare.err, new RegExp(`^  ${name} +\\w`, "m"));
});

test("the version is the package's", async () => {
  const run = await new Run(["--version"]).succeeds();
  const { version } = JSON.parse(readFileSync(new URL("../../../../package.json", import.meta.url), "utf8"));
  assert.equal(run.out, `${version}\n`);
});

/** Most columns of a help text, where that is not 120. */
const WIDTHS: Readonly<Record<string, number>> = { update: 125, fleet: 125 };

for (const [name, load] of COMMANDS) {
  test(`help on ${name} explains every option, however it is asked for`, async () => {
    const { options } = await load();
    const run = await new Run(["help", name]).succeeds();
    // The options of a line are those before its explanation.
    const columns = [...run.out.matchAll(/^ {2}(--.*?)(?: {2}|$)/gm)].map(([, column]) => column!);
    const explained = columns.flatMap(column => column.match(/--[\w-]+/g)!);
    assert.deepEqual(explained.sort(), ["help", ...Object.keys(options)].map(option => `--${option}`).sort());
    for (const line of run.out.split("\n")) assert.ok(line.length <= (WIDTHS[name] ?? 120), line);
    for (const args of [["--help"], ["--bogus", "-h"]]) {
      const again = await new Run([name, ...args]).succeeds();
      assert.equal(again.out, run.out);
    }
  });
}

const SEND = ["send", "thermo:t-01", "print"] as const;
const MANAGE = ["manage", "thermo:t-01"] as const;

for (const [args, message] of [
  [
    ["sned"],
    /^iotf-embedded: unknown command 'sned'; commands: platform, device, send, manage, update, watch, fleet, xs$/,
  ],
  [["help", "sned"], /^iotf-embedded: unknown command 'sned'/],
  [["constructor"], /^iotf-embedded: unknown command 'constructor'/],
  [["platform", "--bogus"], /^iotf-embedded platform: unknown option --bogus$/],
  [["platform", "--page", "1", "--no-page"], /either --page or --no-page$/],
  [["platform", "--page", "x"], /--page must be a whole number 0\.\.65535, not 'x'$/],
  [["send"], /a device and a command are needed$/],
  [["send", "t-01", "print"], /a device is TYPE:ID, for example thermo:t-01, not 't-01'$/],
  [["send", "+:t-01", "print"], /a device is TYPE:ID/],
  [["send", "d:other1:thermo:t-01", "print"], /is not a device of organization abc123$/],
  [["send", "thermo:t-01", "a/b"], /'a\/b' cannot be a topic level/],
  [[...SEND, "{message"], /the payload is not JSON .*; is it quoted for the shell\?$/],
  [[...SEND, "{}", "SECRET"], /too many words: expected <device>, <command>, \[payload\] and options$/],
  [[...SEND, "{}", "--hex", "00"], /give one payload only: \[payload\], --hex, --base64 or --file$/],
  [[...SEND, "--hex", "0"], /--hex: '0' is not hex$/],
  [[...SEND, "--base64", "?"], /--base64: '\?' is not base64$/],
  [[...SEND, "--file", "/nowhere"], /cannot read the payload in '\/nowhere' \(ENOENT\)$/],
  [[...SEND, "--hex", "00", "--format", "json"], /the payload is not JSON/],
  [[...SEND, "--qos", "3"], /--qos must be one of 0, 1, 2, not '3'$/],
  [["manage"], /a device and a request are needed$/],
  [["manage", "thermo:t-01"], /a device and a request are needed$/],
  [["manage", "t-01", "reboot"], /a device is TYPE:ID/],
  [[...MANAGE, "explode"], /a request is one of show, reboot, .*, custom, not 'explode'$/],
  [[...MANAGE, "constructor"], /a request is one of/],
  [[...MANAGE, "reboot", "now"], /too many words: reboot takes none$/],
  [[...MANAGE, "observe"], /observe needs FIELD\.\.\.$/],
  [[...MANAGE, "observe", "a b"], /"a b" cannot be an attribute$/],
  [[...MANAGE, "set", "location"], /set needs FIELD JSON$/],
  [[...MANAGE, "set", "metadata", "{a"], /'{a' is not JSON .*; is it quoted for the shell\?$/],
  [[...MANAGE, "set", "colour", "1"], /an operator sets one of location/],
  [[...MANAGE, "custom", "blink"], /an action is .*<bundleId>\/<actionId>, not "blink"$/],
  [[...MANAGE, "custom", "device/reboot"], /'device\/reboot' is not an action of a bundle$/],
  [[...MANAGE, "custom", "acme-v1/blink", "times"], /a parameter is name=value, not 'times'$/],
  [[...MANAGE, "reboot", "--uri", "http:"], /--uri is for firmware-download and firmware-update$/],
  [[...MANAGE, "reboot", "--unanswered"], /--unanswered is for set$/],
  [[...MANAGE, "reboot", "--answer", "0"], /--answer must be a whole number 1\.\.86400, not '0'$/],
  [["watch", "--count", "0"], /--count must be a whole number 1\.\.1000000, not '0'$/],
  [["watch", "a/b"], /a device is TYPE:ID/],
  [["watch", "--url", "localhost"], /--url must be mqtt:\/\/host:port or mqtts:\/\/host:port, not 'localhost'$/],
  [["watch", "--url", "mqtt://me:SECRET@host"], /not 'mqtt:\/\/…@host'$/],
  [["watch", "--url", "mqtt://host:0"], /--url must be/],
  [["watch", "--app-id", "a b"], /the application id is 1 to 36 of/],
  [["device", "--events", "-1"], /--events must be a whole number 1\.\.1000000, not '-1'$/],
  [["device", "--events"], /--events needs a value$/],
  [["device", "--events", "--json"], /--events needs a value$/],
  [["xs", "--bogus", "a.ts"], /^iotf-embedded xs: unknown option --bogus$/],
  [["xs", "/nowhere/device.ts"], /^iotf-embedded xs: there is no file \/nowhere\/device\.ts$/],
  [
    ["xs", "a.ts", "SECRET"],
    /^iotf-embedded xs: word 1 after the program is not key=value; is it quoted for the shell\?$/,
  ],
  [["device", "--config", "/nowhere/device.ini"], /'\/nowhere\/device\.ini' \(ENOENT\)$/],
  [["device", "word"], /expected options only, no other words$/],
] as const) {
  test(`${args.join(" ")}: one line, exit code 2`, async () => {
    const run = new Run(args);
    assert.equal(await run.code, 2);
    assert.equal(run.out, "");
    assert.match(run.err, /^[^\n]*\n$/);
    assert.match(run.err.trim(), message);
    assert.doesNotMatch(run.err, /SECRET/);
  });
}
