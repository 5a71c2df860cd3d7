// Settings of `npm run flash` and `npm run sim`: key=value words, a file of such lines, and environment variables.

import { readFileSync } from "node:fs";

/** Settings that may come from the environment, where other users of the machine cannot read them. */
const ENVIRONMENT: Readonly<Record<string, string>> = {
  ssid: "WIFI_SSID",
  password: "WIFI_PASSWORD",
  token: "WIOTP_AUTH_TOKEN",
};

export interface Settings {
  /** Options for mcconfig. */
  readonly options: string[];
  /** For mc/config. */
  readonly config: Record<string, string>;
  /** File with the key that signs firmware; undefined: the device is not updated over the air. */
  readonly firmwareKey: string | undefined;
}

/** Settings in words override those of --settings, which override the environment. @throws Error, never with a value */
export function readSettings(words: readonly string[], env: NodeJS.ProcessEnv): Settings {
  const options: string[] = [];
  const given: Record<string, string> = {};
  const file: Record<string, string> = {};
  let firmwareKey: string | undefined;
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const split = word.indexOf("=");
    const name = split < 0 ? word : word.slice(0, split);
    const path = split < 0 ? words[i + 1] : word.slice(split + 1);
    if (name === "--settings" || name === "--firmware-key") {
      if (path === undefined) throw new Error(`${name} needs the path of a file`);
      if (name === "--settings") Object.assign(file, readSettingsFile(path));
      else firmwareKey = path;
      if (split < 0) i++;
    } else if (!word.startsWith("-") && split >= 0) setEntry(given, word);
    else options.push(word);
  }
  const environment: Record<string, string> = {};
  for (const [key, name] of Object.entries(ENVIRONMENT)) if (env[name]) environment[key] = env[name];
  return { options, config: { ...environment, ...file, ...given }, firmwareKey };
}

function readSettingsFile(path: string): Record<string, string> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`cannot read settings '${path}' (${(error as NodeJS.ErrnoException).code ?? error})`);
  }
  const settings: Record<string, string> = {};
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    // The line is not shown: it may contain a token.
    if (!/^[\w.-]+ *=/.test(line)) throw new Error(`${path}:${index + 1}: expected key=value`);
    setEntry(settings, line);
  }
  return settings;
}

/** A value may contain "=". The SDK has its own `tls` in mc/config, so the app's setting is `secure` there. */
function setEntry(settings: Record<string, string>, text: string): void {
  const split = text.indexOf("=");
  const key = text.slice(0, split).trim();
  settings[key === "tls" ? "secure" : key] = text.slice(split + 1).trim();
}
