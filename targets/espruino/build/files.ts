// The files for the board: the library and the device program, whose functions run from flash, the settings, and the line
// that starts the program.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { configure } from "../../../src/device/config.ts";
import { espruinoModule, lowerProgram } from "./lower.ts";

const PROGRAM = fileURLToPath(new URL("../main.js", import.meta.url));
/** Characters of a file in one line. Espruino reads a whole line into RAM before it executes it. */
const CHUNK = 1024;

/** Settings of the command line and the options of DeviceClient that they set. */
const OPTIONS: Readonly<Record<string, string>> = {
  org: "org",
  type: "type",
  id: "id",
  token: "auth-token",
  domain: "domain",
  host: "host",
  port: "port",
  tls: "tls",
  keepAlive: "keep-alive",
};
export const SETTINGS: readonly string[] = ["ssid", "password", ...Object.keys(OPTIONS), "unverifiedTls"];

/** Small, because every byte is RAM. */
const LIMITS = { frameBytes: 2048, transmitBytes: 256, queuedMessages: 20, queuedBytes: 4096 };
const EXAMPLE = {
  org: "abc123",
  type: "thermo",
  id: "t-01",
  token: "demo-token",
  host: "192.0.2.7",
  port: "1883",
  tls: "false",
};

export interface Settings {
  ssid?: string;
  password?: string;
  unverifiedTls?: boolean;
  /** Options of DeviceClient. */
  device: Record<string, unknown>;
}

/**
 * Checks the settings as the device will.
 * @throws Error naming the argument that is no setting, the option that is wrong, or TLS, which the device would refuse
 */
export function settingsOf(given: readonly string[]): Settings {
  const settings: Settings = { device: {} };
  const pairs = given.length
    ? given
    : Object.entries({ ssid: "…", password: "…", ...EXAMPLE }).map(pair => pair.join("="));
  for (const argument of pairs) {
    const split = argument.indexOf("=");
    const name = argument.slice(0, split);
    const value = argument.slice(split + 1);
    // The text does not show the argument: without "=" it may be a token.
    if (split < 1 || !SETTINGS.includes(name)) {
      throw new Error(
        `${split < 1 ? "an argument is not key=value" : `unknown setting ${name}`}; there are ${SETTINGS.join(" ")}`,
      );
    }
    if (name === "ssid" || name === "password") settings[name] = value;
    else if (name === "unverifiedTls") settings.unverifiedTls = value === "true";
    else settings.device[OPTIONS[name]!] = value;
  }
  if (settings.device["auth-token"] !== undefined) settings.device["auth-method"] = "token";
  settings.device.limits = LIMITS;
  if (configure(settings.device, Math.random).mqtt.endpoint.tls && !settings.unverifiedTls) {
    throw new Error(
      "Espruino's TLS checks no certificates, so the device would refuse to connect: add tls=false or port=1883, " +
        "or unverifiedTls=true (docs/espruino.md)",
    );
  }
  return settings;
}

/** What may be wrong with the settings, one sentence each. */
export function warningsOf({ ssid, device }: Settings): string[] {
  const warnings: string[] = [];
  if (!ssid) warnings.push("no ssid: the program does not connect the board to a Wi-Fi network");
  const { warning } = configure(device, Math.random);
  if (warning) warnings.push(warning.message);
  return warnings;
}

/** The files, and their sizes in bytes. */
export async function makeFiles(folder: string, settings: Settings): Promise<{ library: number; upload: number }> {
  const library = await espruinoModule();
  const program = await lowerProgram(await readFile(PROGRAM, "utf8"), "targets/espruino/main.js");
  const upload = uploadOf({ iotf: library, "iotf-device": program }, settings);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "iotf.js"), library);
  await writeFile(join(folder, "device.js"), upload);
  return { library: library.length, upload: upload.length };
}

/** A script that writes `files` to Storage and starts the program at each boot. */
export function uploadOf(files: Record<string, string>, settings: Settings): string {
  const lines = [`var settings = ${JSON.stringify(settings, null, 2)};`, 'var storage = require("Storage");'];
  for (const [name, text] of Object.entries(files)) {
    for (let at = 0; at < text.length; at += CHUNK) {
      const part = JSON.stringify(text.slice(at, at + CHUNK));
      lines.push(`storage.write(${JSON.stringify(name)}, ${part}, ${at}, ${text.length});`);
    }
  }
  lines.push('storage.writeJSON("iotf.json", settings);');
  lines.push(
    'storage.write(\'.bootcde\', \'require("iotf-device").start(require("Storage").readJSON("iotf.json"))\');',
  );
  return `${lines.join("\n")}\nload();\n`;
}
