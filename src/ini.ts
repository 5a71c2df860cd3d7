// A device configuration file, as text, to options (protocol sheet 5.1). No interpolation and no escapes: a line is
// split at its first "=", blanks around key and value are cut, and a token keeps every other character it has.

import { checked, type DeviceOptions, isTextOption } from "./config.ts";
import { ConfigurationException } from "./errors.ts";

/**
 * Reads the `[device]` section, or a file without sections. `#` and `;` begin comment lines; other sections are skipped;
 * a byte order mark and CRLF are taken. Numbers come as numbers and flags as booleans. What is missing is told by
 * DeviceClient, not here: a program may add its token from elsewhere.
 * @param name what errors call the text, the file's path for one
 * @throws ConfigurationException with name, line and key; never with a token
 */
export function parseConfig(text: string, name = "configuration"): DeviceOptions {
  const options: Record<string, unknown> = {};
  const lines = text.replace(/^\uFEFF/, "").split("\n");
  let section = "device";
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.trim();
    const where = `${name}:${i + 1}: `;
    if (!line || line.charAt(0) === "#" || line.charAt(0) === ";") continue;
    if (line.charAt(0) === "[") section = sectionName(line, where);
    else if (section === "device") setting(options, line, where);
  }
  // A file for something else must not turn a device into an unregistered one.
  for (const _ in options) return options;
  throw new ConfigurationException(`${name}: no settings in section [device]`);
}

function sectionName(line: string, where: string): string {
  if (line.charAt(line.length - 1) !== "]") throw new ConfigurationException(`${where}expected [section]`);
  return line.slice(1, -1).trim();
}

function setting(options: Record<string, unknown>, line: string, where: string): void {
  const split = line.indexOf("=");
  if (split < 1) throw new ConfigurationException(`${where}expected key=value`);
  const key = line.slice(0, split).trim();
  if (!isTextOption(key)) {
    // Shown only where it can be nothing but a key: "auth-token: abc=" has a token before its "=".
    throw new ConfigurationException(`${where}unknown key${/^[A-Za-z_-]{1,20}$/.test(key) ? ` ${key}` : ""}`);
  }
  if (options[key] !== undefined) throw new ConfigurationException(`${where}${key} is set twice`);
  const value = line.slice(split + 1).trim();
  if (!value) throw new ConfigurationException(`${where}${key} is empty`);
  options[key] = checked(key, value, where + key);
}
