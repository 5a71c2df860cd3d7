// The report of a fleet for people.

import { count } from "../xs/text.ts";
import type { LatencySummary } from "./latencies.ts";
import type { Outage } from "./outage.ts";
import type { NamedError, Report } from "./report.ts";
import type { PerQos } from "./tally.ts";

/** Below, the memory of Node itself would count as that of the devices. */
const MANY_DEVICES = 500;

export function reportText(report: Report): string {
  const { connack, puback, qos, outage, warnings } = report;
  const rejected = report.rejected ? `, not accepted ${count(report.rejected)}` : "";
  const lines = [
    `devices      ${count(report.devices)}, connected at the end ${count(report.connected)}`,
    `connects     ${count(report.connects)}, of which reconnects ${count(report.reconnects)}; connections lost ${count(report.connectionsLost)}`,
    ...Object.entries(report.refusedByCode).map(([code, clients]) => `refused      CONNACK ${code}: ${count(clients)}`),
    ...Object.entries(report.failedAttemptsByCause).map(
      ([cause, { count: attempts, example }]) => `attempts     failed, ${cause}: ${count(attempts)} (${example})`,
    ),
    `CONNACK      ${times(connack)}`,
    `PUBACK       ${times(puback)}`,
    `published    ${count(report.published)}: confirmed ${count(report.confirmed)}, dropped ${count(report.dropped)}, unconfirmed ${count(report.unconfirmed)}${rejected}; ${decimal(report.eventsPerSecond)} per second`,
    report.lost === null
      ? "lost         not known"
      : `lost         ${count(report.lost)}, duplicates ${count(report.duplicates ?? 0)}`,
    ...(["published", "confirmed", "lost", "duplicates"] as const).flatMap(name => perQosLine(name, qos[name])),
    ...(outage ? [outageLine(outage)] : []),
    machineLine(report),
    ...examplesOf("stopped", report.stopped, report.stoppedPrograms),
    ...examplesOf("errors", report.errors, report.errorExamples),
    ...warnings.map(warning => `warning: ${warning}`),
  ];
  return `${lines.join("\n")}\n`;
}

function machineLine({ cpu, memory, devices }: Report): string {
  const device = devices >= MANY_DEVICES ? `, ${decimal(memory.bytesPerDevice / 1024)} KiB per device` : "";
  return `this PC      ${decimal(cpu.seconds)} s of CPU (${decimal(cpu.percent)} % of its cores), ${decimal(memory.bytes / 2 ** 20)} MiB${device}`;
}

function perQosLine(name: string, values: PerQos | null): string[] {
  if (!values || values.filter(value => value > 0).length === 0) return [];
  return [`  ${name.padEnd(11)}${values.map((value, level) => `QoS ${level}: ${count(value)}`).join(", ")}`];
}

function outageLine({ second, lost, backSeconds, peakPercent }: Outage): string {
  const back = backSeconds === null ? "not all back at the end" : `99 % back after ${backSeconds} s`;
  return `outage       at ${second} s, ${count(lost)} connections; ${back}; busiest second ${decimal(peakPercent)} % of the reconnects`;
}

function examplesOf(name: string, total: number, examples: readonly NamedError[]): string[] {
  if (total === 0) return [];
  const more = total > examples.length ? [`  … and ${count(total - examples.length)} more`] : [];
  return [
    `${name.padEnd(12)} ${count(total)}`,
    ...examples.map(({ device, message }) => `  ${device}: ${message}`),
    ...more,
  ];
}

function times({ count: number, p50, p95, p99, max }: LatencySummary): string {
  if (number === 0) return "none";
  return `${count(number)}: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, max ${ms(max)}`;
}

function ms(value: number | null): string {
  return value === null ? "-" : `${value < 10 ? value.toFixed(1) : count(Math.round(value))} ms`;
}

function decimal(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 1 });
}
