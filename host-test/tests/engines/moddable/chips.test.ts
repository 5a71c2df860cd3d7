// Every program of ours for the chips of ESP32 boards, as far as the SDK's tools go without ESP-IDF (chips.ts): it links,
// without a warning, with the library in flash. Skipped, aloud, where there is no SDK.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { makeFolder, ROOT } from "../../support/folder.ts";
import { linkFor } from "./chips.ts";
import { copyOf, withoutModdable } from "./simulator.ts";

const skip = withoutModdable();
if (skip) console.log(`host-test/tests/engines/moddable: ${skip}`);

const APP = join(ROOT, "targets/esp32");
const EXAMPLES = join(ROOT, "targets/examples");
const LIBRARY = ["iotf-embedded", "iotf-embedded/core"];
const SETTINGS = { org: "abc123", type: "thermo", id: "t-01", token: "demo-token", ssid: "home", password: "secret99" };

const work = makeFolder();

/** Program, and what of it is in flash beside the library. */
const PROGRAMS: Readonly<Record<string, [() => string, string[]]>> = {
  "the app": [() => APP, ["identity", "clock", "led", "setup/station", "setup/network"]],
  "the app with updates": [
    () => withUpdates(),
    [
      "iotf-embedded/managed",
      "iotf-embedded/update",
      "update",
      "setup/updater",
      "~.embedded/update",
      "~.embedded/storage/flash",
    ],
  ],
  "example codec, in TypeScript": [() => join(EXAMPLES, "codec"), []],
  HttpClient: [() => withAuthority(join(ROOT, "host-test/tests/engines/moddable/http")), ["iotf-embedded/http"]],
  "example sensor": [() => join(EXAMPLES, "sensor"), []],
  "example pin": [() => join(EXAMPLES, "pin"), []],
  "example buffering": [() => join(EXAMPLES, "buffering"), ["preference"]],
  "example tls": [() => withAuthority(join(EXAMPLES, "tls")), []],
};
const ALL = Object.keys(PROGRAMS);
/** The chips differ in the SDK's modules, not in ours. */
const BOARDS = { esp32: ALL, "esp32/esp32s3": ALL.slice(0, 4), "esp32/esp32c3": ALL.slice(0, 4) };

const withAuthority = (folder: string): string => copyOf(folder, work, { "ca/ca.pem": "any" });

/** As flash.ts builds it for --firmware-key. */
function withUpdates(): string {
  const folder = join(work, "updates");
  mkdirSync(join(folder, "identity"), { recursive: true });
  writeFileSync(join(folder, "identity/firmware.der"), "any");
  const include = ["manifest.json", "manifest-update.json"].map(name => join(APP, name));
  const manifest = { include, config: { version: "1.3.0" }, data: { "*": "./identity/*" } };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  return folder;
}

describe("for the chips, as far as the tools go without ESP-IDF", { skip, timeout: 900_000 }, () => {
  for (const [platform, names] of Object.entries(BOARDS)) {
    for (const name of names) {
      test(`${platform}: ${name} links, with the library frozen in flash`, async t => {
        const [folder, more] = PROGRAMS[name]!;
        const { warnings, preloaded, reserved, size, ...flash } = await linkFor(platform, folder(), SETTINGS);
        t.diagnostic(`${size} bytes of mc.xs.c, ${preloaded.length} modules in flash, ${reserved} bytes reserved`);
        assert.deepEqual(warnings, []);
        const missing = [...LIBRARY, ...more].filter(module => !preloaded.includes(module));
        assert.deepEqual(missing, []);
        assert.ok(size > 0);
        // Boards have a budget of their own; the app's goes before it, and is what the app compares its limits with.
        if (!name.startsWith("the app")) return;
        assert.equal(reserved, manifestOf(APP).config.ram);
        // Two slots from the first flash on, also without the update client.
        const partitions = ["nvs 0x006000", "phy_init 0x001000", "ota_0 0x1F0000", "ota_1 0x1FE000", "otadata 8192"];
        assert.deepEqual(flash, { partitions, rollback: true });
      });
    }
  }
});

function manifestOf(folder: string): { config: { ram: number } } {
  return JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
}
