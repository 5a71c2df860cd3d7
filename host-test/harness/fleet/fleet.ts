// Runs a fleet: threads with the devices, an observer at the broker, and the totals of both.

import { spawn } from "node:child_process";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { DeviceOptions } from "../../../src/index.ts";
import { CommandError } from "../cli/errors.ts";
import { deviceClientId } from "../platform/identity.ts";
import { seeded } from "../testing/random.ts";
import { published } from "../xs/program.ts";
import { ACTIVITY, newActivity } from "./context.ts";
import { descriptorWarnings } from "./descriptors.ts";
import type { Identity } from "./identities.ts";
import type { Batch, FleetMember, FromThread, ThreadData, ToThread } from "./messages.ts";
import { Observer, type ObserverOptions } from "./observer.ts";
import type { Report } from "./report.ts";
import { Totals } from "./totals.ts";

export interface FleetOptions {
  /** Path of the user's program, built as one module for Node. */
  readonly program: string;
  readonly identities: readonly Identity[];
  /** Options of every device but its identity. */
  readonly device: DeviceOptions;
  /** Devices started per second. */
  readonly rate: number;
  readonly threads: number;
  readonly seed: number;
  /** Percent of the devices behind a bad link. */
  readonly badLinks: number;
  /** Undefined: until the signal, or until every device has ended. */
  readonly seconds: number | undefined;
  /** Undefined: none. */
  readonly observer: ObserverOptions | undefined;
  /** A shell command that restarts the broker, and when to run it. */
  readonly restart: { readonly command: string; readonly atSeconds: number } | undefined;
}

/** For short-lived objects of a thread: the default of Node makes 5,000 idle devices take 60 MB more. */
const YOUNG_MB = 4;
const CHECK_MS = 500;
/** A program that does not return for so long is in an endless loop. */
const STUCK_MS = 5000;
/** For the devices to disconnect. */
const STOP_MS = 6000;
/** After the end, the observer waits until it has everything, or nothing has come for QUIET_MS. */
const QUIET_MS = 1000;

/** @param progress called twice a second */
export async function runFleet(
  options: FleetOptions,
  signal: AbortSignal,
  progress: (totals: Totals) => void,
): Promise<Report> {
  const fleet = new Fleet(options, progress);
  await fleet.observe();
  await fleet.run(signal);
  return fleet.report();
}

class Fleet {
  readonly #options: FleetOptions;
  readonly #progress: (totals: Totals) => void;
  readonly #totals: Totals;
  readonly #threads = new Set<Thread>();
  readonly #startedAt = Date.now();
  readonly #warnings = new Set<string>();
  #observer: Observer | undefined;
  #finish: () => void = () => {};
  #abort: (error: Error) => void = () => {};

  constructor(options: FleetOptions, progress: (totals: Totals) => void) {
    this.#options = options;
    this.#progress = progress;
    const clientIds = options.identities.map(deviceClientId);
    this.#totals = new Totals({ clientIds, plain: options.observer?.plain ?? false });
  }

