// What an expectation says that is not met. Runs on Node and in XS.

import assert from "node:assert/strict";
import { ExpectationError } from "../../../../dist/testing.js";

/** An error's message without the dialogue under it. */
export function complaint(expectation: () => unknown): string {
  try {
    expectation();
  } catch (error) {
    assert.ok(error instanceof ExpectationError, String(error));
    return error.message.split("\n")[0]!;
  }
  throw new Error("the expectation was met");
}

export function assertComplaint(expectation: () => unknown, message: RegExp): void {
  assert.match(complaint(expectation), message);
}
