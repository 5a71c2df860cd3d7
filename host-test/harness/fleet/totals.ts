// Adds up what the threads and the observer tell, and makes the report of it.

import { availableParallelism } from "node:os";
import { Latencies } from "./latencies.ts";
import { addFailedAttempts, type Batch, type EventRecord, type FailedAttempts, type Trouble } from "./messages.ts";
import type { NamedTrouble, Report } from "./report.ts";
import { findStorm, type Second } from "./storm.ts";
import { type PerQos, type Qos, Tally } from "./tally.ts";

/** Failures and errors that the report names; more are only counted. */
const MOST_EXAMPLES = 20;
/** Content and device as one number: room for so many devices. */
const DEVICES = 2 ** 20;
/** From here on the report warns that this PC was the limit. */
const BUSY_PERCENT = 80;
const LATE_MS = 100;
const US_PER_S = 1e6;

export interface TotalsOptions {
  /** Client id of a device, by its index. */
  readonly clientIds: readonly string[];
  /** Topics do not name the device. */
  readonly plain: boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What is measured at the end of the run, before the devices disconnect. */
interface End {
  readonly connected: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly bytes: number;
}

export class Totals {
  connects = 0;
  losses = 0;
  dropped = 0;
  failed = 0;
  readonly published: PerQos = [0, 0, 0];
  readonly confirmed: PerQos = [0, 0, 0];
  readonly puback = new Latencies();
  readonly connack = new Latencies();
  readonly tally = new Tally();
  readonly #options: TotalsOptions;
  readonly #late = new Latencies();
  readonly #failedAttempts: FailedAttempts = {};
  readonly #refused: Record<string, number> = {};
  readonly #failures: NamedTrouble[] = [];
  readonly #errors: NamedTrouble[] = [];
  readonly #unconfirmed: EventRecord[] = [];
  /** Connected clients of each thread. */
  readonly #connected = new Map<unknown, number>();
  readonly #timeline: Mutable<Second>[] = [];
  readonly #cpuBefore = process.cpuUsage();
  readonly #memoryBefore = residentBytes();
  readonly #begun = performance.now();
  #started = 0;
  #errorCount = 0;
  #reconnects = 0;
  #end: End | undefined;

  constructor(options: TotalsOptions) {
    this.#options = options;
  }

