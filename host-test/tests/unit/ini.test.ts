// ini.ts: a device configuration file, as text, to options.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../src/device/ini.ts";

const SEED = `[device]
org=abc123
type=thermo
id=t-01
auth-method=token
auth-token=MP$08VKz!8rXwnR-Q*
clean-session=true
`;
const OPTIONS = {
  org: "abc123",
  type: "thermo",
  id: "t-01",
  "auth-method": "token",
  "auth-token": "MP$08VKz!8rXwnR-Q*",
  "clean-session": true,
};

const READ: [string, string, object][] = [
  ["the documented file", SEED, OPTIONS],
  ["the same with CRLF", SEED.replaceAll("\n", "\r\n"), OPTIONS],
  ["the same with a byte order mark", `\uFEFF${SEED}`, OPTIONS],
  ["the same without a section", SEED.replace("[device]\n", ""), OPTIONS],
  ["the same between other sections", `[x]\norg=other\n${SEED}[y]\ntype=other\nnonsense\n`, OPTIONS],
  ["blanks around key and value", "  org \t=  abc  \n", { org: "abc" }],
  ["blanks within the brackets", "[ device ]\norg=a", { org: "a" }],
  ["comments and empty lines", "# org=x\n; org=y\n\n  # z\norg=a", { org: "a" }],
  ["a token with = % # ; and quotes", `auth-token=a=b%c#d;e"f'=`, { "auth-token": `a=b%c#d;e"f'=` }],
  ["a last line without its end", "org=a\ntype=b", { org: "a", type: "b" }],
  ["several hosts", "host = a.test, 10.0.0.7,::1", { host: "a.test, 10.0.0.7,::1" }],
  ["a reconnect-delay", "reconnect-delay = 60", { "reconnect-delay": 60 }],
  [
    "every other key",
    "orgId=a\ndomain=d\nhost=h\nport=1\ntls=False\nserver-name=s\nkeep-alive=9",
    {
      orgId: "a",
      domain: "d",
      host: "h",
      port: 1,
      tls: false,
      "server-name": "s",
      "keep-alive": 9,
    },
  ],
];

for (const [name, text, options] of READ) test(`reads ${name}`, () => assert.deepEqual(parseConfig(text), options));

const REFUSED: [string, string, string][] = [
  ["an unknown key", "[device]\norgg=a", "configuration:2: unknown key orgg"],
  ["a key of objects in general", "__proto__=a", "configuration:1: unknown key __proto__"],
  ["a line without =", "org", "configuration:1: expected key=value"],
  ["a line without a key", "=a", "configuration:1: expected key=value"],
  ["an empty value", "org=", "configuration:1: org is empty"],
  [
    "a port in a list of hosts",
    "org=a\nhost=a.test,x:1883",
    'configuration:2: host[1] must be a host name or address alone, not "x:1883"; use the options port and tls',
  ],
  ["a comma at the end", "host=a.test,", "configuration:1: host[1] must be a string that is not empty"],
  [
    "a reconnect-delay of 1 s",
    "reconnect-delay=1",
    "configuration:1: reconnect-delay must be a number of seconds 2..120, not 1",
  ],
  ["a key set twice", "org=a\n\norg=a", "configuration:3: org is set twice"],
  ["nothing", "# a comment", "configuration: no settings in section [device]"],
  ["a file of another kind", "[application]\norg=a", "configuration: no settings in section [device]"],
  ["a port that is none", "org=a\nport=mqtt", "configuration:2: port must be a whole number 1..65535, not mqtt"],
  ["a flag that is none", "clean-session=yes", "configuration:1: clean-session must be true or false, not yes"],
  ["an id that is none", "id=a/b", 'configuration:1: id must be 1 to 36 of A-Z a-z 0-9 - _ . and is "a/b"'],
  ["an unknown key that may be a token of letters", `${"t".repeat(21)}=a`, "configuration:1: unknown key"],
  ["what cannot be written in a line", "ca=PEM", "configuration:1: unknown key ca"],
  ["a section without its end", "org=a\n[device", "configuration:2: expected [section]"],
  ["a colon for =, without showing the token", "auth-token: s3cret=", "configuration:1: unknown key"],
  ["a token on a line of its own, without showing it", "MP$08VKz!8rXwnR-Q*=", "configuration:1: unknown key"],
];

for (const [name, text, message] of REFUSED) {
  test(`refuses ${name}`, () => {
    assert.throws(() => parseConfig(text), { name: "ConfigurationException", code: "configuration", message });
  });
}

test("errors name the file they are told", () => {
  assert.throws(() => parseConfig("org=", "device.ini"), { message: "device.ini:1: org is empty" });
});
