// Values of an event to plot: every finite number and boolean in its JSON, with the path of keys to it. An object whose
// only key besides "ts" is "d", as in format json-iotf (docs/protocol.md 4.1), counts without that "d".

/** Levels that are searched; the hosted platform searches 5. */
const MAX_DEPTH = 6;
/** Values taken from one event. */
const MAX_VALUES = 100;

export interface FieldValue {
  /** Keys and array indices, joined by dots; empty if the payload itself is the value. */
  readonly path: string;
  readonly value: number | boolean;
}

export function fieldValues(format: string, payload: Buffer): FieldValue[] {
  if (format !== "json" && format !== "json-iotf") return [];
  let value: unknown;
  try {
    value = JSON.parse(payload.toString());
  } catch {
    return [];
  }
  const found: FieldValue[] = [];
  collect(withoutEnvelope(format, value), [], found);
  return found;
}

function withoutEnvelope(format: string, value: unknown): unknown {
  if (!isParent(value) || !Object.hasOwn(value, "d")) return value;
  const others = Object.keys(value).filter(key => key !== "d" && key !== "ts");
  return format === "json-iotf" || others.length === 0 ? value.d : value;
}

function collect(value: unknown, path: readonly string[], found: FieldValue[]): void {
  if (found.length >= MAX_VALUES) return;
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value)))
    found.push({ path: path.join("."), value });
  if (!isParent(value) || path.length >= MAX_DEPTH) return;
  for (const key of Object.keys(value)) collect(value[key], [...path, key], found);
}

// Only own keys are read, so "__proto__" is a key like any other.
function isParent(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
