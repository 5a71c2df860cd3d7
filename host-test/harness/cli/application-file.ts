// Configuration file of an application, in both formats of IBM's SDKs.
//
// ini: [application] org, id, auth-method, auth-key, auth-token, clean-session, domain, port; and host and tls, as in a
// device's file. A line is split at the first "="; a token may contain any other character.
//
// YAML (.yaml, .yml; needs the npm package yaml): identity.appId, auth.key, auth.token, options.domain,
// options.mqtt.port, options.mqtt.caFile. Other settings are ignored.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { whole } from "./args.ts";
import { UsageError } from "./errors.ts";

/** Settings of an application, from options, a file or the environment. */
export interface Settings {
  readonly org?: string | undefined;
  readonly key?: string | undefined;
  readonly token?: string | undefined;
  readonly appId?: string | undefined;
  readonly domain?: string | undefined;
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly tls?: boolean | undefined;
  readonly caFile?: string | undefined;
}

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
  return /^\.ya?ml$/i.test(extname(path)) ? parseApplicationYaml(text, path) : parseApplicationFile(text, path);
}

export function parseApplicationYaml(text: string, name: string): Settings {
  const { parseDocument } = yaml();
  // Schema failsafe keeps every value a string: the token 007 must not become 7.
  const document = parseDocument(text, { schema: "failsafe", prettyErrors: false });
  const [error] = document.errors;
  // error.message would show the line, which may contain the token.
  if (error) throw new UsageError(`${name}: not YAML (${error.code})`);
  const get = (...path: string[]): string | undefined => {
    const value: unknown = document.getIn(path);
    if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
    throw new UsageError(`${name}: ${path.join(".")} must be a text`);
  };
  const settings = {
    key: get("auth", "key"),
    token: get("auth", "token"),
    appId: get("identity", "appId"),
    domain: get("options", "domain"),
    port: whole(`${name}: options.mqtt.port`, get("options", "mqtt", "port"), 1, 65_535),
    caFile: get("options", "mqtt", "caFile"),
  };
  if (settings.key === undefined) throw new UsageError(`${name}: Missing auth.key from configuration`);
  return settings;
}

function yaml(): typeof import("yaml") {
  try {
    return createRequire(import.meta.url)("yaml");
  } catch {
    throw new UsageError("YAML files need the package yaml: npm install yaml");
  }
}

export function parseApplicationFile(text: string, name: string): Settings {
  const values = new Map<string, string>();
  let section = "";
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim(); // removes a byte order mark too
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
  // The message does not show the line: it may contain a token.
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
