// The report of a fleet: what it holds, its lines of text, and how the reports of several machines become one.

import { CommandError } from "../cli/errors.ts";
import { Latencies, type LatencyCounts, type LatencySummary } from "./latencies.ts";
import { addFailedAttempts, type FailedAttempts } from "./messages.ts";
import { findStorm, type Second, type Storm } from "./storm.ts";
import type { PerQos } from "./tally.ts";

export interface NamedTrouble {
  /** Client id. */
  readonly device: string;
  readonly message: string;
}

export interface Report {
  /** Programs that were started. */
  readonly devices: number;
  /** Clients connected when the run ended. */
  readonly connected: number;
  /** Clients that connected at least once, and again. */
  readonly connects: number;
  readonly reconnects: number;
  /** Connections that ended without disconnect(). */
  readonly connectionsLost: number;
  /** Connection attempts that failed, by cause, with one of the errors. */
  readonly failedAttempts: FailedAttempts;
  /** Clients that the broker refused for good, by the code of CONNACK. */
  readonly refused: Readonly<Record<string, number>>;
  /** Messages that publish() accepted; that were confirmed (QoS 0: sent); that were dropped; the rest. */
  readonly published: number;
  readonly confirmed: number;
  readonly dropped: number;
  readonly unconfirmed: number;
  /** Confirmed events of QoS 1 and 2 that the observer did not receive; null: there was no observer. */
  readonly lost: number | null;
  /** Events that the observer received more than once; null: there was no observer. */
  readonly duplicates: number | null;
  /** The same by QoS 0, 1, 2. */
  readonly qos: {
    readonly published: PerQos;
    readonly confirmed: PerQos;
    readonly lost: PerQos | null;
    readonly duplicates: PerQos | null;
  };
  /** Milliseconds from the connection attempt to CONNACK, and from publish() to PUBACK or PUBCOMP. */
  readonly connack: LatencySummary;
  readonly puback: LatencySummary;
  readonly seconds: number;
  /** Confirmed messages per second. */
  readonly eventsPerSecond: number;
  /** Programs that an exception or an endless loop ended: how many, and some of them. */
  readonly failed: number;
  readonly failures: readonly NamedTrouble[];
  /** What errorCallback got: how many, and some of them. */
  readonly errors: number;
  readonly errorExamples: readonly NamedTrouble[];
  /** Of this process: CPU seconds, percent of all cores, resident bytes, and the part of a device. */
  readonly cpu: { readonly seconds: number; readonly percent: number };
  readonly memory: { readonly bytes: number; readonly bytesPerDevice: number };
  /** The event loop of a thread was late by this much, milliseconds: in 99 % of the quarter seconds, and at most. */
  readonly late: { readonly p99: number | null; readonly max: number | null };
  readonly storm: Storm | null;
  /** Why figures may be wrong. */
  readonly warnings: readonly string[];
  /** For merging and drawing: each second of the run, and the times behind `connack` and `puback`. */
  readonly timeline: readonly Second[];
  readonly histograms: { readonly connack: LatencyCounts; readonly puback: LatencyCounts };
}

const MOST_EXAMPLES = 20;

/** One report of the reports of several machines that shared a fleet. Their runs are taken as simultaneous. */
export function mergeReports(reports: readonly Report[]): Report {
  const total = (value: (report: Report) => number) => reports.reduce((sum, report) => sum + value(report), 0);
  const most = (value: (report: Report) => number) => Math.max(...reports.map(value));
  const observed = reports.every(({ lost }) => lost !== null);
  const perQos = (value: (report: Report) => PerQos | null): PerQos =>
    [0, 1, 2].map(qos => total(report => value(report)?.[qos] ?? 0)) as PerQos;
  const connack = joined(reports.map(({ histograms }) => histograms.connack));
  const puback = joined(reports.map(({ histograms }) => histograms.puback));
  const timeline = addedTimelines(reports.map(({ timeline }) => timeline));
  const devices = total(({ devices }) => devices);
  const bytes = total(({ memory }) => memory.bytes);
  return {
    devices,
    connected: total(({ connected }) => connected),
    connects: total(({ connects }) => connects),
    reconnects: total(({ reconnects }) => reconnects),
    connectionsLost: total(({ connectionsLost }) => connectionsLost),
    failedAttempts: addedAttempts(reports),
    refused: addedCounts(reports.map(({ refused }) => refused)),
    published: total(({ published }) => published),
    confirmed: total(({ confirmed }) => confirmed),
    dropped: total(({ dropped }) => dropped),
    unconfirmed: total(({ unconfirmed }) => unconfirmed),
    lost: observed ? total(({ lost }) => lost!) : null,
    duplicates: observed ? total(({ duplicates }) => duplicates!) : null,
    qos: {
      published: perQos(({ qos }) => qos.published),
      confirmed: perQos(({ qos }) => qos.confirmed),
      lost: observed ? perQos(({ qos }) => qos.lost) : null,
      duplicates: observed ? perQos(({ qos }) => qos.duplicates) : null,
    },
    connack: connack.summary,
    puback: puback.summary,
    seconds: most(({ seconds }) => seconds),
    eventsPerSecond: total(({ eventsPerSecond }) => eventsPerSecond),
    failed: total(({ failed }) => failed),
    failures: reports.flatMap(({ failures }) => failures).slice(0, MOST_EXAMPLES),
    errors: total(({ errors }) => errors),
    errorExamples: reports.flatMap(({ errorExamples }) => errorExamples).slice(0, MOST_EXAMPLES),
    cpu: { seconds: total(({ cpu }) => cpu.seconds), percent: most(({ cpu }) => cpu.percent) },
    memory: {
      bytes,
      bytesPerDevice: devices ? Math.round(total(r => r.memory.bytesPerDevice * r.devices) / devices) : 0,
    },
    late: { p99: greatest(reports.map(({ late }) => late.p99)), max: greatest(reports.map(({ late }) => late.max)) },
    storm: findStorm(timeline) ?? null,
    warnings: [...new Set(reports.flatMap(({ warnings }) => warnings))],
    timeline,
    histograms: { connack: connack.counts, puback: puback.counts },
  };
}

