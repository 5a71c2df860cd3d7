// The part of the npm package `tape` that mqtt-packet's published test suite uses. Each case runs at once and to its end,
// because no case of the suite is asynchronous. Runs inside XS as well.

import { isDeepEqual } from "./deep-equal.ts";

interface Result {
  /** As in the suite; a repeated name gets " #2", " #3" and so on. */
  name: string;
  /** "" if the case passed. */
  failure: string;
}

export const results: Result[] = [];
const seen: Record<string, number> = {};

class Assertions {
  private failure = "";
  private planned = -1;
  private made = 0;

  plan(count: number): void {
    this.planned = count;
  }

  end(): void {}

  comment(): void {}

  pass(): void {
    this.made++;
  }

  fail(reason: unknown): void {
    this.check(false, String(reason));
  }

  ok(value: unknown, message = "ok"): void {
    this.check(Boolean(value), message);
  }

  true(value: unknown, message = "true"): void {
    this.check(Boolean(value), message);
  }

  false(value: unknown, message = "false"): void {
    this.check(!value, message);
  }

  equal(actual: unknown, expected: unknown, message = "equal"): void {
    this.check(Object.is(actual, expected), `${message}: ${String(actual)}, not ${String(expected)}`);
  }

  deepEqual(actual: unknown, expected: unknown, message = "deepEqual"): void {
    this.check(isDeepEqual(actual, expected, Object.is), message);
  }

  deepLooseEqual(actual: unknown, expected: unknown, message = "deepLooseEqual"): void {
    // biome-ignore lint/suspicious/noDoubleEquals: what "loose" means
    const isEqual = (first: unknown, second: unknown) => first == second;
    this.check(isDeepEqual(actual, expected, isEqual), message);
  }

  /** Why the case failed; "" if it passed. */
  outcome(): string {
    if (this.failure) return this.failure;
    return this.planned >= 0 && this.made !== this.planned ? `${this.made} assertions, not ${this.planned}` : "";
  }

  private check(passed: boolean, message: string): void {
    this.made++;
    if (!passed) this.failure ||= message;
  }
}

export function test(name: string, run: (t: Assertions) => void): void {
  const count = (seen[name] ?? 0) + 1;
  seen[name] = count;
  const assertions = new Assertions();
  let thrown = "";
  try {
    run(assertions);
  } catch (error) {
    thrown = `threw ${String(error)}`;
  }
  results.push({ name: count > 1 ? `${name} #${count}` : name, failure: thrown || assertions.outcome() });
}
