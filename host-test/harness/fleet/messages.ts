// What the threads of a fleet and the main thread tell each other.

import type { DeviceOptions } from "../../../src/index.ts";
import type { Qos } from "./tally.ts";

/** A device of the fleet. */
export interface FleetMember {
  /** Position in the fleet, from 0. */
  readonly index: number;
  readonly options: DeviceOptions;
  /** Milliseconds from the start of the thread. */
  readonly startMs: number;
  /** Its link is a bad one (weather.ts). */
  readonly badLink: boolean;
}

/** Data of a new thread. */
export interface ThreadData {
  /** Path of the user's program, built as one module for Node. */
  readonly program: string;
  readonly members: readonly FleetMember[];
  /** The same seed and the same index give a device the same random numbers. */
  readonly seed: number;
  /** Start of the run, milliseconds since 1970. */
  readonly startedAt: number;
  /** See context.ts. */
  readonly activity: Int32Array;
}

/** An event of a device. */
export interface EventRecord {
  readonly index: number;
  /** See content.ts; undefined for a message that the observer does not get. */
  readonly content: number | undefined;
  readonly qos: Qos;
}

/** Something that went wrong in one device. */
export interface Trouble {
  readonly index: number;
  readonly message: string;
}

/** By cause: a code of the library, or of the system where that says more. */
export type FailedAttempts = Record<string, { count: number; readonly example: string }>;

/** What happened in a thread since its last batch. Times are in milliseconds since the start of the run. */
export interface Batch {
  readonly what: "batch";
  /** Devices whose program has started. */
  started: number;
  /** Clients connected now. */
  connected: number;
  /** Clients that are connected or will reconnect. */
  active: number;
  /** When clients connected; how many of them had been connected before. */
  connects: number[];
  reconnects: number;
  /** When connections ended that no disconnect() ended. */
  losses: number[];
  /** Milliseconds from the connection attempt to CONNACK. */
  connackMs: number[];
  /** Milliseconds from publish() to the confirmation of a message of QoS 1 or 2. */
  pubackMs: number[];
  /** Connection attempts that failed. */
  failedAttempts: FailedAttempts;
  /** Clients that the broker refused for good, by the code of CONNACK. */
  refused: Record<string, number>;
  /** Messages accepted by publish(), by QoS. */
  published: [number, number, number];
  confirmed: EventRecord[];
  /** Messages that were accepted and given up with an error. */
  dropped: number;
  /** Exceptions that reached no handler: the device is stopped. */
  failures: Trouble[];
  /** What errorCallback gets: first messages, and how many there were. */
  errors: Trouble[];
  errorCount: number;
  /** The event loop was late by this much at worst, milliseconds. */
  lateMs: number;
}

export type FromThread =
  | Batch
  /** The program cannot run at all. */
  | { readonly what: "unusable"; readonly message: string }
  /** The answer to "stop": everything is closed, and these events were not confirmed. */
  | { readonly what: "stopped"; readonly unconfirmed: EventRecord[] };

export type ToThread = { readonly what: "stop"; readonly timeoutMs: number };

export function emptyBatch(): Batch {
  return {
    what: "batch",
    started: 0,
    connected: 0,
    active: 0,
    connects: [],
    reconnects: 0,
    losses: [],
    connackMs: [],
    pubackMs: [],
    failedAttempts: {},
    refused: {},
    published: [0, 0, 0],
    confirmed: [],
    dropped: 0,
    failures: [],
    errors: [],
    errorCount: 0,
    lateMs: 0,
  };
}

export function addFailedAttempts(sums: FailedAttempts, more: FailedAttempts): void {
  for (const [cause, { count, example }] of Object.entries(more)) {
    sums[cause] ??= { count: 0, example };
    sums[cause].count += count;
  }
}