  /** Without an observer the run goes on, and the report says why. */
  async observe(): Promise<void> {
    const { observer, identities } = this.#options;
    if (!observer) return;
    const indexOf = new Map(identities.map(({ type, id }, index) => [`${type}:${id}`, index]));
    try {
      this.#observer = await Observer.connect(observer, ({ device, content, qos }) => {
        const index = device === undefined ? 0 : indexOf.get(device);
        if (index !== undefined) this.#totals.received(index, content, qos);
      });
    } catch (error) {
      this.#warnings.add(`losses and duplicates are not counted: ${(error as Error).message}`);
    }
  }

  /** Resolves when every device is disconnected and every thread has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { seconds, threads, restart } = this.#options;
    const timers: NodeJS.Timeout[] = [];
    try {
      await new Promise<void>((resolve, reject) => {
        this.#finish = resolve;
        this.#abort = reject;
        signal.addEventListener("abort", () => resolve(), { once: true });
        if (signal.aborted) return resolve();
        const members = this.#members();
        for (let t = 0; t < threads; t++) this.#start(members.filter(({ index }) => index % threads === t));
        timers.push(setInterval(() => this.#check(), CHECK_MS));
        if (seconds !== undefined) timers.push(setTimeout(resolve, seconds * 1000));
        if (restart) timers.push(setTimeout(() => this.#restart(restart.command), restart.atSeconds * 1000));
      });
      this.#totals.end();
      await Promise.all([...this.#threads].map(thread => this.#stop(thread)));
      await this.#quiet();
    } finally {
      for (const timer of timers) clearTimeout(timer);
      await Promise.all([...this.#threads].map(({ worker }) => worker.terminate()));
      await this.#observer?.close();
    }
  }

  report(): Report {
    const observer = this.#observer;
    const warnings = [...this.#warnings, ...descriptorWarnings(this.#totals.failedAttempts)];
    if (observer?.sessionLost) {
      warnings.push("the broker forgot the observer's session: what was published until it was back counts as lost");
    }
    if (this.#totals.tally.overflowed) warnings.push("too many events differ: losses and duplicates are not counted");
    const deaf = observer && observer.lastEventMs === 0 && this.#totals.messagesConfirmed > 0;
    if (deaf) {
      warnings.push(
        "the observer received nothing, so losses are not counted; a broker that is no platform needs --plain",
      );
    }
    return this.#totals.report(observer !== undefined && !deaf, warnings);
  }

  #members(): FleetMember[] {
    const { identities, device, rate, seed, badLinks } = this.#options;
    const random = seeded(seed);
    return identities.map(({ org, type, id, token }, index) => ({
      index,
      options: { ...device, org, type, id, "auth-method": "token", "auth-token": token },
      startMs: (index / rate) * 1000,
      badLink: random() * 100 < badLinks,
    }));
  }

  #start(members: readonly FleetMember[]): void {
    const { program, seed } = this.#options;
    const thread = new Thread({ program, members, seed, startedAt: this.#startedAt, activity: newActivity() });
    this.#threads.add(thread);
    thread.worker.on("error", this.#abort);
    thread.worker.on("message", (message: FromThread) => this.#take(thread, message));
  }

  #take(thread: Thread, message: FromThread): void {
    if (message.what === "batch") {
      thread.took(message);
      this.#totals.add(thread, message);
    } else if (message.what === "unusable") this.#abort(new CommandError(message.message));
    else {
      this.#totals.addUnconfirmed(message.unconfirmed);
      thread.stopped();
    }
  }

  #check(): void {
    this.#progress(this.#totals);
    for (const thread of this.#threads) {
      const index = thread.stuck(performance.now());
      if (index !== undefined) this.#replace(thread, index);
    }
    if ([...this.#threads].every(({ idle }) => idle)) this.#finish();
  }

  /** A device is in an endless loop, and its thread with it: the others start again in another thread. */
  #replace(thread: Thread, index: number): void {
    this.#totals.fail({ index, message: `does not return for ${STUCK_MS / 1000} s: an endless loop` });
    this.#warnings.add("a thread was started again: what its devices had not confirmed may count as duplicates");
    thread.failed.add(index);
    this.#threads.delete(thread);
    this.#totals.remove(thread);
    void thread.worker.terminate();
    const { threads, rate } = this.#options;
    const members = thread.data.members.filter(member => !thread.failed.has(member.index));
    const startMs = (position: number) => (position / rate) * threads * 1000;
    if (members.length) this.#start(members.map((member, position) => ({ ...member, startMs: startMs(position) })));
  }

  #restart(command: string): void {
    const child = spawn(command, { shell: true, stdio: ["ignore", "ignore", "inherit"] });
    child.on("error", error => this.#warnings.add(`--restart: ${error.message}`));
    child.on("exit", code => {
      if (code !== 0) this.#warnings.add(`--restart: exit code ${code}`);
    });
  }

  async #stop(thread: Thread): Promise<void> {
    thread.worker.postMessage({ what: "stop", timeoutMs: STOP_MS } satisfies ToThread);
    await within(STOP_MS + STUCK_MS, thread.done);
    await thread.worker.terminate();
    this.#threads.delete(thread);
  }

  async #quiet(): Promise<void> {
    const observer = this.#observer;
    if (!observer) return;
    const ended = performance.now();
    const quiet = () => performance.now() - Math.max(ended, observer.lastEventMs) > QUIET_MS;
    while (this.#totals.tally.pending > 0 && !quiet()) await new Promise(resolve => setTimeout(resolve, CHECK_MS / 10));
  }
}

class Thread {
  readonly worker: Worker;
  readonly data: ThreadData;
  /** Indices of devices that are not started again. */
  readonly failed = new Set<number>();
  /** Resolves when the devices are disconnected. */
  readonly done: Promise<void>;
  stopped!: () => void;
  #calls = 0;
  #since = 0;
  #started = 0;
  #active = 0;

  constructor(data: ThreadData) {
    this.data = data;
    this.done = new Promise(resolve => {
      this.stopped = resolve;
    });
    // What a thousand programs print is of no use to anybody.
    this.worker = new Worker(pathToFileURL(published("fleet-worker.js")), {
      workerData: data,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
      stdout: true,
      stderr: true,
    });
    this.worker.stdout.resume();
    this.worker.stderr.resume();
  }

  took({ failures, started, active }: Batch): void {
    for (const { index } of failures) this.failed.add(index);
    this.#started += started;
    this.#active = active;
  }

  /** Every program has started, and no client is connected or will connect. */
  get idle(): boolean {
    return this.#started === this.data.members.length && this.#active === 0;
  }

  /** Index of a device that has not returned for STUCK_MS. */
  stuck(nowMs: number): number | undefined {
    const { activity } = this.data;
    const running = Atomics.load(activity, ACTIVITY.running);
    const calls = Atomics.load(activity, ACTIVITY.calls);
    if (running === 0 || calls !== this.#calls) {
      this.#calls = calls;
      this.#since = nowMs;
      return undefined;
    }
    return nowMs - this.#since >= STUCK_MS ? running - 1 : undefined;
  }
}

/** Resolves when `work` does, or after `ms`. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
