// Compares packets: plain objects, arrays and bytes, by content. Runs inside XS as well.

type Same = (first: unknown, second: unknown) => boolean;

export function isDeepEqual(first: unknown, second: unknown, same: Same): boolean {
  if (!isObject(first) || !isObject(second)) return same(first, second);
  if (first instanceof Uint8Array || second instanceof Uint8Array) return areSameBytes(first, second);
  const keys = Object.keys(first);
  if (keys.length !== Object.keys(second).length) return false;
  return keys.every(key => key in second && isDeepEqual(first[key], second[key], same));
}

// A loop over numbers: one of the packets has 256 MiB.
export function areSameBytes(first: unknown, second: unknown): boolean {
  if (!(first instanceof Uint8Array && second instanceof Uint8Array) || first.length !== second.length) return false;
  for (let at = 0; at < first.length; at++) if (first[at] !== second[at]) return false;
  return true;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
