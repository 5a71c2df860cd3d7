// What an operator asks for, in the form of the REST API: names of actions, and parameters as name and value.

import type { Parameter } from "./actions.ts";

/** What the operator offers the device; absent: as it was. */
export interface FirmwareParameters {
  readonly version?: string;
  readonly name?: string;
  readonly uri?: string;
  /** What the image is checked with; its meaning is between operator and device. */
  readonly verifier?: string;
}

export function toParameters(values: object): Parameter[] {
  return Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ name, value }));
}

export function toNames(fields: readonly string[]): Parameter[] {
  return fields.map(name => ({ name }));
}
