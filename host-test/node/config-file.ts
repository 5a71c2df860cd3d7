// Configuration files: the device ini file (protocol sheet 5.1) and the YAML of the newer SDKs (5.2).

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { ConfigurationException, type DeviceOptions, parseConfig } from "../../src/index.ts";
import { type NestedConfig, parseNestedConfig } from "./nested.ts";

/**
 * Reads a configuration file: YAML when its name ends in .yaml or .yml, else a device ini file; see {@link parseConfig}
 * and {@link parseConfigYaml}.
 * @throws ConfigurationException naming the file, and line and key where they are wrong
 */
export function parseConfigFile(path: string): DeviceOptions {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigurationException(
      `Error reading device configuration file '${path}' (${(error as NodeJS.ErrnoException).code ?? error})`,
    );
  }
  return /^\.ya?ml$/i.test(extname(path)) ? parseConfigYaml(text, path) : parseConfig(text, path);
}

/**
 * Reads the nested shape as YAML (or JSON, which is YAML too); see {@link parseNestedConfig}. Needs the npm package
 * `yaml`, which is not installed with this one: few devices are configured that way, and none of them carries it.
 * @param name what errors call the text, the file's path for one
 * @throws ConfigurationException with name, and line or setting; never with a token
 */
export function parseConfigYaml(text: string, name = "configuration"): DeviceOptions {
  const { LineCounter, parseDocument } = yaml();
  const lineCounter = new LineCounter();
  // failsafe: every value stays the string it is in the file, so the token 007 does not become 7.
  const document = parseDocument(text, { schema: "failsafe", prettyErrors: false, lineCounter });
  const [error] = document.errors;
  if (error) {
    // Its message would show the line, and with it perhaps the token.
    const { line } = lineCounter.linePos(error.pos[0]);
    throw new ConfigurationException(`${name}:${line}: not YAML (${error.code})`);
  }
  return parseNestedConfig(document.toJS() as NestedConfig, name);
}

function yaml(): typeof import("yaml") {
  try {
    return createRequire(import.meta.url)("yaml");
  } catch {
    throw new ConfigurationException("YAML files need the package yaml: npm install yaml");
  }
}
