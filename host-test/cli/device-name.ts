// How a device is named on the command line: TYPE:ID, or its client id d:ORG:TYPE:ID as the platform shows it.

import { isName } from "../platform/identity.ts";
import { UsageError } from "./errors.ts";

export interface DeviceName {
  readonly type: string;
  readonly id: string;
}

/** @param any whether `+` may stand for any type or id */
export function deviceName(text: string, org: string, any = false): DeviceName {
  const parts = text.split(":");
  const [type = "", id = ""] = parts.length === 4 && parts[0] === "d" ? parts.slice(2) : parts;
  const legal = (name: string) => isName(name) || (any && name === "+");
  if (![2, 4].includes(parts.length) || !legal(type) || !legal(id)) {
    throw new UsageError(`a device is named TYPE:ID, as thermo:t-01, not '${text.slice(0, 80)}'`);
  }
  if (parts.length === 4 && parts[1] !== org) throw new UsageError(`${text} is of another organization than ${org}`);
  return { type, id };
}
