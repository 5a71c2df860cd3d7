// Conditions on figures of the report, such as `puback.p99<500`, which decide whether a run fails.

import { UsageError } from "../cli/errors.ts";
import { type Report, SUMS } from "./report.ts";

export interface Threshold {
  /** As it was given. */
  readonly text: string;
  readonly path: readonly string[];
  readonly operator: Operator;
  readonly limit: number;
}

type Operator = keyof typeof OPERATORS;

const OPERATORS = {
  "<": (value: number, limit: number) => value < limit,
  "<=": (value: number, limit: number) => value <= limit,
  ">": (value: number, limit: number) => value > limit,
  ">=": (value: number, limit: number) => value >= limit,
  "==": (value: number, limit: number) => value === limit,
} as const;

/** Figures that a threshold can name. */
const FIGURES = [
  ...SUMS,
  "lost",
  "duplicates",
  ...["count", "p50", "p95", "p99", "max"].flatMap(name => [`connack.${name}`, `puback.${name}`]),
  "cpu.percent",
  "memory.bytesPerDevice",
  "late.p99",
  "late.max",
  "outage.backSeconds",
  "outage.peakPercent",
];

export function parseThreshold(text: string): Threshold {
  const [, name = "", operator, limit] =
    /^\s*([A-Za-z0-9.]+)\s*(<=|>=|==|<|>)\s*(-?\d+(?:\.\d+)?)\s*$/.exec(text) ?? [];
  if (limit === undefined) throw new UsageError(`--threshold must be like 'puback.p99<500', not '${text}'`);
  if (!FIGURES.includes(name))
    throw new UsageError(`--threshold: no figure '${name}'; there are ${FIGURES.join(", ")}`);
  return { text: text.trim(), path: name.split("."), operator: operator as Operator, limit: Number(limit) };
}

export interface ThresholdResult {
  readonly text: string;
  /** Null: the run has no such figure. */
  readonly value: number | null;
  readonly met: boolean;
}

/** A figure that the run does not have does not meet a threshold. */
export function check(threshold: Threshold, report: Report): ThresholdResult {
  let value: unknown = report;
  for (const name of threshold.path) value = (value as Record<string, unknown> | null)?.[name];
  const figure = typeof value === "number" ? value : null;
  return {
    text: threshold.text,
    value: figure,
    met: figure !== null && OPERATORS[threshold.operator](figure, threshold.limit),
  };
}
