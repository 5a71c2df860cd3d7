// A thread of a fleet: starts its devices in turn and reports what they do.

import { monitorEventLoopDelay } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { overridePorts } from "../../../targets/node/index.ts";
import { Context } from "./context.ts";
import { FleetDevice, type Recorder } from "./device.ts";
import { emptyBatch, type FromThread, type ThreadData, type ToThread } from "./messages.ts";

const REPORT_MS = 250;
const START_MS = 10;
const NS_PER_MS = 1e6;

const { program, members, seed, startedAt, activity } = workerData as ThreadData;
const devices: FleetDevice[] = [];
const context = new Context<FleetDevice>(activity);
const recorder: Recorder & { batch: ReturnType<typeof emptyBatch> } = {
  batch: emptyBatch(),
  now: () => Date.now() - startedAt,
};
const lateness = monitorEventLoopDelay({ resolution: 10 });

// Timers of this file, not of a device.
const { setInterval } = globalThis;

function say(message: FromThread): void {
  parentPort!.postMessage(message);
}

function report(): void {
  const { batch } = recorder;
  recorder.batch = emptyBatch();
  batch.connected = devices.reduce((sum, device) => sum + device.connected, 0);
  batch.active = devices.filter(device => device.active).length;
  // The resolution is part of each delay.
  batch.lateMs = Math.max(0, lateness.max / NS_PER_MS - 10);
  lateness.reset();
  say(batch);
}

async function run(): Promise<void> {
  let main: unknown;
  try {
    ({ main } = await import(pathToFileURL(program).href));
    if (typeof main !== "function") throw new Error("it exports no function main(options)");
  } catch (error) {
    return say({ what: "unusable", message: (error as Error).message });
  }
  setInterval(report, REPORT_MS);
  startDevices(main as (options: unknown) => unknown);
}

function startDevices(main: (options: unknown) => unknown): void {
  const begun = performance.now();
  const timer = setInterval(() => {
    const before = devices.length;
    while (devices.length < members.length && members[devices.length]!.startMs <= performance.now() - begun) {
      const device = new FleetDevice(members[devices.length]!, seed, context, recorder);
      devices.push(device);
      device.start(main);
    }
    // At once: a device that soon does not return takes with it what this thread has not told.
    if (devices.length > before) report();
    if (devices.length === members.length) clearInterval(timer);
  }, START_MS);
}

async function stop(timeoutMs: number): Promise<void> {
  const stopped = devices.filter(({ stopped }) => !stopped).map(device => new Promise<void>(done => device.stop(done)));
  const late = new Promise(resolve => setTimeout(resolve, timeoutMs));
  await Promise.race([Promise.all(stopped), late]);
  report();
  say({ what: "stopped", unconfirmed: devices.flatMap(({ unconfirmed }) => [...unconfirmed]) });
}

/** A device whose exception reached no handler; without one it is a fault of this file. */
function caught(error: unknown): void {
  const { device } = context;
  if (!device) throw error;
  device.fail(error);
  report();
}

process.on("uncaughtException", caught);
process.on("unhandledRejection", caught);
parentPort!.on("message", ({ timeoutMs }: ToThread) => void stop(timeoutMs));

overridePorts({
  get ports() {
    return context.device!;
  },
  created: client => context.device?.watch(client),
});
context.installGlobals();
lateness.enable();

void run();
