// Configuration files: the device ini file (docs/protocol.md 5.1) and the YAML file of the newer SDKs (5.2).

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname } from "node:path";
import { ConfigurationException, type DeviceOptions, parseConfig } from "../../src/index.ts";
import { type NestedConfig, parseNestedConfig } from "./nested.ts";
import { blameCaller } from "./usage-errors.ts";

/**
 * Reads a configuration file: YAML if its name ends in .yaml or .yml, else a device ini file; see {@link parseConfigYaml}
 * and {@link parseConfig}.
 * @throws ConfigurationException for a file that cannot be read or has a wrong line; it names the file, the line and the key,
 * and never shows a token
 */
export function parseConfigFile(path: string): DeviceOptions {
  return blameCaller(parseConfigFile, () => readConfigFile(path));
}

function readConfigFile(path: string): DeviceOptions {
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
 * Reads the nested configuration of the newer SDKs from YAML or JSON text; see {@link parseNestedConfig}. Needs the npm
 * package `yaml`, which is not installed with this one, because few devices are configured that way.
 * @param name what errors call the text, for example the path of the file
 * @throws ConfigurationException that names the text, and the line or the setting; it never shows a token
 */
export function parseConfigYaml(text: string, name = "configuration"): DeviceOptions {
  return blameCaller(parseConfigYaml, () => readYaml(text, name));
}

function readYaml(text: string, name: string): DeviceOptions {
  const { LineCounter, parseDocument } = yaml();
  const lineCounter = new LineCounter();
  // failsafe: every value stays a string, so the token 007 does not become 7.
  const document = parseDocument(text, { schema: "failsafe", prettyErrors: false, lineCounter });
  const [error] = document.errors;
  if (error) {
    // The message of the parser shows the line, and a token may be in it.
    const { line } = lineCounter.linePos(error.pos[0]);
    throw new ConfigurationException(`${name}:${line}: not YAML (${error.code})`);
  }
  let config: NestedConfig;
  try {
    config = document.toJS();
  } catch {
    // The parser throws ReferenceError if aliases multiply the document to an extreme size.
    throw new ConfigurationException(`${name}: not YAML (too many aliases)`);
  }
  return parseNestedConfig(config, name);
}

function yaml(): typeof import("yaml") {
  try {
    return createRequire(import.meta.url)("yaml");
  } catch {
    throw new ConfigurationException("YAML files need the package yaml: npm install yaml");
  }
}
