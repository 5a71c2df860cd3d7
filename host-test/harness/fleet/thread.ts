// A thread with devices, seen from the main thread: what it reports, and whether it still runs.

import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { within } from "../cli/within.ts";
import { published } from "../xs/program.ts";
import { ACTIVITY } from "./context.ts";
import type { Batch, FromThread, MessageRecord, ThreadData, ToThread } from "./messages.ts";

/** A program that does not return for so long is in an endless loop. */
const STUCK_MS = 5000;
/** A thread that reports nothing for so long does not return, though no device is known to run. */
const SILENT_MS = 15_000;
/** For the clients of a thread to disconnect. */
const DISCONNECT_MS = 6000;
/** For short-lived objects of a thread: the default of Node makes 5,000 idle devices take 60 MB more. */
const MAX_YOUNG_MB = 4;

export interface ThreadListener {
  batch(thread: Thread, batch: Batch): void;
  /** The program cannot run at all. */
  unusable(message: string): void;
  /** Every client is disconnected; these messages were not confirmed. */
  disconnected(unconfirmed: readonly MessageRecord[]): void;
  /** The thread has ended, which it does not do by itself. */
  died(thread: Thread, reason: string): void;
}

export class Thread {
  readonly data: ThreadData;
  /** Of the last batch. */
  idle = false;
  readonly #stoppedDevices = new Set<number>();
  readonly #worker: Worker;
  readonly #disconnected: Promise<void>;
  #ending = false;
  #calls = 0;
  #sinceMs = 0;
  #reportedMs = performance.now();

  constructor(data: ThreadData, listener: ThreadListener) {
    this.data = data;
    this.#worker = new Worker(pathToFileURL(published("fleet-worker.js")), {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: MAX_YOUNG_MB },
      stdout: true,
      stderr: true,
    });
    this.#disconnected = new Promise(resolve => {
      this.#worker.on("message", (message: FromThread) => {
        this.#reportedMs = performance.now();
        if (message.what === "batch") {
          for (const { index } of message.stopped) this.#stoppedDevices.add(index);
          this.idle = message.idle;
          listener.batch(this, message);
        } else if (message.what === "unusable") listener.unusable(message.message);
        else {
          listener.disconnected(message.unconfirmed);
          resolve();
        }
      });
    });
    const died = (reason: string) => {
      if (!this.#ending) listener.died(this, reason);
      this.#ending = true;
    };
    this.#worker.on("error", error => died((error as Error).message));
    this.#worker.on("exit", code => died(`exit code ${code}`));
  }

  /** Index of the device that runs, or that ran last in this turn of the event loop. */
  get device(): number | undefined {
    const device = Atomics.load(this.data.activity, ACTIVITY.device);
    return device === 0 ? undefined : device - 1;
  }

  /** It does not return, and which device runs is not known: one of a promise or of the module itself. */
  silent(nowMs: number): boolean {
    return this.device === undefined && nowMs - this.#reportedMs >= SILENT_MS;
  }

  /** Index of a device that has not returned for STUCK_MS. Called again and again. */
  stuckDevice(nowMs: number): number | undefined {
    const { device } = this;
    const calls = Atomics.load(this.data.activity, ACTIVITY.calls);
    if (device === undefined || calls !== this.#calls) {
      this.#calls = calls;
      this.#sinceMs = nowMs;
      return undefined;
    }
    return nowMs - this.#sinceMs >= STUCK_MS ? device : undefined;
  }

  /** Data for a thread with the devices of this one, but those that are stopped, and without device `index`. */
  dataWithout(index: number, rate: number, activity: Int32Array): ThreadData {
    const members = this.data.members
      .filter(member => member.index !== index && !this.#stoppedDevices.has(member.index))
      .map((member, position) => ({ ...member, startMs: (position / rate) * 1000 }));
    return { ...this.data, members, activity };
  }

  /** Disconnects all clients and ends the thread. Resolves with false if it did not answer in time. */
  disconnect(): Promise<boolean> {
    this.#worker.postMessage({ what: "disconnect", timeoutMs: DISCONNECT_MS } satisfies ToThread);
    const answered = this.#disconnected.then(() => true);
    return within(DISCONNECT_MS + STUCK_MS, answered, false);
  }

  async terminate(): Promise<void> {
    this.#ending = true;
    await this.#worker.terminate();
  }
}
