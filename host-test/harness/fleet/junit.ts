// The report as JUnit XML, which CI services show as tests.

import type { Report } from "./report.ts";
import type { ThresholdResult } from "./threshold.ts";

interface Case {
  readonly name: string;
  /** Undefined: passed. */
  readonly failure: string | undefined;
}

export function junitXml(report: Report, thresholds: readonly ThresholdResult[]): string {
  const cases: Case[] = [
    {
      name: "no device program is stopped",
      failure: report.stopped
        ? report.stoppedPrograms.map(({ device, message }) => `${device}: ${message}`).join("\n")
        : undefined,
    },
    ...thresholds.map(({ text, value, met }) => ({
      name: text,
      failure: met ? undefined : value === null ? "the run has no such figure" : `it is ${value}`,
    })),
  ];
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuite name="iotf-embedded fleet" tests="${cases.length}" failures="${failures}" time="${report.seconds.toFixed(3)}">`,
    ...cases.map(({ name, failure }) =>
      failure === undefined
        ? `  <testcase name="${escaped(name)}"/>`
        : `  <testcase name="${escaped(name)}"><failure message="${escaped(failure)}"/></testcase>`,
    ),
    "</testsuite>",
    "",
  ].join("\n");
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text for an attribute. XML allows no control characters but tab and line breaks. */
function escaped(text: string): string {
  return text
    .replace(/[^\P{Cc}\t\n\r]/gu, "·")
    .replace(/[&<>"]/g, sign => ENTITIES[sign]!)
    .replaceAll("\n", "&#10;");
}
