// The report of a fleet: what it holds, and how the reports of several machines become one.

import { CommandError } from "../cli/errors.ts";
import { Latencies, type LatencyCounts, type LatencySummary } from "./latencies.ts";
import { addCounts, addFailedAttempts, type FailedAttempts } from "./messages.ts";
import { findOutage, type Outage, type Second } from "./outage.ts";
import type { PerQos } from "./tally.ts";

export interface NamedError {
  /** Client id. */
  readonly device: string;
  readonly message: string;
}

export interface Report {
  /** Programs that were started. */
  readonly devices: number;
  /** Clients connected when the run ended. */
  readonly connected: number;
  /** How often a client connected; how often one that had been connected before. */
  readonly connects: number;
  readonly reconnects: number;
  /** Connections that ended without disconnect(). */
  readonly connectionsLost: number;
  /** Clients that the broker refused for good. */
  readonly refused: number;
  /** The same by the code of CONNACK. */
  readonly refusedByCode: Readonly<Record<string, number>>;
  /** Connection attempts that failed and are made again. */
  readonly failedAttempts: number;
  /** The same by cause, with one of the errors. */
  readonly failedAttemptsByCause: FailedAttempts;
  /** Messages that publish() accepted, and that it did not. */
  readonly published: number;
  readonly rejected: number;
  /** Of the published ones: confirmed by the broker (QoS 0: sent); dropped with an error; neither when the run ended. */
  readonly confirmed: number;
  readonly dropped: number;
  readonly unconfirmed: number;
  /** Confirmed events of QoS 1 and 2 that the observer did not receive; null: not known. */
  readonly lost: number | null;
  /** Events of QoS 0, 1 and 2 that the observer received again; null: not known. */
  readonly duplicates: number | null;
  /** By QoS 0, 1, 2. */
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
  /** Programs that an exception or an endless loop stopped: how many, and some of them. */
  readonly stopped: number;
  readonly stoppedPrograms: readonly NamedError[];
  /** What errorCallback got: how often, and some of the errors. */
  readonly errors: number;
  readonly errorExamples: readonly NamedError[];
  /** Of this process: CPU seconds, percent of all cores, resident bytes, and what it grew by for each device. */
  readonly cpu: { readonly seconds: number; readonly percent: number };
  readonly memory: { readonly bytes: number; readonly bytesPerDevice: number };
  /** By how many milliseconds the event loop of a thread was late: in 99 % of the quarter seconds, and at most. */
  readonly late: { readonly p99: number | null; readonly max: number | null };
  /** The first time when half of the clients or more were away; null: never. */
  readonly outage: Outage | null;
  /** Why figures may be wrong. */
  readonly warnings: readonly string[];
  /** For merging and drawing: each second of the run, and the times behind `connack` and `puback`. */
  readonly timeline: readonly Second[];
  readonly histograms: { readonly connack: LatencyCounts; readonly puback: LatencyCounts };
}

export const MAX_EXAMPLES = 20;

/** Figures that add up over machines. */
export const SUMS = [
  "devices",
  "connected",
  "connects",
  "reconnects",
  "connectionsLost",
  "refused",
  "failedAttempts",
  "published",
  "rejected",
  "confirmed",
  "dropped",
  "unconfirmed",
  "eventsPerSecond",
  "stopped",
  "errors",
] as const;
type Sum = (typeof SUMS)[number];

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
  const sums = Object.fromEntries(SUMS.map(name => [name, total(report => report[name])])) as Pick<Report, Sum>;
  const { devices } = sums;
  const bytes = total(({ memory }) => memory.bytes);
  return {
    ...sums,
    refusedByCode: added(reports, addCounts, ({ refusedByCode }) => refusedByCode),
    failedAttemptsByCause: added(reports, addFailedAttempts, ({ failedAttemptsByCause }) => failedAttemptsByCause),
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
    stoppedPrograms: reports.flatMap(({ stoppedPrograms }) => stoppedPrograms).slice(0, MAX_EXAMPLES),
    errorExamples: reports.flatMap(({ errorExamples }) => errorExamples).slice(0, MAX_EXAMPLES),
    cpu: { seconds: total(({ cpu }) => cpu.seconds), percent: most(({ cpu }) => cpu.percent) },
    memory: {
      bytes,
      bytesPerDevice: devices ? Math.round(total(r => r.memory.bytesPerDevice * r.devices) / devices) : 0,
    },
    late: { p99: greatest(reports.map(({ late }) => late.p99)), max: greatest(reports.map(({ late }) => late.max)) },
    outage: findOutage(timeline) ?? null,
    warnings: [...new Set(reports.flatMap(({ warnings }) => warnings))],
    timeline,
    histograms: { connack: connack.counts, puback: puback.counts },
  };
}

/** @throws CommandError if the text is not a report of this command */
export function parseReport(text: string, name: string): Report {
  let report: Report;
  try {
    report = JSON.parse(text);
  } catch {
    throw new CommandError(`${name} is not JSON`);
  }
  try {
    const { devices, published, seconds } = mergeReports([report]);
    if ([devices, published, seconds].every(Number.isFinite)) return report;
  } catch {
    // Parts are missing.
  }
  throw new CommandError(`${name} is not a report of 'fleet --json'`);
}

function joined(histograms: readonly LatencyCounts[]): Latencies {
  const all = new Latencies();
  for (const counts of histograms) all.add(counts);
  return all;
}

function added<T extends object>(
  reports: readonly Report[],
  add: (sums: T, more: T) => void,
  part: (report: Report) => T,
): T {
  const sums = {} as T;
  for (const report of reports) add(sums, part(report));
  return sums;
}

function addedTimelines(timelines: readonly (readonly Second[])[]): Second[] {
  const length = Math.max(0, ...timelines.map(({ length }) => length));
  return Array.from({ length }, (_, second) => {
    const at = (name: keyof Second) => timelines.reduce((sum, timeline) => sum + (timeline[second]?.[name] ?? 0), 0);
    return { connected: at("connected"), connects: at("connects"), connectionsLost: at("connectionsLost") };
  });
}

function greatest(values: readonly (number | null)[]): number | null {
  const known = values.filter(value => value !== null);
  return known.length ? Math.max(...known) : null;
}
