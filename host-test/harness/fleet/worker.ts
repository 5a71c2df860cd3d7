// A thread of a fleet: starts its devices in turn and reports what they do.

import { monitorEventLoopDelay } from "node:perf_hooks";
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import { overridePorts } from "../../../targets/node/index.ts";
import { Context } from "./context.ts";
import { FleetDevice } from "./device.ts";
import { emptyBatch, type FromThread, type ThreadData, type ToThread } from "./messages.ts";
import { errorText, type Recorder } from "./recorder.ts";

const REPORT_MS = 250;
const START_MS = 10;
const DELAY_RESOLUTION_MS = 10;
const NS_PER_MS = 1e6;

const { program, members, startedAt, activity } = workerData as ThreadData;
const devices: FleetDevice[] = [];
const context = new Context<FleetDevice>(activity);
const recorder: Recorder & { batch: ReturnType<typeof emptyBatch> } = {
  batch: emptyBatch(),
  now: () => Date.now() - startedAt,
};
const delay = monitorEventLoopDelay({ resolution: DELAY_RESOLUTION_MS });

// Timers of this file: not of a device, and unref() leaves them out of what isIdle() sees.
const { setInterval, setTimeout } = globalThis;

function post(message: FromThread): void {
  parentPort!.postMessage(message);
}

function report(): void {
  const { batch } = recorder;
  recorder.batch = emptyBatch();
  batch.connected = devices.reduce((sum, device) => sum + device.connected, 0);
  batch.idle = isIdle();
  batch.lateMs = Math.max(0, delay.max / NS_PER_MS - DELAY_RESOLUTION_MS);
  delay.reset();
  post(batch);
}

function isIdle(): boolean {
  if (devices.length < members.length || devices.some(device => device.active)) return false;
  return !process.getActiveResourcesInfo().includes("Timeout");
}

async function run(): Promise<void> {
  let main: unknown;
  try {
    ({ main } = await import(pathToFileURL(program).href));
    if (typeof main !== "function") throw new Error("it exports no function main(options)");
  } catch (error) {
    return post({ what: "unusable", message: (error as Error).message });
  }
  setInterval(report, REPORT_MS).unref();
  startDevices(main as (options: unknown) => unknown);
}

function startDevices(main: (options: unknown) => unknown): void {
  const begun = performance.now();
  const timer = setInterval(() => {
    const before = devices.length;
    while (devices.length < members.length && members[devices.length]!.startMs <= performance.now() - begun) {
      const device = new FleetDevice(members[devices.length]!, context, recorder);
      devices.push(device);
      device.start(main);
    }
    // At once: if a device never returns, this thread reports nothing more.
    if (devices.length > before) report();
    if (devices.length === members.length) clearInterval(timer);
  }, START_MS);
}

async function disconnect(timeoutMs: number): Promise<void> {
  const disconnected = devices.map(device => new Promise<void>(done => device.stop(done)));
  const late = new Promise(resolve => setTimeout(resolve, timeoutMs));
  await Promise.race([Promise.all(disconnected), late]);
  report();
  post({ what: "disconnected", unconfirmed: devices.flatMap(({ unconfirmed }) => [...unconfirmed]) });
}

function onUncaught(error: unknown): void {
  const device = context.lastDevice;
  if (!device) return post({ what: "unusable", message: `it failed outside main(): ${errorText(error)}` });
  device.fail(error);
  report();
}

process.on("uncaughtException", onUncaught);
process.on("unhandledRejection", onUncaught);
process.exit = (code?: unknown): never => {
  throw new Error(`it called process.exit(${code ?? ""})`);
};
// What the programs print would pass through the main thread.
process.stdout.write = () => true;
process.stderr.write = () => true;
parentPort!.on("message", ({ timeoutMs }: ToThread) => void disconnect(timeoutMs));

overridePorts({
  get ports() {
    if (!context.device) throw new Error("it makes a client outside main(options)");
    return context.device;
  },
  created: client => context.device?.add(client),
});
context.installGlobals();
delay.enable();
void run();
