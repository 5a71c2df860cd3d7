// Which kind of value does each option of DeviceClient take, and is a given value of that kind?

import { ConfigurationException } from "../errors.ts";
import { checkRange, checkSeconds } from "../mqtt/checks.ts";
import { checkHost, checkHosts } from "../mqtt/hosts.ts";
import { consistsOf, DIGITS, LETTERS, lowerCase } from "./characters.ts";

// Kinds.
const NAME = 1;
const TEXT = 2;
const HOST = 3;
const HOSTS = 4;
const FLAG = 5;
const WHOLE = 6;
const SECONDS = 7;
const FILE = 8;
const OBJECT = 9;

const NAME_CHARACTERS = `${LETTERS}${DIGITS}-_.`;

/** Every option and its kind; {@link checked} has the rule of each kind. */
export const OPTION_KINDS: Readonly<Record<string, number>> = Object.freeze({
  org: NAME,
  orgId: NAME,
  type: NAME,
  id: NAME,
  "auth-method": TEXT,
  "auth-token": TEXT,
  "clean-session": FLAG,
  domain: HOST,
  host: HOSTS,
  port: WHOLE,
  tls: FLAG,
  ca: FILE,
  cert: FILE,
  key: FILE,
  "key-passphrase": TEXT,
  "server-name": TEXT,
  "keep-alive": WHOLE,
  timeout: SECONDS,
  "ack-timeout": SECONDS,
  "reconnect-delay": SECONDS,
  will: OBJECT,
  limits: OBJECT,
});

/**
 * Checks the value of one option and returns it with its own type: flags and numbers may be given as text.
 * @param name what the error calls the option; its text never contains a token
 * @throws ConfigurationException
 */
export function checked(key: string, value: unknown, name: string = key): unknown {
  const kind = OPTION_KINDS[key];
  switch (kind) {
    case FLAG:
      return flag(value, name);
    case WHOLE:
      return checkRange(name, parsed(value, DIGITS), key === "keep-alive" ? 0 : 1, 65535);
    case SECONDS:
      return checkSeconds(name, parsed(value, `${DIGITS}.`), key === "reconnect-delay");
    case HOSTS:
      checkHosts(name, value);
      return value;
    case HOST:
      checkHost(name, value);
      return value;
    case OBJECT:
      if (typeof value === "object") return value;
      throw wrong(`${name} must be an object`);
    case FILE:
      if (value instanceof Uint8Array && value.length) return value;
  }
  if (typeof value !== "string" || !value) {
    throw wrong(`${name} must be a string${kind === FILE ? " or Uint8Array" : ""} that is not empty`);
  }
  if (kind === NAME && !(consistsOf(value, NAME_CHARACTERS) && value.length <= 36)) {
    throw wrong(`${name} must be 1 to 36 of A-Z a-z 0-9 - _ . and is "${value}"`);
  }
  return value;
}

/** True if `key` is an option that can be written as one line of text. */
export function isTextOption(key: string): boolean {
  const kind = OPTION_KINDS[key];
  return typeof kind === "number" && kind !== FILE && kind !== OBJECT;
}

export function wrong(message: string): ConfigurationException {
  return new ConfigurationException(message);
}

function flag(value: unknown, name: string): boolean {
  if (typeof value === "boolean") return value;
  const lower = typeof value === "string" ? lowerCase(value) : "";
  if (lower === "true" || lower === "false") return lower === "true";
  throw wrong(`${name} must be true or false, not ${value}`);
}

/** The number that the text has, if it consists of `characters`; else the value. */
function parsed(value: unknown, characters: string): unknown {
  const number = typeof value === "string" && consistsOf(value, characters) ? Number(value) : Number.NaN;
  return number >= 0 ? number : value;
}
