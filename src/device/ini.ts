// Text of a device configuration file to options (docs/protocol.md 5.1). No interpolation and no escapes: a line is split
// at its first "=", blanks around key and value are removed, and a token keeps all its other characters.

import { ConfigurationException } from "../errors.ts";
import { consistsOf, LETTERS } from "./characters.ts";
import type { DeviceOptions } from "./config.ts";
import { checked, isTextOption } from "./option-values.ts";

/**
 * Reads options from the section `[device]`, or from a text without sections:
 *
 *     [device]
 *     org = abc123
 *     type = thermo
 *     id = t-01
 *     auth-method = token
 *     auth-token = secret
 *
 * Keys are those of {@link DeviceOptions}, except `ca`, `cert`, `key`, `will` and `limits`. Lines that begin with `#` or
 * `;` are comments; other sections are ignored; a byte order mark and CRLF are accepted. Numbers become numbers, flags
 * become booleans. Options may be missing: the program can add them, for example the token; DeviceClient checks that all
 * are there.
 * @param name what errors call the text, for example the path of the file
 * @throws ConfigurationException for an unknown key, a key that is set twice, a wrong value, a line that is no setting, and a
 * text without settings; it names the line and the key and never shows a token
 */
export function parseConfig(text: string, name = "configuration"): DeviceOptions {
  const options: Record<string, unknown> = {};
  const lines = text.split("\n"); // trim() removes a byte order mark too
  let section = "device";
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i]!.trim();
    const where = `${name}:${i + 1}: `;
    if (!line || line.charAt(0) === "#" || line.charAt(0) === ";") continue;
    if (line.charAt(0) === "[") section = sectionName(line, where);
    else if (section === "device") setting(options, line, where);
  }
  // Without this check a file for another purpose would give a Quickstart device.
  for (const _ in options) return options;
  throw new ConfigurationException(`${name}: no settings in section [device]`);
}

function sectionName(line: string, where: string): string {
  if (line.charAt(line.length - 1) !== "]") throw new ConfigurationException(`${where}expected [section]`);
  return line.substring(1, line.length - 1).trim();
}

function setting(options: Record<string, unknown>, line: string, where: string): void {
  const split = line.indexOf("=");
  if (split < 1) throw new ConfigurationException(`${where}expected key=value`);
  const key = line.substring(0, split).trim();
  if (!isTextOption(key)) {
    // Shown only if it cannot contain a token, as "auth-token: abc=" does before its "=".
    const isWord = consistsOf(key, `${LETTERS}_-`) && key.length <= 20;
    throw new ConfigurationException(`${where}unknown key${isWord ? ` ${key}` : ""}`);
  }
  if (options[key] !== undefined) throw new ConfigurationException(`${where}${key} is set twice`);
  const value = line.substring(split + 1).trim();
  if (!value) throw new ConfigurationException(`${where}${key} is empty`);
  options[key] = checked(key, value, where + key);
}