  /** Device programs that have started, each counted once. */
  get devices(): number {
    return Math.min(this.#started, this.#options.clientIds.length);
  }

  get connected(): number {
    return sum([...this.#connected.values()]);
  }

  get messagesPublished(): number {
    return sum(this.published);
  }

  get messagesConfirmed(): number {
    return sum(this.confirmed);
  }

  get failedAttempts(): FailedAttempts {
    return this.#failedAttempts;
  }

  /** @param thread whose batch this is; any object */
  add(thread: unknown, batch: Batch): void {
    this.#started += batch.started;
    this.connects += batch.connects.length;
    this.losses += batch.losses.length;
    this.dropped += batch.dropped;
    this.#reconnects += batch.reconnects;
    this.failed += batch.failures.length;
    this.#errorCount += batch.errorCount;
    for (const qos of [0, 1, 2] as const) this.published[qos] += batch.published[qos];
    for (const ms of batch.connackMs) this.connack.record(ms);
    for (const ms of batch.pubackMs) this.puback.record(ms);
    for (const record of batch.confirmed) this.#confirm(record);
    addFailedAttempts(this.#failedAttempts, batch.failedAttempts);
    addCounts(this.#refused, batch.refused);
    this.#keep(this.#failures, batch.failures);
    this.#keep(this.#errors, batch.errors);
    this.#late.record(batch.lateMs);
    this.#connected.set(thread, batch.connected);
    if (!this.#end) this.#addToTimeline(batch);
  }

  /** A thread has ended. */
  remove(thread: unknown): void {
    this.#connected.delete(thread);
  }

  fail(trouble: Trouble): void {
    this.failed++;
    this.#keep(this.#failures, [trouble]);
  }

  /** What the threads had published and was not confirmed. */
  addUnconfirmed(records: readonly EventRecord[]): void {
    this.#unconfirmed.push(...records);
  }

  /** The observer received an event of the device with this index; 0 on a plain broker. */
  received(index: number, content: number, qos: Qos): void {
    this.tally.received(eventNumber(index, content), qos);
  }

  /** The run is over; the devices are about to disconnect. */
  end(): void {
    const { user, system } = process.cpuUsage(this.#cpuBefore);
    this.#end = {
      connected: this.connected,
      seconds: (performance.now() - this.#begun) / 1000,
      cpuSeconds: (user + system) / US_PER_S,
      bytes: Math.max(residentBytes(), this.#memoryBefore),
    };
  }

  /**
   * After {@link end}.
   * @param observed an observer has received events
   * @param warnings of other parts of the run
   */
  report(observed: boolean, warnings: readonly string[]): Report {
    const { connected, seconds, cpuSeconds, bytes } = this.#end!;
    const cpu = { seconds: cpuSeconds, percent: (100 * cpuSeconds) / seconds / availableParallelism() };
    const late = { p99: this.#late.summary.p99, max: this.#late.summary.max };
    const unconfirmed = this.#unconfirmed.flatMap(({ index, content, qos }) =>
      content === undefined ? [] : [{ event: this.#number(index, content), qos }],
    );
    const known = observed && !this.tally.overflowed;
    const differences = known ? this.tally.differences(unconfirmed) : undefined;
    const { lost = null, duplicates = null } = differences ?? {};
    return {
      devices: this.devices,
      connected,
      connects: this.connects,
      reconnects: this.#reconnects,
      connectionsLost: this.losses,
      failedAttempts: this.#failedAttempts,
      refused: this.#refused,
      published: this.messagesPublished,
      confirmed: this.messagesConfirmed,
      dropped: this.dropped,
      unconfirmed: this.messagesPublished - this.messagesConfirmed - this.dropped,
      lost: lost && lost[1] + lost[2],
      duplicates: duplicates && sum(duplicates),
      qos: { published: this.published, confirmed: this.confirmed, lost, duplicates },
      connack: this.connack.summary,
      puback: this.puback.summary,
      seconds,
      eventsPerSecond: this.messagesConfirmed / seconds,
      failed: this.failed,
      failures: this.#failures,
      errors: this.#errorCount,
      errorExamples: this.#errors,
      cpu,
      memory: { bytes, bytesPerDevice: this.devices ? Math.round((bytes - this.#memoryBefore) / this.devices) : 0 },
      late,
      storm: findStorm(this.#timeline) ?? null,
      warnings: [...warnings, ...busy(cpu.percent, late.p99)],
      timeline: this.#timeline,
      histograms: { connack: this.connack.counts, puback: this.puback.counts },
    };
  }

  #addToTimeline({ connects, losses }: Batch): void {
    for (const ms of connects) this.#second(ms).connects++;
    for (const ms of losses) this.#second(ms).losses++;
    this.#second(performance.now() - this.#begun).connected = this.connected;
  }

  #confirm({ index, content, qos }: EventRecord): void {
    this.confirmed[qos]++;
    if (content !== undefined) this.tally.confirmed(this.#number(index, content), qos);
  }

  #number(index: number, content: number): number {
    return eventNumber(this.#options.plain ? 0 : index, content);
  }

  #keep(examples: NamedTrouble[], troubles: readonly Trouble[]): void {
    for (const { index, message } of troubles) {
      if (examples.length < MOST_EXAMPLES) examples.push({ device: this.#options.clientIds[index]!, message });
    }
  }

  #second(ms: number): Mutable<Second> {
    const timeline = this.#timeline;
    const second = Math.max(0, Math.floor(ms / 1000));
    while (timeline.length <= second) {
      timeline.push({ connected: timeline.at(-1)?.connected ?? 0, connects: 0, losses: 0 });
    }
    return timeline[second]!;
  }
}

function eventNumber(index: number, content: number): number {
  return content * DEVICES + index;
}

function busy(percent: number, lateP99: number | null): string[] {
  const warnings: string[] = [];
  if (percent >= BUSY_PERCENT)
    warnings.push(`this PC used ${Math.round(percent)} % of its cores: times may be its own`);
  if ((lateP99 ?? 0) >= LATE_MS) {
    warnings.push(
      `a thread was late by ${Math.round(lateP99!)} ms or more in 1 % of the time: times may be this PC's own`,
    );
  }
  return warnings;
}

/** 0 where it cannot be read, for example because the process has no file descriptor left. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return 0;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function addCounts(sums: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
}
