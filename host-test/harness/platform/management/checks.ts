// Checks of JSON values from devices and operators. Pure functions without Node: the test library runs them in XS too.

/** The rule that a value breaks, for example "a number -90..90"; undefined if it breaks none. */
export type Check = (value: unknown) => string | undefined;

export type Json = Readonly<Record<string, unknown>>;

/** Characters of a value in a text. */
const SHOWN_LENGTH = 60;

/** Bundle ids, action ids and parameter names (docs/protocol.md 7.3). */
const ID = /^[A-Za-z0-9_.-]{1,255}$/;
const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(?:[.,]\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):?[0-5]\d)$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function isId(text: unknown): text is string {
  return typeof text === "string" && ID.test(text);
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value in a text for people: JSON, shortened. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}

const check =
  (holds: (value: unknown) => boolean, rule: string): Check =>
  value =>
    holds(value) ? undefined : rule;

export const text = check(value => typeof value === "string", "a string");
export const flag = check(value => typeof value === "boolean", "true or false");
export const object = check(isObject, "an object");
export const integer = check(Number.isSafeInteger, "a whole number");
export const base64 = check(value => typeof value === "string" && BASE64.test(value), "base64");
export const dateTime = check(
  value => typeof value === "string" && isDateTime(value),
  "a date and time of ISO 8601 with a zone, for example 2017-03-14T01:02:03Z",
);

export function number(least: number, most: number): Check {
  const rule = most === Number.POSITIVE_INFINITY ? `a number ${least} or more` : `a number ${least}..${most}`;
  return check(value => typeof value === "number" && value >= least && value <= most, rule);
}

/** JSON writes no infinite number, but 1e999 reads as one. */
export const finite = check(Number.isFinite, "a number");

export function oneOf(...values: readonly number[]): Check {
  return check(value => values.includes(value as number), `one of ${values.join(", ")}`);
}

/**
 * What is wrong with an object: a member that is unknown, missing or breaks its rule.
 * @param name of the object, in the text
 * @param table a check for each member
 */
export function membersFault(
  name: string,
  value: unknown,
  table: Readonly<Record<string, Check>>,
  required: readonly string[] = [],
): string | undefined {
  if (!isObject(value)) return `${name} must be an object, not ${shown(value)}`;
  for (const key of required) if (value[key] === undefined) return `${name} has no ${key}`;
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(table, key)) return `${name} has an unknown member ${shown(key)}`;
    const rule = table[key]!(value[key]);
    if (rule) return `${key} must be ${rule}, not ${shown(value[key])}`;
  }
  return undefined;
}

function isDateTime(text: string): boolean {
  const [, year, month, day] = DATE_TIME.exec(text) ?? [];
  if (year === undefined) return false;
  const m = Number(month);
  // Day 0 of the next month is the last day of this one.
  return m >= 1 && m <= 12 && Number(day) >= 1 && Number(day) <= new Date(Date.UTC(Number(year), m, 0)).getUTCDate();
}
