// Who are the devices of a fleet? Identities from a pattern or from a CSV file.

import { UsageError } from "../cli/errors.ts";
import { readText } from "../cli/files.ts";
import { isName, isOrg } from "../platform/identity.ts";

export interface Identity {
  readonly org: string;
  readonly type: string;
  readonly id: string;
  readonly token: string;
  /** Its number in the fleet, which several machines may share. */
  readonly number: number;
}

/** In each text of a pattern, `%i` is the number of the device. */
export type Pattern = Omit<Identity, "number">;

/** Devices `start` to `start + count - 1` of a pattern. @throws UsageError for an identity that is not allowed */
export function fromPattern(pattern: Pattern, start: number, count: number): Identity[] {
  if (count > 1 && !pattern.id.includes("%i") && !pattern.type.includes("%i"))
    throw new UsageError(`--id must contain %i, the number of the device, not '${pattern.id}'`);
  const identities: Identity[] = [];
  for (let number = start; number < start + count; number++) {
    const numbered = (text: string) => text.replaceAll("%i", String(number));
    const { org, type, id, token } = pattern;
    identities.push(checked("", { org, type: numbered(type), id: numbered(id), token: numbered(token), number }));
  }
  return identities;
}

const REQUIRED = ["type", "id", "auth-token"];
const COLUMNS = ["org", ...REQUIRED];

/**
 * Devices of a CSV file: the first line names the columns `type`, `id`, `auth-token`, and perhaps `org`. No quotes.
 * @param defaultOrg organization, if the file has no such column
 * @param start number of the first device to take; the device of the second line has number 0
 * @throws UsageError naming the line, never a token
 */
export function fromCsv(path: string, defaultOrg: string, start: number, count: number | undefined): Identity[] {
  const [head = "", ...lines] = readText("the devices in", path).split(/\r?\n/);
  const columns = head
    .replace(/^\ufeff/, "")
    .split(",")
    .map(name => name.trim());
  const wrong = columns.find((name, i) => !COLUMNS.includes(name) || columns.indexOf(name) !== i);
  if (wrong !== undefined || !REQUIRED.every(name => columns.includes(name))) {
    throw new UsageError(`${path}:1: expected the columns type, id, auth-token, and perhaps org`);
  }
  const identities: Identity[] = [];
  const lineOf = new Map<string, number>();
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") continue;
    const where = `${path}:${index + 2}: `;
    const cells = line.split(",").map(cell => cell.trim());
    if (cells.length !== columns.length)
      throw new UsageError(`${where}expected ${columns.length} values, not ${cells.length}`);
    const value = (name: string) => cells[columns.indexOf(name)]!;
    const identity = checked(where, {
      org: columns.includes("org") ? value("org") : defaultOrg,
      type: value("type"),
      id: value("id"),
      token: value("auth-token"),
      number: identities.length,
    });
    const { org = identity.org } = identities[0] ?? {};
    if (identity.org !== org)
      throw new UsageError(`${where}a fleet is of one organization: ${org}, not ${identity.org}`);
    const name = `${identity.type}:${identity.id}`;
    if (lineOf.has(name)) throw new UsageError(`${where}the same device as in line ${lineOf.get(name)}`);
    lineOf.set(name, index + 2);
    identities.push(identity);
  }
  const taken = identities.slice(start, count === undefined ? undefined : start + count);
  if (taken.length === 0 || (count !== undefined && taken.length < count)) {
    throw new UsageError(`${path} has ${identities.length} devices; asked for ${start} to ${start + (count ?? 1) - 1}`);
  }
  return taken;
}

function checked(where: string, identity: Identity): Identity {
  const { org, token } = identity;
  if (!isOrg(org)) throw new UsageError(`${where}org must be 1 to 36 of A-Z a-z 0-9 _ -, not '${org}'`);
  for (const name of ["type", "id"] as const) {
    const value = identity[name];
    if (!isName(value)) throw new UsageError(`${where}${name} must be 1 to 36 of A-Z a-z 0-9 - _ ., not '${value}'`);
  }
  if (token === "") throw new UsageError(`${where}the token is empty`);
  return identity;
}
