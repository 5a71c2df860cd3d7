// `npm run flash` and `npm run sim`: their settings, and a program in the simulator, with programs that stand in for the
// SDK's tools; with the SDK itself, host-test/tests/engines/moddable builds and runs the app.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readSettings } from "../../../../targets/esp32/settings.ts";
import { makeFolder, writeFile } from "../../support/folder.ts";
import { Program } from "../../support/program.ts";

const FLASH = fileURLToPath(new URL("../../../../targets/esp32/flash.ts", import.meta.url));
const folder = makeFolder();

const write = (name: string, text: string) => writeFile(folder, name, text);

test("settings from words, a file and the environment, in this order", () => {
  const file = write(
    "app.ini",
    "# comment\n[app]\ntoken = k=1$(x)\npassword=file\n\nhost=from-file\n".replace("[app]\n", ""),
  );
  const env = { WIOTP_AUTH_TOKEN: "env-token", WIFI_SSID: "net", WIFI_PASSWORD: "env", OTHER: "x" };
  const words = ["--settings", file, "-i", "host=h", "url=a=b", "tls=false", "--firmware-key", "key.pem"];
  assert.deepEqual(readSettings(words, env), {
    firmwareKey: "key.pem",
    options: ["-i"],
    config: { ssid: "net", password: "file", token: "k=1$(x)", host: "h", url: "a=b", secure: "false" },
  });
  assert.deepEqual(readSettings([`--settings=${file}`], {}).config.token, "k=1$(x)");
  assert.deepEqual(readSettings([], {}), { options: [], config: {}, firmwareKey: undefined });
});

test("errors in a settings file name its line, not its text", () => {
  const file = write("wrong.ini", "host=h\nSECRET\n");
  assert.throws(() => readSettings(["--settings", file], {}), { message: `${file}:2: expected key=value` });
  assert.throws(
    () => readSettings(["--settings", join(folder, "none.ini")], {}),
    /^Error: cannot read settings '.*' \(ENOENT\)$/,
  );
  assert.throws(() => readSettings(["--settings"], {}), /--settings needs the path of a file/);
});

describe("with stand-ins for the SDK's tools", { skip: process.platform !== "linux" && "scripts of Linux" }, () => {
  const sdk = join(folder, "sdk");
  const tools = join(sdk, "build/bin/lin/release");
  mkdirSync(tools, { recursive: true });

  function script(name: string, text: string): void {
    writeFileSync(join(tools, name), `#!/usr/bin/env node\n${text}`);
    chmodSync(join(tools, name), 0o755);
  }

  function run(...args: string[]): Program {
    const { WIFI_PASSWORD: _, ...env } = process.env;
    return new Program(process.execPath, ["--import", "tsx", FLASH, ...args], {
      env: { ...env, MODDABLE: sdk, INIT_CWD: folder, WIOTP_AUTH_TOKEN: "secret-token", DISPLAY: ":99" },
    });
  }

  // Reports its words, and the manifest with its access rights.
  script(
    "mcconfig",
    `const { copyFileSync, statSync, writeFileSync } = require("node:fs");
    const words = process.argv.slice(2);
    const manifest = words.at(-1);
    copyFileSync(manifest, ${JSON.stringify(join(folder, "manifest.json"))});
    writeFileSync(${JSON.stringify(join(folder, "words.json"))}, JSON.stringify(words.slice(0, -1)));
    writeFileSync(${JSON.stringify(join(folder, "output"))}, "");
    console.log((statSync(manifest).mode & 0o77).toString(8));`,
  );

  test("flash gives settings to mcconfig in a manifest that only this user can read", async () => {
    const { code, out, err } = await run("flash", "esp32/esp32c3", "-i", "ssid=net").ended;
    assert.deepEqual([code, out, err], [0, "0\n", ""]);
    assert.deepEqual(JSON.parse(readFileSync(join(folder, "words.json"), "utf8")), ["-m", "-p", "esp32/esp32c3", "-i"]);
    const { include, config } = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    assert.match(include[0], /targets\/esp32\/manifest\.json$/);
    assert.deepEqual(config, { token: "secret-token", ssid: "net" });
    assert.equal(statSync(join(folder, "output")).mode & 0o77, 0, "what the build writes");
    rmSync(join(folder, "output"));
  });

  test("sim prints the console of the program, ends with it, and starts no other simulator", async () => {
    script(
      "mcsim",
      `const { connect } = require("node:net");
      const socket = connect(process.env.XSBUG_PORT, process.env.XSBUG_HOST);
      socket.write('<xsbug><login name="app"/></xsbug>');
      socket.once("data", () => socket.end("<xsbug><log>hello &lt;sim&gt;\\n</log></xsbug>"));
      setInterval(() => {}, 1000); // the window stays open`,
    );
    const { code, out } = await run("sim", "org=abc123").ended;
    assert.deepEqual([code, out], [1, "0\nhello <sim>\n"]);
    const words: string[] = JSON.parse(readFileSync(join(folder, "words.json"), "utf8"));
    assert.deepEqual(words.slice(0, 7), ["-m", "-p", "lin", "-d", "-t", "build", "-o"]);
  });

  test("Ctrl-C ends the simulator", async () => {
    script(
      "mcsim",
      `require("node:net").connect(process.env.XSBUG_PORT, process.env.XSBUG_HOST).write("<xsbug><log>ready\\n</log></xsbug>"); setInterval(() => {}, 1000);`,
    );
    const program = run("sim");
    await program.printed(/^ready$/m);
    const { code } = await program.kill("SIGINT");
    assert.equal(code, 0);
  });

  test("a simulator that cannot start is an error", async () => {
    script("mcsim", "process.exit(3);");
    assert.equal((await run("sim").ended).code, 1);
  });
});

test("without the SDK: what to install, exit code 2", async () => {
  const { MODDABLE: _, ...env } = process.env;
  const { code, err } = await new Program(process.execPath, ["--import", "tsx", FLASH, "sim"], { env }).ended;
  assert.equal(code, 2);
  assert.match(err, /^MODDABLE is not set/);
});
