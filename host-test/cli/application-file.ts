// The application's ini file, as IBM's Python client reads it: [application] org, id, auth-method, auth-key, auth-token,
// clean-session, domain, port; and, as in a device's file, host and tls. Lines are split at the first "=", and a token
// keeps every other character it has.

import { readFileSync } from "node:fs";
import { whole } from "./args.ts";
import { UsageError } from "./errors.ts";
import type { Settings } from "./target.ts";

const KEYS = ["org", "id", "auth-method", "auth-key", "auth-token", "clean-session", "domain", "host", "port", "tls"];

export function readApplicationFile(path: string): Settings {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new UsageError(
      `Error reading application configuration file '${path}' (${(error as NodeJS.ErrnoException).code ?? error})`,
    );
  }
  return parseApplicationFile(text, path);
}

export function parseApplicationFile(text: string, name: string): Settings {
  const values = new Map<string, string>();
  let section = "";
  for (const [index, raw] of text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .entries()) {
    const line = raw.trim();
    const where = `${name}:${index + 1}: `;
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    if (line.startsWith("[")) section = line.replace(/^\[(.*)\]$/, "$1").trim();
    else if (section === "application") setting(values, line, where);
  }
  if (values.size === 0) throw new UsageError(`${name}: no settings in section [application]`);
  const method = values.get("auth-method") ?? "apikey";
  if (method !== "apikey") throw new UsageError(`${name}: auth-method of an application is apikey, not ${method}`);
  return {
    org: values.get("org"),
    key: values.get("auth-key"),
    token: values.get("auth-token"),
    appId: values.get("id"),
    domain: values.get("domain"),
    host: values.get("host"),
    port: whole(`${name}: port`, values.get("port"), 1, 65_535),
    tls: flag(`${name}: tls`, values.get("tls")),
  };
}

function setting(values: Map<string, string>, line: string, where: string): void {
  const split = line.indexOf("=");
  const key = line.slice(0, split).trim();
  // Not shown: before the first "=" may stand a token.
  if (split < 1 || !KEYS.includes(key))
    throw new UsageError(`${where}expected key=value with one of ${KEYS.join(", ")}`);
  const value = line.slice(split + 1).trim();
  if (value === "") throw new UsageError(`${where}${key} is empty`);
  if (values.has(key)) throw new UsageError(`${where}${key} is set twice`);
  values.set(key, value);
}

function flag(name: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  const lower = text.toLowerCase();
  if (lower !== "true" && lower !== "false") throw new UsageError(`${name} must be true or false, not '${text}'`);
  return lower === "true";
}
