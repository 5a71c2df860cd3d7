// Runs a fleet: threads with the devices, an observer at the broker, and the totals of both.

import { spawn } from "node:child_process";
import type { DeviceOptions } from "../../../src/index.ts";
import { CommandError } from "../cli/errors.ts";
import { deviceClientId } from "../platform/identity.ts";
import { seeded } from "../testing/random.ts";
import { newActivity } from "./context.ts";
import { descriptorWarnings } from "./descriptors.ts";
import type { Identity } from "./identities.ts";
import type { Batch, FleetMember, MessageRecord, ThreadData } from "./messages.ts";
import { Observer, type ObserverOptions } from "./observer.ts";
import type { Report } from "./report.ts";
import { Thread, type ThreadListener } from "./thread.ts";
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

const CHECK_MS = 500;
/** With so many lost threads the run ends: each took seconds to find, and the other devices of the thread with it. */
const MAX_LOST_THREADS = 3;
/** After the devices have disconnected, the observer gets what the broker still has for it: until nothing came for so long. */
const QUIET_MS = 1000;
const POLL_MS = 50;

/** @param progress called twice a second */
export async function runFleet(
  options: FleetOptions,
  signal: AbortSignal,
  progress: (totals: Totals) => void,
): Promise<Report> {
  const fleet = new Fleet(options, progress);
  await fleet.observe(signal);
  await fleet.run(signal);
  return fleet.report();
}

class Fleet implements ThreadListener {
  readonly #options: FleetOptions;
  readonly #progress: (totals: Totals) => void;
  readonly #threads = new Set<Thread>();
  readonly #warnings = new Set<string>();
  #lostThreads = 0;
  /** False from the end of the run on: what is lost then is not started again. */
  #running = false;
  #totals!: Totals;
  #observer: Observer | undefined;
  #finish: () => void = () => {};
  #abort: (error: Error) => void = () => {};

  constructor(options: FleetOptions, progress: (totals: Totals) => void) {
    this.#options = options;
    this.#progress = progress;
  }

