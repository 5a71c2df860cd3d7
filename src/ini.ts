// A device configuration file, as text, to options (protocol sheet 5.1). No interpolation and no escapes: a line is
// split at its first "=", blanks around key and value are cut, and a token keeps every other character it has.

import type { DeviceOptions } from "./config.ts";
import { ConfigurationException } from "./errors.ts";

/** Keys whose values in a file are text. */
const TEXT_KEYS: readonly string[] = Object.freeze([
  "org",
  "orgId",
  "type",
  "id",
  "auth-method",
  "auth-token",
  "clean-session",
  "domain",
  "host",
  "port",
  "tls",
  "server-name",
  "keep-alive",
]);

/**
 * Reads the `[device]` section, or a file without sections. `#` and `;` begin comment lines; other sections are skipped.
 * Values are checked by DeviceClient, not here.
 * @param name what errors call the text, the file's path for one
 * @throws ConfigurationException with name, line and key; never with a value
 */
export function parseConfig(text: string, name = "configuration"): DeviceOptions {
  const options: Record<string, string> = {};
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  let section = "device";
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.trim();
    if (!line || line.charAt(0) === "#" || line.charAt(0) === ";") continue;
    if (line.charAt(0) === "[") section = line.slice(1, -1).trim();
    else if (section === "device") setting(options, line, `${name}:${i + 1}`);
  }
  return options;
}

function setting(options: Record<string, string>, line: string, where: string): void {
  const split = line.indexOf("=");
  if (split < 1) throw new ConfigurationException(`${where}: expected key=value`);
  const key = line.slice(0, split).trim();
  if (TEXT_KEYS.indexOf(key) < 0) throw new ConfigurationException(`${where}: unknown key ${key}`);
  if (options[key] !== undefined) throw new ConfigurationException(`${where}: ${key} is set twice`);
  const value = line.slice(split + 1).trim();
  if (!value) throw new ConfigurationException(`${where}: ${key} is empty`);
  options[key] = value;
}
