// Which numbers does an event carry? Every finite number in its JSON, by the path of keys that leads to it; what is in a
// lone "d", as the format json-iotf has it and many programs with it (protocol sheet 4.1), counts without that "d".

/** Deeper ones are not looked at; the platform's own limit for what it analyses is 5. */
const DEEPEST = 6;
/** So many numbers of one event are looked at. */
const MOST = 100;

export interface NumberField {
  /** Keys and array indices joined by dots; empty when the payload itself is a number. */
  readonly path: string;
  readonly value: number;
}

export function numbersIn(format: string, payload: Buffer): NumberField[] {
  if (format !== "json" && format !== "json-iotf") return [];
  let value: unknown;
  try {
    value = JSON.parse(payload.toString());
  } catch {
    return [];
  }
  const found: NumberField[] = [];
  collect(withoutEnvelope(format, value), [], found);
  return found;
}

function withoutEnvelope(format: string, value: unknown): unknown {
  if (!isParent(value) || !Object.hasOwn(value, "d")) return value;
  const others = Object.keys(value).filter(key => key !== "d" && key !== "ts");
  return format === "json-iotf" || others.length === 0 ? value.d : value;
}

function collect(value: unknown, path: readonly string[], found: NumberField[]): void {
  if (found.length >= MOST) return;
  if (typeof value === "number" && Number.isFinite(value)) found.push({ path: path.join("."), value });
  if (!isParent(value) || path.length >= DEEPEST) return;
  for (const key of Object.keys(value)) collect(value[key], [...path, key], found);
}

// Keys are looked up only where they are known to be own ones, so "__proto__" is a key like any other.
function isParent(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