  /** Connects the observer. Without one the run goes on, and the report says why. */
  async observe(signal: AbortSignal): Promise<void> {
    const { observer, identities } = this.#options;
    if (!observer) return;
    const indexOf = new Map(identities.map(({ type, id }, index) => [`${type}:${id}`, index]));
    try {
      this.#observer = await Observer.connect(observer, signal, ({ device, hash, qos }) => {
        const index = device === undefined ? 0 : indexOf.get(device);
        if (index !== undefined) this.#totals.received(index, hash, qos);
      });
    } catch (error) {
      this.#warnings.add(`losses and duplicates are not counted: ${(error as Error).message}`);
    }
  }

  /** Resolves when every device is disconnected and every thread has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { identities, observer, seconds, restart } = this.#options;
    const timers: NodeJS.Timeout[] = [];
    this.#totals = new Totals({ clientIds: identities.map(deviceClientId), plain: observer?.plain ?? false });
    try {
      await new Promise<void>((resolve, reject) => {
        this.#finish = resolve;
        this.#abort = reject;
        signal.addEventListener("abort", () => resolve(), { once: true });
        if (signal.aborted) return resolve();
        this.#running = true;
        for (const data of this.#threadData()) this.#start(data);
        timers.push(setInterval(() => this.#check(), CHECK_MS));
        if (seconds !== undefined) timers.push(setTimeout(resolve, seconds * 1000));
        if (restart) timers.push(setTimeout(() => this.#restart(restart.command), restart.atSeconds * 1000));
      });
      for (const timer of timers) clearTimeout(timer);
      this.#running = false;
      this.#totals.end();
      await Promise.all([...this.#threads].map(thread => this.#disconnect(thread)));
      await this.#quiet();
    } finally {
      for (const timer of timers) clearTimeout(timer);
      await Promise.all([...this.#threads].map(thread => thread.terminate()));
      await this.#observer?.close();
    }
  }

  report(): Report {
    const { failedAttempts, connects, observable, tally } = this.#totals;
    const observer = this.#observer;
    const warnings = [...this.#warnings, ...descriptorWarnings(failedAttempts)];
    if (connects === 0) warnings.push("no device has connected");
    if (observer?.sessionLost) {
      warnings.push("the broker forgot the observer's session: what was published until it was back counts as lost");
    }
    if (tally.overflowed) warnings.push("too many events differ: losses and duplicates are not counted");
    const heard = observer !== undefined && observer.lastEventMs > 0;
    if (observer && !heard && observable > 0) {
      const hint = this.#options.observer?.plain ? "" : "; a broker that is not a platform needs --plain";
      warnings.push(`the observer received nothing: losses and duplicates are not counted${hint}`);
    }
    return this.#totals.report(heard, warnings);
  }

  batch(thread: Thread, batch: Batch): void {
    this.#totals.add(thread, batch);
  }

  unusable(message: string): void {
    this.#abort(new CommandError(message));
  }

  disconnected(unconfirmed: readonly MessageRecord[]): void {
    this.#totals.addUncertain(unconfirmed);
  }

  died(thread: Thread, reason: string): void {
    if (thread.device === undefined) return this.#abort(new CommandError(`a thread has ended: ${reason}`));
    this.#replace(thread, thread.device, `ended its thread: ${reason}`);
  }

  #threadData(): ThreadData[] {
    const { program, identities, device, rate, threads, seed, badLinks } = this.#options;
    const startedAt = Date.now();
    const random = seeded(seed);
    const members = identities.map(
      ({ org, type, id, token, number }, index): FleetMember => ({
        index,
        clientId: deviceClientId({ org, type, id }),
        options: { ...device, org, type, id, "auth-method": "token", "auth-token": token },
        startMs: (index / rate) * 1000,
        seed: Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b),
        badLink: random() * 100 < badLinks,
      }),
    );
    return Array.from({ length: threads }, (_, t) => ({
      program,
      members: members.filter(({ index }) => index % threads === t),
      startedAt,
      activity: newActivity(),
    }));
  }

  #start(data: ThreadData): void {
    if (data.members.length) this.#threads.add(new Thread(data, this));
  }

  #check(): void {
    this.#progress(this.#totals);
    const now = performance.now();
    for (const thread of this.#threads) {
      const index = thread.stuckDevice(now);
      if (index !== undefined) this.#replace(thread, index, LOOP);
      else if (thread.silent(now)) this.#loseThread(thread, undefined, LOOP);
    }
    if ([...this.#threads].every(({ idle }) => idle)) this.#finish();
  }

  /** A device has taken its thread with it: the others start again in another thread. */
  #replace(thread: Thread, index: number, message: string): void {
    const { threads, rate } = this.#options;
    this.#loseThread(thread, index, message);
    if (this.#lostThreads >= MAX_LOST_THREADS) this.#finish();
    else if (this.#running) this.#start(thread.dataWithout(index, rate / threads, newActivity()));
  }

  #loseThread(thread: Thread, index: number | undefined, message: string): void {
    this.#lostThreads++;
    this.#totals.loseThread(thread, index === undefined ? { message } : { index, message });
    this.#warnings.add("a thread was lost: what its devices had not reported may count as duplicates");
    if (this.#lostThreads >= MAX_LOST_THREADS)
      this.#warnings.add(`the run ended early: ${this.#lostThreads} threads were lost`);
    this.#threads.delete(thread);
    void thread.terminate();
  }

  #restart(command: string): void {
    const child = spawn(command, { shell: true, stdio: ["ignore", "ignore", "inherit"] });
    const running = "--restart: the command had not ended when the fleet did";
    this.#warnings.add(running);
    child.unref();
    child.on("error", error => this.#warnings.add(`--restart: ${error.message}`));
    child.on("exit", (code, signal) => {
      this.#warnings.delete(running);
      if (code !== 0) this.#warnings.add(`--restart: ${code === null ? `ended by ${signal}` : `exit code ${code}`}`);
    });
  }

  async #disconnect(thread: Thread): Promise<void> {
    const answered = await thread.disconnect();
    if (!answered) this.#loseThread(thread, thread.device, LOOP);
  }

  async #quiet(): Promise<void> {
    const observer = this.#observer;
    if (!observer) return;
    const ended = performance.now();
    const quiet = () => performance.now() - Math.max(ended, observer.lastEventMs) > QUIET_MS;
    while (this.#totals.tally.pending > 0 && !quiet()) await new Promise(resolve => setTimeout(resolve, POLL_MS));
  }
}

const LOOP = "does not return: an endless loop";
