// Expectations that need no test runner and no Node: they run inside XS as well.

/** An expectation was not met. The message ends in the dialogue up to here. */
export class ExpectationError extends Error {
  override name = "ExpectationError";
}

/** Whether two values would be the same JSON; bytes are the same as bytes. */
export function same(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array || b instanceof Uint8Array) return sameBytes(a, b);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((value, i) => same(value, b[i]));
  if (!isRecord(a) || !isRecord(b)) return Object.is(a, b) || (a === 0 && b === 0);
  const keys = definedKeys(a);
  return keys.length === definedKeys(b).length && keys.every(key => same(a[key], b[key]));
}

function sameBytes(a: unknown, b: unknown): boolean {
  if (!(a instanceof Uint8Array && b instanceof Uint8Array) || a.length !== b.length) return false;
  return a.every((byte, i) => byte === b[i]);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function definedKeys(value: Record<string, unknown>): string[] {
  return Object.keys(value).filter(key => value[key] !== undefined);
}

/** A value for people. */
export function shown(value: unknown): string {
  if (value instanceof Uint8Array)
    return `bytes ${Array.from(value, byte => byte.toString(16).padStart(2, "0")).join(" ")}`;
  return JSON.stringify(value) ?? String(value);
}