/** @throws CommandError if the text is not a report of this command */
export function parseReport(text: string, name: string): Report {
  let report: Partial<Report>;
  try {
    report = Object(JSON.parse(text));
  } catch {
    throw new CommandError(`${name} is not JSON`);
  }
  if (typeof report.devices !== "number" || !Array.isArray(report.timeline) || !report.histograms?.puback) {
    throw new CommandError(`${name} is not a report of 'fleet --json'`);
  }
  return report as Report;
}

/** The report for people. */
export function reportText(report: Report): string {
  const { connack, puback, qos, cpu, memory, storm, warnings } = report;
  const lines = [
    `devices      ${whole(report.devices)}, connected at the end ${whole(report.connected)}`,
    `connects     ${whole(report.connects)}, of which reconnects ${whole(report.reconnects)}; connections lost ${whole(report.connectionsLost)}`,
    ...Object.entries(report.refused).map(([code, count]) => `refused      CONNACK ${code}: ${whole(count)}`),
    ...Object.entries(report.failedAttempts).map(
      ([cause, { count, example }]) => `failed       ${cause}: ${whole(count)} (${example})`,
    ),
    `CONNACK      ${times(connack)}`,
    `PUBACK       ${times(puback)}`,
    `published    ${whole(report.published)}: confirmed ${whole(report.confirmed)}, dropped ${whole(report.dropped)}, unconfirmed ${whole(report.unconfirmed)}; ${decimal(report.eventsPerSecond)} per second`,
    report.lost === null
      ? "lost         not known: no observer"
      : `lost         ${whole(report.lost)}, duplicates ${whole(report.duplicates ?? 0)}`,
    ...(["published", "confirmed", "lost", "duplicates"] as const).flatMap(name => perQosLine(name, qos[name])),
    ...(storm ? [stormLine(storm)] : []),
    `this PC      ${decimal(cpu.seconds)} s of CPU (${decimal(cpu.percent)} % of its cores), ${decimal(memory.bytes / 2 ** 20)} MiB, ${decimal(memory.bytesPerDevice / 1024)} KiB per device`,
    ...troubles("stopped", report.failed, report.failures),
    ...troubles("errors", report.errors, report.errorExamples),
    ...warnings.map(warning => `warning: ${warning}`),
  ];
  return `${lines.join("\n")}\n`;
}

function perQosLine(name: string, values: PerQos | null): string[] {
  if (!values || values.filter(value => value > 0).length === 0) return [];
  return [`  ${name.padEnd(11)}${values.map((value, level) => `QoS ${level}: ${whole(value)}`).join(", ")}`];
}

function stormLine({ second, lost, backSeconds, peakPercent }: Storm): string {
  const back = backSeconds === null ? "not all back at the end" : `99 % back after ${backSeconds} s`;
  return `outage       at ${second} s, ${whole(lost)} connections; ${back}; at most ${decimal(peakPercent)} % of the reconnects in a second`;
}

function addedAttempts(reports: readonly Report[]): FailedAttempts {
  const sums: FailedAttempts = {};
  for (const { failedAttempts } of reports) addFailedAttempts(sums, failedAttempts);
  return sums;
}

function troubles(name: string, count: number, examples: readonly NamedTrouble[]): string[] {
  if (count === 0) return [];
  const more = count > examples.length ? [`  … and ${whole(count - examples.length)} more`] : [];
  return [
    `${name.padEnd(12)} ${whole(count)}`,
    ...examples.map(({ device, message }) => `  ${device}: ${message}`),
    ...more,
  ];
}

function times({ count, p50, p95, p99, max }: LatencySummary): string {
  if (count === 0) return "none";
  return `${whole(count)}: p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, at most ${ms(max)}`;
}

function ms(value: number | null): string {
  return value === null ? "-" : `${value < 10 ? value.toFixed(1) : whole(Math.round(value))} ms`;
}

function whole(value: number): string {
  return value.toLocaleString("en-US");
}

function decimal(value: number): string {
  return value.toLocaleString("en-US", { maximumFractionDigits: 1 });
}

function joined(histograms: readonly LatencyCounts[]): Latencies {
  const all = new Latencies();
  for (const counts of histograms) all.add(counts);
  return all;
}

function addedCounts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const counts of all) for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

function addedTimelines(timelines: readonly (readonly Second[])[]): Second[] {
  const length = Math.max(0, ...timelines.map(({ length }) => length));
  return Array.from({ length }, (_, second) => {
    const at = (name: keyof Second) => timelines.reduce((sum, timeline) => sum + (timeline[second]?.[name] ?? 0), 0);
    return { connected: at("connected"), connects: at("connects"), losses: at("losses") };
  });
}

function greatest(values: readonly (number | null)[]): number | null {
  const known = values.filter(value => value !== null);
  return known.length ? Math.max(...known) : null;
}
