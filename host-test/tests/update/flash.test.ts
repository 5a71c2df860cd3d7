// What `npm run flash` leaves behind: its manifest contains the token and the Wi-Fi password. mcconfig is a script here.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { makeFolder, writeFile } from "../support/folder.ts";

const FLASH = fileURLToPath(new URL("../../../targets/esp32/flash.ts", import.meta.url));
const HOST = process.platform === "darwin" ? "mac" : "lin";

const folder = makeFolder();
mkdirSync(join(folder, "tmp"));
// It says that it runs, and waits, or ends at once with option -i.
const MCCONFIG = `#!/bin/sh\necho runs\ncase " $* " in *" -i "*) exit 3 ;; esac\nexec sleep 60\n`;
chmodSync(writeFile(folder, `build/bin/${HOST}/release/mcconfig`, MCCONFIG), 0o755);

/** In a process group of its own, as a shell starts it. */
function flash(...words: string[]) {
  const env = { ...process.env, MODDABLE: folder, TMPDIR: join(folder, "tmp"), INIT_CWD: folder };
  const command = ["--import", "tsx", FLASH, "flash", "esp32", "token=secret", ...words];
  return spawn(process.execPath, command, { env, detached: true, stdio: ["ignore", "pipe", "ignore"] });
}

/** Folders with settings. */
const settings = () => readdirSync(join(folder, "tmp")).filter(name => name.startsWith("iotf-flash-"));

describe("flash removes its settings", { skip: process.platform === "win32" }, () => {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    test(`after ${signal} in the build`, async () => {
      const child = flash();
      await once(child.stdout, "data");
      assert.equal(settings().length, 1);
      process.kill(-child.pid!, signal);
      const [code] = await once(child, "exit");
      assert.deepEqual([code, settings()], [1, []]);
    });
  }

  test("after a build that fails", async () => {
    const [code] = await once(flash("-i"), "exit");
    assert.deepEqual([code, settings()], [3, []]);
  });
});
