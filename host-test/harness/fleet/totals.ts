// Adds up what the threads and the observer report, until the end of the run.

import { availableParallelism } from "node:os";
import { count } from "../xs/text.ts";
import { Latencies } from "./latencies.ts";
import {
  addCounts,
  addFailedAttempts,
  type Batch,
  type DeviceError,
  type FailedAttempts,
  type MessageRecord,
} from "./messages.ts";
import { findOutage, type Second } from "./outage.ts";
import { MAX_EXAMPLES, type NamedError, type Report } from "./report.ts";
import { type PerQos, type Qos, Tally } from "./tally.ts";

/** An event is the number hash * MAX_DEVICES + index. */
const MAX_DEVICES = 2 ** 20;
/** From here on the report warns that the times may be those of this PC. */
const BUSY_PERCENT = 80;
const LATE_MS = 100;
const US_PER_S = 1e6;

export interface TotalsOptions {
  /** Client id of a device, by its index. */
  readonly clientIds: readonly string[];
  /** Topics do not name the device. */
  readonly plain: boolean;
}

/** Measured at the end of the run, before the devices disconnect. */
interface End {
  readonly connected: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly bytes: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Totals {
  connects = 0;
  reconnects = 0;
  connectionsLost = 0;
  rejected = 0;
  dropped = 0;
  stopped = 0;
  errors = 0;
  /** Confirmed events that an observer should receive. */
  observable = 0;
  readonly published: PerQos = [0, 0, 0];
  readonly confirmed: PerQos = [0, 0, 0];
  readonly puback = new Latencies();
  readonly connack = new Latencies();
  readonly tally = new Tally();
  readonly failedAttempts: FailedAttempts = {};
  readonly refused: Record<string, number> = {};
  readonly #options: TotalsOptions;
  readonly #late = new Latencies();
  readonly #stoppedPrograms: NamedError[] = [];
  readonly #errorExamples: NamedError[] = [];
  /** Connected clients of each thread. */
  readonly #connected = new Map<unknown, number>();
  readonly #timeline: Mutable<Second>[] = [];
  readonly #cpuBefore = process.cpuUsage();
  readonly #memoryBefore = residentBytes();
  readonly #begun = performance.now();
  readonly #started = new Set<number>();
  #end: End | undefined;

  constructor(options: TotalsOptions) {
    this.#options = options;
  }

  /** Device programs that have started, each counted once. */
  get devices(): number {
    return this.#started.size;
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

  /** @param thread whose batch this is; any object */
  add(thread: unknown, batch: Batch): void {
    for (const index of batch.started) this.#started.add(index);
    for (const qos of [0, 1, 2] as const) this.published[qos] += batch.published[qos];
    for (const ms of batch.pubackMs) this.puback.record(ms);
    for (const record of batch.confirmed) this.#confirm(record);
    this.addUncertain(batch.dropped);
    // After the end the programs are stopped: what their clients drop or refuse then is not their doing.
    if (this.#end) return;
    this.dropped += batch.dropped.length;
    this.rejected += batch.rejected;
    this.stopped += batch.stopped.length;
    this.errors += batch.errorCount;
    this.#keep(this.#stoppedPrograms, batch.stopped);
    this.#keep(this.#errorExamples, batch.errors);
    this.#connected.set(thread, batch.connected);
    this.#addConnections(batch);
  }

  /** A thread is lost, and its connections with it. @param error the device that took it along; its index may be unknown */
  loseThread(thread: unknown, { index, message }: Partial<DeviceError> & { message: string }): void {
    this.connectionsLost += this.#connected.get(thread) ?? 0;
    this.#connected.delete(thread);
    this.stopped++;
    if (index !== undefined) this.#keep(this.#stoppedPrograms, [{ index, message }]);
    else if (this.#stoppedPrograms.length < MAX_EXAMPLES)
      this.#stoppedPrograms.push({ device: "an unknown device", message });
  }

  /** Messages that the broker may have or not. */
  addUncertain(records: readonly MessageRecord[]): void {
    for (const { index, hash, qos } of records) {
      if (hash !== undefined) this.tally.uncertain(this.#event(index, hash), qos);
    }
  }

  /** The observer received an event of the device with this index; on a plain broker, of any device. */
  received(index: number, hash: number, qos: Qos): void {
    this.tally.received(this.#event(index, hash), qos);
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
   * @param observed an observer was there
   * @param warnings of other parts of the run
   */
  report(observed: boolean, warnings: readonly string[]): Report {
    const { connected, seconds, cpuSeconds, bytes } = this.#end!;
    const percent = (100 * cpuSeconds) / seconds / availableParallelism();
    const late = { p99: this.#late.summary.p99, max: this.#late.summary.max };
    const { lost = null, duplicates = null } =
      observed && this.observable > 0 && !this.tally.overflowed ? this.tally.differences : {};
    return {
      devices: this.devices,
      connected,
      connects: this.connects,
      reconnects: this.reconnects,
      connectionsLost: this.connectionsLost,
      refused: sum(Object.values(this.refused)),
      refusedByCode: this.refused,
      failedAttempts: sum(Object.values(this.failedAttempts).map(({ count }) => count)),
      failedAttemptsByCause: this.failedAttempts,
      published: this.messagesPublished,
      rejected: this.rejected,
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
      stopped: this.stopped,
      stoppedPrograms: this.#stoppedPrograms,
      errors: this.errors,
      errorExamples: this.#errorExamples,
      cpu: { seconds: cpuSeconds, percent },
      memory: { bytes, bytesPerDevice: this.devices ? Math.round((bytes - this.#memoryBefore) / this.devices) : 0 },
      late,
      outage: findOutage(this.#timeline) ?? null,
      warnings: [...warnings, ...busyWarnings(percent, late.p99)],
      timeline: this.#timeline,
      histograms: { connack: this.connack.counts, puback: this.puback.counts },
    };
  }

  #confirm({ index, hash, qos }: MessageRecord): void {
    this.confirmed[qos]++;
    if (hash === undefined) return;
    this.observable++;
    this.tally.confirmed(this.#event(index, hash), qos);
  }

  #addConnections({ connects, reconnects, connectionsLost, connackMs, failedAttempts, refused, lateMs }: Batch): void {
    this.connects += connects.length;
    this.reconnects += reconnects;
    this.connectionsLost += connectionsLost.length;
    addFailedAttempts(this.failedAttempts, failedAttempts);
    addCounts(this.refused, refused);
    this.#late.record(lateMs);
    for (const ms of connackMs) this.connack.record(ms);
    for (const ms of connects) this.#second(ms).connects++;
    for (const ms of connectionsLost) this.#second(ms).connectionsLost++;
    this.#second(performance.now() - this.#begun).connected = this.connected;
  }

  #event(index: number, hash: number): number {
    return hash * MAX_DEVICES + (this.#options.plain ? 0 : index);
  }

  #keep(examples: NamedError[], errors: readonly DeviceError[]): void {
    for (const { index, message } of errors) {
      if (examples.length < MAX_EXAMPLES) examples.push({ device: this.#options.clientIds[index]!, message });
    }
  }

  #second(ms: number): Mutable<Second> {
    const timeline = this.#timeline;
    const second = Math.max(0, Math.floor(ms / 1000));
    while (timeline.length <= second) {
      timeline.push({ connected: timeline.at(-1)?.connected ?? 0, connects: 0, connectionsLost: 0 });
    }
    return timeline[second]!;
  }
}

function busyWarnings(percent: number, lateP99: number | null): string[] {
  const warnings: string[] = [];
  if (percent >= BUSY_PERCENT) {
    warnings.push(
      `this PC used ${Math.round(percent)} % of its cores: the times may be those of this PC, not of the broker`,
    );
  }
  if ((lateP99 ?? 0) >= LATE_MS) {
    warnings.push(
      `a thread was late by ${count(Math.round(lateP99!))} ms or more in 1 % of the time: the times may be those of this PC`,
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
