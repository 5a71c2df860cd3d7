// `npm run flash -- <platform> [key=value …]` and `npm run sim -- [key=value …]`: the app through the SDK's mcconfig.
//
// Settings become mc/config: ssid password org type id token host port tls … (docs/esp32.md). Options of mcconfig go
// through; without -d, -i or -r it is a debug build, whose console shows what happens.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { argv, env, exit } from "node:process";
import { fileURLToPath } from "node:url";

const APP = fileURLToPath(new URL(".", import.meta.url));
const HOSTS: Readonly<Record<string, string>> = { linux: "lin", darwin: "mac", win32: "win" };
const HOST = HOSTS[process.platform] ?? "lin";

const INSTALL = `MODDABLE is not set, or there are no tools of the Moddable SDK where it points.
1. Install the SDK and set MODDABLE: github.com/Moddable-OpenSource/moddable, "Moddable SDK - Getting Started".
2. For a board, install ESP-IDF and set IDF_PATH: the SDK's documentation/devices/esp32.md.
3. Run this again: npm run flash -- esp32 ssid=… password=… org=… type=… id=… token=… host=…`;

const [what, ...rest] = argv.slice(2);
exit(what === "sim" ? run(HOST, rest) : flash(rest));

function flash([platform, ...settings]: string[]): number {
  if (platform && /^[a-z0-9_]+([/:].+)?$/.test(platform)) return run(platform, settings);
  console.error("usage: npm run flash -- <platform> [key=value …], for example esp32, esp32/esp32s3, esp32/esp32c3");
  return 2;
}

function run(platform: string, settings: string[]): number {
  const tools = join(env.MODDABLE ?? "", "build/bin", HOST, "release");
  if (!env.MODDABLE || !existsSync(tools)) {
    console.error(INSTALL);
    return 2;
  }
  const mode = settings.some(setting => /^-[dir]$/.test(setting)) ? [] : ["-d"];
  const { status, error } = spawnSync("mcconfig", [...mode, "-m", "-p", platform, ...settings], {
    cwd: APP,
    env: { ...env, PATH: `${env.PATH}${delimiter}${tools}` },
    stdio: "inherit",
  });
  if (error) console.error(`mcconfig: ${error.message}`);
  return status ?? 1;
}
