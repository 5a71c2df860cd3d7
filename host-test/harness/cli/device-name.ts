// Device names on the command line: TYPE:ID, or the client id d:ORG:TYPE:ID.

import { isName } from "../platform/identity.ts";
import { UsageError } from "./errors.ts";

export interface DeviceName {
  readonly type: string;
  readonly id: string;
}

/** @param wildcards whether `+` is allowed for any type or id */
export function deviceName(text: string, org: string, wildcards = false): DeviceName {
  const parts = text.split(":");
  const [type = "", id = ""] = parts.length === 4 && parts[0] === "d" ? parts.slice(2) : parts;
  const legal = (name: string) => isName(name) || (wildcards && name === "+");
  if (![2, 4].includes(parts.length) || !legal(type) || !legal(id)) {
    throw new UsageError(`a device is TYPE:ID, for example thermo:t-01, not '${text.slice(0, 80)}'`);
  }
  if (parts.length === 4 && parts[1] !== org) throw new UsageError(`${text} is not a device of organization ${org}`);
  return { type, id };
}
