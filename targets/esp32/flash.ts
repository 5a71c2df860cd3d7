// `npm run flash -- <platform> [key=value …]` and `npm run sim -- [key=value …]`: builds the app with the SDK's mcconfig.
//
// Settings become mc/config: ssid password org type id token host port tls … (docs/esp32.md). They go to mcconfig in a
// manifest that only this user can read, because others can read the command line of a process. Other words are options
// of mcconfig; without -d, -i or -r it is a debug build, which has a console.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import { argv, env } from "node:process";
import { fileURLToPath } from "node:url";
import { isVersion } from "../moddable/update/image.ts";
import { privateKey, publicDer, publicKey } from "./firmware-key.ts";
import { readSettings, type Settings } from "./settings.ts";
import { runSimulator } from "./simulator.ts";

const APP = fileURLToPath(new URL(".", import.meta.url));
/** Build output for the simulator. The SDK's own folder may hold a program of the same name from another clone. */
const OUTPUT = fileURLToPath(new URL("../../node_modules/.cache/iotf-sim", import.meta.url));
const HOSTS: Readonly<Record<string, string>> = { linux: "lin", darwin: "mac", win32: "win" };
const HOST = HOSTS[process.platform] ?? "lin";

const INSTALL = `MODDABLE is not set, or there are no tools of the Moddable SDK where it points.
1. Install the SDK and set MODDABLE: github.com/Moddable-OpenSource/moddable, "Moddable SDK - Getting Started".
2. For a board, install ESP-IDF and set IDF_PATH: the SDK's documentation/devices/esp32.md.
3. Run this again: npm run flash -- esp32 ssid=… password=… org=… type=… id=… token=… host=…`;

const HELP = `npm run flash -- <platform> [settings] [options of mcconfig]
npm run sim -- [settings] [options of mcconfig]

flash builds the app, installs it on a board and shows its console; sim runs it in the simulator of the Moddable SDK
until Ctrl-C, and prints its console.

  <platform>              for example esp32, esp32/esp32s3, esp32/esp32c3
  key=value               setting of the app: ssid, password, org, type, id, token, host, port, tls, … (docs/esp32.md)
  --settings FILE         a file with a key=value in each line
  --firmware-key FILE     the device accepts firmware over the air that is signed with this key (PEM, made if there is no
                          such file); needs the setting version, for example version=1.3.0
  --help                  this text

Other users of this machine can read the command line. Put token and Wi-Fi password in a file, or in the environment
variables WIOTP_AUTH_TOKEN, WIFI_SSID and WIFI_PASSWORD. key=value overrides the file, and the file the environment.
`;

async function main([command, ...words]: readonly string[]): Promise<number> {
  if (words.includes("--help") || words.includes("-h")) {
    process.stdout.write(HELP);
    return 0;
  }
  const platform = command === "sim" ? HOST : words.shift();
  if (!platform || !/^[a-z0-9_]+([/:].+)?$/.test(platform)) throw new Error(`flash needs a platform\n${HELP}`);
  // npm runs scripts in the folder of the project; INIT_CWD is the folder of the user.
  process.chdir(env.INIT_CWD ?? ".");
  const settings = readSettings(words, env);
  const tools = join(env.MODDABLE ?? "", "build/bin", HOST, "release");
  if (!env.MODDABLE || !existsSync(tools)) throw new Error(INSTALL);
  if (command !== "sim") return build(platform, settings, tools);
  mkdirSync(OUTPUT, { recursive: true });
  // Target "build": otherwise the SDK ends every simulator on the machine, and starts one in the background.
  const options = ["-d", "-t", "build", "-o", OUTPUT, ...settings.options];
  const status = build(HOST, { ...settings, options }, tools);
  if (status !== 0) return status;
  const library = join(OUTPUT, "bin", HOST, "mc/debug/esp32", HOST === "win" ? "mc.dll" : "mc.so");
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupted.abort());
  const { stdout } = process;
  return runSimulator({ moddable: env.MODDABLE, host: HOST, library, stdout, signal: interrupted.signal });
}

function build(platform: string, { options, config, firmwareKey }: Settings, tools: string): number {
  const mode = options.some(option => /^-[dir]$/.test(option)) ? [] : ["-d"];
  // The SDK takes the name of the program from the folder of the manifest.
  const folder = mkdtempSync(join(tmpdir(), "iotf-flash-"));
  const manifest = join(folder, "esp32/manifest.json");
  // The build writes the settings to its output: readable for this user only.
  process.umask(0o077);
  // Ctrl-C ends mcconfig too. Without a handler it would end this process before the settings are removed.
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const ignore = () => {};
  for (const signal of signals) process.on(signal, ignore);
  try {
    mkdirSync(join(folder, "esp32"));
    const include = [resolve(APP, "manifest.json")];
    const certificates = authorities(folder);
    const key = firmwareKey !== undefined && addFirmwareKey(folder, firmwareKey, config.version);
    if (key) include.push(resolve(APP, "manifest-update.json"));
    const data = certificates || key ? { data: { "*": join(folder, "identity/*") } } : {};
    writeFileSync(manifest, JSON.stringify({ include, config, ...data }));
    const { status, error } = spawnSync("mcconfig", [...mode, "-m", "-p", platform, ...options, manifest], {
      cwd: APP,
      env: { ...env, PATH: `${tools}${delimiter}${env.PATH}` },
      stdio: "inherit",
    });
    if (error) throw new Error(`mcconfig: ${error.message}`);
    return status ?? 1;
  } finally {
    rmSync(folder, { recursive: true });
    for (const signal of signals) process.off(signal, ignore);
  }
}

/** identity/ca.pem as DER, which a device uses as it is in flash, without a decoder and its memory. Returns false without it. */
function authorities(folder: string): boolean {
  const [pem, der] = ["ca.pem", "ca.der"].map(name => join(APP, "identity", name));
  if (!existsSync(pem!) || existsSync(der!)) return false;
  const blocks = readFileSync(pem!, "latin1").matchAll(/-----BEGIN CERTIFICATE-----([^-]+)-----END CERTIFICATE-----/g);
  const bytes = Buffer.concat([...blocks].map(([, base64]) => Buffer.from(base64!, "base64")));
  if (!bytes.length) return false; // the device says so
  addResource(folder, "ca.der", bytes);
  return true;
}

/** The public key, which targets/esp32/update.js reads. */
function addFirmwareKey(folder: string, path: string, version: string | undefined): true {
  if (!isVersion(version ?? "")) {
    throw new Error(`--firmware-key needs version=1 to 4 numbers with dots, for example version=1.3.0, not ${version}`);
  }
  if (!existsSync(path)) {
    privateKey(path);
    process.stderr.write(`made the key ${path}: keep it, without it this device cannot be updated over the air\n`);
  }
  addResource(folder, "firmware.der", publicDer(publicKey(path)));
  return true;
}

function addResource(folder: string, name: string, bytes: Uint8Array): void {
  mkdirSync(join(folder, "identity"), { recursive: true });
  writeFileSync(join(folder, "identity", name), bytes);
}

try {
  process.exitCode = await main(argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
