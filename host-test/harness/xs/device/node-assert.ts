// Replaces "node:assert/strict" in test files that run in both engines: the assertions that tests of device programs need,
// as strict as Node's. ECMAScript only.

class AssertionError extends Error {
  override name = "AssertionError";
}

type Message = string | Error | undefined;
/** Expected exception: a matching text, a class, an object with matching properties, or a function that returns true. */
// biome-ignore lint/suspicious/noExplicitAny: classes of errors take any arguments
type Thrown = RegExp | (new (...args: any[]) => Error) | Record<string, unknown> | ((error: unknown) => boolean);

function broken(message: Message, otherwise: string): never {
  throw message instanceof Error ? message : new AssertionError(message ?? otherwise);
}

function assert(value: unknown, message?: Message): asserts value {
  if (!value) broken(message, `${shown(value)} is not truthy`);
}

function equal(actual: unknown, expected: unknown, message?: Message): void {
  if (!Object.is(actual, expected)) broken(message, `${shown(actual)} is not ${shown(expected)}`);
}

function notEqual(actual: unknown, expected: unknown, message?: Message): void {
  if (Object.is(actual, expected)) broken(message, `it is ${shown(actual)}`);
}

function deepEqual(actual: unknown, expected: unknown, message?: Message): void {
  if (!deep(actual, expected)) broken(message, `${shown(actual)}\nis not\n${shown(expected)}`);
}

function notDeepEqual(actual: unknown, expected: unknown, message?: Message): void {
  if (deep(actual, expected)) broken(message, `it is ${shown(actual)}`);
}

function match(text: string, pattern: RegExp, message?: Message): void {
  if (!pattern.test(text)) broken(message, `${shown(text)}\ndoes not match ${pattern}`);
}

function doesNotMatch(text: string, pattern: RegExp, message?: Message): void {
  if (pattern.test(text)) broken(message, `${shown(text)}\nmatches ${pattern}`);
}

function fail(message?: Message): never {
  broken(message, "failed");
}

function throws(call: () => unknown, expected?: Thrown, message?: Message): void {
  try {
    call();
  } catch (error) {
    return checkThrown(error, expected, message);
  }
  broken(message, "nothing was thrown");
}

async function rejects(
  promise: Promise<unknown> | (() => Promise<unknown>),
  expected?: Thrown,
  message?: Message,
): Promise<void> {
  try {
    await (typeof promise === "function" ? promise() : promise);
  } catch (error) {
    return checkThrown(error, expected, message);
  }
  broken(message, "it was not rejected");
}

function doesNotThrow(call: () => unknown): void {
  call();
}

function checkThrown(error: unknown, expected: Thrown | undefined, message: Message): void {
  if (expected === undefined || fits(error, expected)) return;
  broken(message, `${error} was thrown, which is not what was expected: ${shown(expected)}`);
}

function fits(error: unknown, expected: Thrown): boolean {
  if (expected instanceof RegExp) return expected.test(String(error));
  if (typeof expected !== "function") {
    return Object.keys(expected).every(key => {
      const value = (error as Record<string, unknown>)[key];
      return expected[key] instanceof RegExp ? expected[key].test(String(value)) : deep(value, expected[key]);
    });
  }
  if (expected === Error || expected.prototype instanceof Error) return error instanceof (expected as typeof Error);
  return (expected as (error: unknown) => boolean)(error) === true;
}

function deep(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (a instanceof Date) return a.getTime() === (b as Date).getTime();
  if (a instanceof Map || a instanceof Set) return deep([...a], [...(b as typeof a)]);
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(key => Object.hasOwn(b, key) && deep(a[key as never], b[key as never]));
}

function shown(value: unknown): string {
  if (typeof value === "function") return value.name;
  if (value instanceof RegExp || value instanceof Error) return String(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

const strict = Object.assign(assert, {
  AssertionError,
  deepEqual,
  deepStrictEqual: deepEqual,
  doesNotMatch,
  doesNotThrow,
  equal,
  fail,
  match,
  notDeepEqual,
  notDeepStrictEqual: notDeepEqual,
  notEqual,
  notStrictEqual: notEqual,
  ok: assert,
  rejects,
  strictEqual: equal,
  throws,
});

export {
  AssertionError,
  assert as ok,
  deepEqual,
  deepEqual as deepStrictEqual,
  doesNotMatch,
  doesNotThrow,
  equal,
  equal as strictEqual,
  fail,
  match,
  notDeepEqual,
  notDeepEqual as notDeepStrictEqual,
  notEqual,
  notEqual as notStrictEqual,
  rejects,
  strict,
  throws,
};
export default strict;
