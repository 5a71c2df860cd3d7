// What the threads of a fleet and the main thread tell each other.

import type { DeviceOptions } from "../../../src/index.ts";
import type { Qos } from "./tally.ts";

/** A device of the fleet. */
export interface FleetMember {
  /** Position in the fleet, from 0. */
  readonly index: number;
  readonly clientId: string;
  readonly options: DeviceOptions;
  /** Milliseconds from the start of the thread. */
  readonly startMs: number;
  /** For its random numbers. */
  readonly seed: number;
  /** Its link stalls and breaks (bad-link.ts). */
  readonly badLink: boolean;
}

/** Data of a new thread. */
export interface ThreadData {
  /** Path of the user's program, built as one module for Node. */
  readonly program: string;
  readonly members: readonly FleetMember[];
  /** Start of the run, milliseconds since 1970. */
  readonly startedAt: number;
  /** See context.ts. */
  readonly activity: Int32Array;
}

/** A message that a device published. */
export interface MessageRecord {
  readonly index: number;
  /** See event-hash.ts; undefined for a message that the observer does not get. */
  readonly hash: number | undefined;
  readonly qos: Qos;
}

/** What went wrong in a device. */
export interface DeviceError {
  readonly index: number;
  readonly message: string;
}

/** By cause: a code of the library, or of the system where that says more. */
export type FailedAttempts = Record<string, { count: number; readonly example: string }>;

/** What happened in a thread since its last batch. Times are in milliseconds since the start of the run. */
export interface Batch {
  readonly what: "batch";
  /** Indices of devices whose program has started. */
  started: number[];
  /** Every program has started, no client is connected or will connect, and no timer is set. */
  idle: boolean;
  /** Clients connected now. */
  connected: number;
  /** When clients connected; how many of them had been connected before. */
  connects: number[];
  reconnects: number;
  /** When connections ended that no disconnect() ended. */
  connectionsLost: number[];
  /** Milliseconds from the connection attempt to CONNACK. */
  connackMs: number[];
  /** Milliseconds from publish() to the confirmation of a message of QoS 1 or 2. */
  pubackMs: number[];
  /** Connection attempts that failed. */
  failedAttempts: FailedAttempts;
  /** Clients that the broker refused for good, by the code of CONNACK. */
  refused: Record<string, number>;
  /** Messages accepted by publish(), by QoS; messages that it did not accept. */
  published: [number, number, number];
  rejected: number;
  confirmed: MessageRecord[];
  /** Messages that were accepted and given up with an error. */
  dropped: MessageRecord[];
  /** Programs that are stopped: an exception reached no handler. */
  stopped: DeviceError[];
  /** What errorCallback got: how often, and the first messages of each device. */
  errorCount: number;
  errors: DeviceError[];
  /** The event loop was late by this much at worst, milliseconds. */
  lateMs: number;
}

export type FromThread =
  | Batch
  /** The program cannot run at all. */
  | { readonly what: "unusable"; readonly message: string }
  /** The answer to "disconnect": every client is disconnected, and these messages were not confirmed. */
  | { readonly what: "disconnected"; readonly unconfirmed: MessageRecord[] };

export type ToThread = { readonly what: "disconnect"; readonly timeoutMs: number };

export function emptyBatch(): Batch {
  return {
    what: "batch",
    started: [],
    idle: false,
    connected: 0,
    connects: [],
    reconnects: 0,
    connectionsLost: [],
    connackMs: [],
    pubackMs: [],
    failedAttempts: {},
    refused: {},
    published: [0, 0, 0],
    rejected: 0,
    confirmed: [],
    dropped: [],
    stopped: [],
    errorCount: 0,
    errors: [],
    lateMs: 0,
  };
}

/** Adds `more` to `sums`. */
export function addCounts(sums: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(more)) sums[name] = (sums[name] ?? 0) + count;
}

/** Adds `more` to `sums`. The first example of a cause stays. */
export function addFailedAttempts(sums: FailedAttempts, more: FailedAttempts): void {
  for (const [cause, { count, example }] of Object.entries(more)) {
    sums[cause] ??= { count: 0, example };
    sums[cause].count += count;
  }
}
