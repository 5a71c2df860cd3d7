// Runs a user's device program in XS with real sockets until its end or Ctrl-C, then prints its cost.

import type { Io } from "../cli/command.ts";
import { within } from "../cli/within.ts";
import type { HandlerCost } from "./device/meter.ts";
import { type Xs, XsError } from "./host.ts";
import { buildProgram } from "./program.ts";
import { type Footprint, footprint, startDeviceXs } from "./session.ts";
import type { Heap } from "./snapshot.ts";
import { costTable, count, heapText } from "./text.ts";

/** Time-out for the report of the engine at the end. */
const REPORT_TIMEOUT_MS = 2000;

export interface RunOptions {
  json: boolean;
  /** Undefined: until Ctrl-C, or until the program has no connections and no timers. */
  seconds: number | undefined;
  config: Readonly<Record<string, string>>;
}

interface Report {
  /** Messages of uncaught exceptions. */
  errors: string[];
  /** Instructions of the main module. */
  startInstructions: number;
  handlers: HandlerCost[];
  /** Size of the program on the heap, without engine and package. */
  heap: { started: Footprint; ended: Footprint };
}

export async function runInXs(file: string, options: RunOptions, io: Io): Promise<number> {
  const program = await buildProgram({ file, target: "xs", config: options.config });
  const say = (text: string) => void (options.json ? io.stderr : io.stdout).write(`${text}\n`);
  const errors: string[] = [];
  let closing = false;
  let end: () => void = () => {};
  const ended = new Promise<void>(resolve => {
    end = resolve;
  });
  try {
    const caught = (error: Error) => {
      if (closing) return; // the main code reports this
      errors.push(error.message);
      // Only an XsError has a stack of the program.
      const text = error instanceof XsError ? error.stack!.replace(/^XsError: /, "") : error.message;
      io.stderr.write(`uncaught: ${program.located(text)}\n`);
      end();
    };
    const { xs, costs: handlerCosts } = await startDeviceXs({ onTrace: say, onError: caught, onIdle: () => end() });
    try {
      const empty = footprint(await xs.heap());
      const stop = until(ended, options.seconds, io.signal);
      const loading = load(xs, program.path, caught, end);
      await Promise.race([loading.catch(() => {}), stop]);
      await stop;
      // No answer after a crash, or from a program in an endless loop.
      const asked = loading.then(async loaded => ({ ...loaded, costs: await handlerCosts() })).catch(() => undefined);
      const answer = await within(REPORT_TIMEOUT_MS, asked, undefined);
      if (!answer) {
        io.stderr.write("no report: the program does not return to the engine, or has ended it\n");
        return 1;
      }
      const { startInstructions, costs } = answer;
      const started = footprint(answer.heap, empty);
      const heap = { started, ended: footprint(await xs.heap(), empty) };
      const report: Report = { errors, startInstructions, handlers: costs, heap };
      if (options.json) io.stdout.write(`${JSON.stringify(report)}\n`);
      else say(reportText(report));
      return errors.length ? 1 : 0;
    } finally {
      closing = true;
      await xs.close();
    }
  } finally {
    await program.remove();
  }
}

/** Runs the main module; resolves with its instructions and the heap after it. */
async function load(
  xs: Xs,
  path: string,
  caught: (error: Error) => void,
  end: () => void,
): Promise<{ startInstructions: number; heap: Heap }> {
  await xs.import(path).catch(caught);
  const startInstructions = xs.meter.computrons;
  const heap = await xs.heap();
  if (xs.idle) end();
  return { startInstructions, heap };
}

async function until(ended: Promise<void>, seconds: number | undefined, signal: AbortSignal): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let abort: () => void = () => {};
  const stopped = new Promise<void>(resolve => {
    abort = resolve;
    if (seconds !== undefined) timer = setTimeout(resolve, seconds * 1000);
    if (signal.aborted) resolve();
    signal.addEventListener("abort", abort);
  });
  await Promise.race([ended, stopped]);
  clearTimeout(timer);
  signal.removeEventListener("abort", abort);
}

function reportText({ startInstructions, handlers, heap }: Report): string {
  return [
    "",
    `starting took ${count(startInstructions)} instructions`,
    ...costTable(handlers),
    `heap of the program, when started: ${heapText(heap.started)}`,
    `                    at the end:   ${heapText(heap.ended)}`,
  ].join("\n");
}
